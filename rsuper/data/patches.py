"""Where a training patch lies, and what the network sees of it."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int16, Shaped, UInt8

from rsuper.config.experiment import Augment, Network, Preprocess
from rsuper.data.store import Box, CaseIndex, StoredCase, structure_mask
from rsuper.data.volumes import Shape

INPUT_ORGANS = (("pancreas",), ("kidney_left", "kidney_right"))  # extra channels of `ct+organs`


def start_covering(box: Box, size: Shape, shape: Shape, rng: np.random.Generator) -> Shape | None:
    """Draw the start of a patch that fully covers a box; None where the box is larger than the patch.

    The patch stays inside the volume where the volume is at least as large as the patch.
    """
    start = []
    for low, high, width, n in zip(*box, size, shape, strict=True):
        if high - low > width:
            return None
        first, last = max(high - width, 0), min(low, n - width)
        if last < first:  # a volume smaller than the patch: cover the box, pad the rest
            first, last = min(high - width, low), low
        start.append(int(rng.integers(first, last + 1)))
    return _triple(start)


def start_around(
    voxel: Shape, size: Shape, shape: Shape, rng: np.random.Generator, *, jitter: float = 0.5
) -> Shape:
    """Draw the start of a patch with `voxel` off its center by at most `jitter` half patches per axis."""
    start = []
    for center, width, n in zip(voxel, size, shape, strict=True):
        shift = int(rng.integers(-int(jitter * width / 2), int(jitter * width / 2) + 1))
        free = max(n - width, 0)
        start.append(int(np.clip(center - width // 2 + shift, 0, free)))
    return _triple(start)


def _triple(values: Sequence[int]) -> Shape:
    x, y, z = values
    return (x, y, z)


def normalized(
    ct_hu: Int16[np.ndarray, "x y z"], index: CaseIndex, preprocess: Preprocess
) -> Float[np.ndarray, "x y z"]:
    """Clip and scale HU: by the volume's own mean and deviation, or from the window to [-1, 1]."""
    low, high = preprocess.clip_hu
    clipped = np.clip(ct_hu.astype(np.float32), low, high)
    if preprocess.normalize == "zscore":
        return (clipped - np.float32(index.mean_hu)) / np.float32(index.std_hu)
    return (clipped - np.float32((low + high) / 2)) / np.float32((high - low) / 2)


def input_channels(network: Network) -> int:
    """Return the number of input channels of the experiment's network."""
    return 1 if network.inputs == "ct" else 1 + len(INPUT_ORGANS)


def network_input(
    image: Float[np.ndarray, "x y z"], organs: UInt8[np.ndarray, "x y z"], network: Network
) -> Float[np.ndarray, "c x y z"]:
    """Stack what the network sees: the CT alone or, where the experiment says so, organ masks beside it."""
    if network.inputs == "ct":
        return image[None]
    masks = [structure_mask(organs, names).astype(np.float32) for names in INPUT_ORGANS]
    return np.stack([image, *masks])


def whole_input(case: StoredCase, preprocess: Preprocess, network: Network) -> Float[np.ndarray, "c x y z"]:
    """Return the network input for a whole stored volume."""
    origin = (0, 0, 0)
    image = normalized(case.ct(origin, case.index.shape), case.index, preprocess)
    return network_input(image, case.organs(origin, case.index.shape), network)


def flip_axes(augment: Augment, rng: np.random.Generator) -> tuple[int, ...]:
    """Draw the axes along which a patch is mirrored, each with probability one half."""
    return tuple("xyz".index(axis) for axis in augment.flips if rng.random() < 0.5)


def flipped(array: Shaped[np.ndarray, "x y z"], axes: tuple[int, ...]) -> Shaped[np.ndarray, "x y z"]:
    """Mirror an array; CT and labels of a patch get the same axes."""
    return np.ascontiguousarray(np.flip(array, axes)) if axes else array


def in_patch(box: Box, start: Shape, size: Shape, axes: tuple[int, ...]) -> Box:
    """Return a box of the volume in voxels of a patch that starts at `start` and is mirrored along `axes`."""
    sides = []
    for axis, (low, high, first, width) in enumerate(zip(*box, start, size, strict=True)):
        inside = low - first, high - first
        sides.append((width - inside[1], width - inside[0]) if axis in axes else inside)
    lows, highs = zip(*sides, strict=True)
    return _triple(lows), _triple(highs)


def perturbed(
    image: Float[np.ndarray, "x y z"], augment: Augment, rng: np.random.Generator
) -> Float[np.ndarray, "x y z"]:
    """Change a normalized CT by gain, offset and white noise, drawn once."""
    gain = 1 + augment.gain * rng.uniform(-1, 1)
    offset = augment.offset * rng.uniform(-1, 1)
    image = image * np.float32(gain) + np.float32(offset)
    deviation = augment.noise * rng.random()
    if deviation == 0:
        return image
    return image + np.float32(deviation) * rng.standard_normal(image.shape, dtype=np.float32)
