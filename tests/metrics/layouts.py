"""Masks for metrics that cut and reorder: pieces far apart, in every memory order."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Shaped

Mask = Bool[np.ndarray, "x y z"]
# The same values as they lie in memory after different files and reorientations.
LAYOUTS: tuple[Callable[[Shaped[np.ndarray, "x y z"]], Shaped[np.ndarray, "x y z"]], ...] = (
    np.ascontiguousarray,
    np.asfortranarray,
    lambda array: np.asfortranarray(array[::-1, ::-1])[::-1, ::-1],
    lambda array: np.ascontiguousarray(array.transpose(1, 2, 0)[:, ::-1])[:, ::-1].transpose(2, 0, 1),
)


def scattered(generator: np.random.Generator, shape: tuple[int, int, int], pieces: int = 10) -> Mask:
    """Draw small boxes of random voxels anywhere in a volume."""
    mask = np.zeros(shape, dtype=bool)
    for low in generator.integers(0, np.array(shape) - 1, (pieces, 3)):
        window = tuple(slice(a, a + n) for a, n in zip(low, generator.integers(1, 6, 3), strict=True))
        mask[window] |= generator.random(mask[window].shape) < 0.7
    return mask
