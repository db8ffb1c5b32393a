"""The four transformations of Models Genesis: what a network learns to undo on CTs without any label.

All act on a cube scaled to [0, 1]. Source: Zhou et al., Models Genesis; order, probabilities and constants
are those of its code, which the authors of R-Super share.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

Cube = Float[np.ndarray, "x y z"]
SMALLEST_SIDE = 14  # of a cube: under it the windows that painting restores have no size
_CURVE_POINTS = 1000
_WINDOWS_AT_ONCE = 512
_CUBE_VOXELS = 64 * 64 * 32  # of the original cubes, for which `shuffle_windows` is given


@dataclass(frozen=True)
class Genesis:
    """Probabilities and constants; the defaults are the original's.

    Windows shuffled are in proportion to the cube's voxels: `shuffle_windows` for 64 x 64 x 32.
    """

    flip: float = 0.4
    shuffle: float = 0.5
    intensity: float = 0.9
    paint: float = 0.9
    inpaint: float = 0.2  # of those painted; the others are painted from outside
    again: float = 0.95  # that a further box is painted, or a further window restored
    shuffle_windows: int = 10_000


def training_pair(image: Cube, settings: Genesis, rng: np.random.Generator) -> tuple[Cube, Cube]:
    """Make what the network sees and what it shall restore, on the scale of the image.

    The image is scaled to [0, 1] by its own least and largest value, mirrored (both alike), deformed, and
    both are scaled back. A constant image is returned as it is, twice.

    Raises:
        ValueError: a side is shorter than `SMALLEST_SIDE`.
    """
    if min(image.shape) < SMALLEST_SIDE:
        raise ValueError(f"the sides of a cube must have at least {SMALLEST_SIDE} voxels, got {image.shape}")
    low, high = float(image.min()), float(image.max())
    if low == high:
        return image, image
    original = mirrored((image - low) / (high - low), settings.flip, rng)
    changed = original
    if rng.random() < settings.shuffle:
        changed = shuffled(changed, settings.shuffle_windows * changed.size // _CUBE_VOXELS, rng)
    if rng.random() < settings.intensity:
        changed = remapped(changed, rng)
    if rng.random() < settings.paint:
        painted = inpainted if rng.random() < settings.inpaint else outpainted
        changed = painted(changed, settings.again, rng)
    scale = np.float32(high - low)
    return changed.astype(np.float32) * scale + np.float32(low), original * scale + np.float32(low)


def mirrored(cube: Cube, probability: float, rng: np.random.Generator) -> Cube:
    """Mirror along random axes: up to three times, each further one with the same probability."""
    for _ in range(3):
        if rng.random() >= probability:
            break
        cube = np.flip(cube, int(rng.integers(3)))
    return np.ascontiguousarray(cube, dtype=np.float32)


def shuffled(cube: Cube, windows: int, rng: np.random.Generator) -> Cube:
    """Permute the voxels inside so many small windows, each read from the cube as it came.

    Sides are random up to a tenth of the cube's; where windows overlap, the later one stands.
    """
    source, result = cube.ravel(), cube.ravel().copy()
    for first in range(0, windows, _WINDOWS_AT_ONCE):
        places, inside = _windows(cube.shape, min(_WINDOWS_AT_ONCE, windows - first), rng)
        # The places of a window, in their own order and in a random one; those outside it come last in both.
        own = np.argsort(~inside, axis=1, kind="stable")
        drawn = np.argsort(np.where(inside, rng.random(inside.shape), 2.0), axis=1)
        kept = np.take_along_axis(inside, own, axis=1)
        to, taken = (np.take_along_axis(places, order, axis=1)[kept] for order in (own, drawn))
        result[to] = source[taken]
    return result.reshape(cube.shape)


def _windows(
    shape: tuple[int, ...], number: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, "w m"], Bool[np.ndarray, "w m"]]:
    """Draw windows: flat places of the largest box from each window's start, and which of them it holds."""
    most = [max(side // 10, 1) for side in shape]
    sides = np.stack([rng.integers(1, side + 1, number) for side in most], axis=1)
    starts = rng.integers(0, np.array(shape) - sides + 1)
    offsets = np.indices(most).reshape(3, -1)
    inside = np.all(offsets[None] < sides[:, :, None], axis=1)
    assert isinstance(inside, np.ndarray)
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    return (starts @ strides)[:, None] + strides @ offsets, inside


def remapped(cube: Cube, rng: np.random.Generator) -> Cube:
    """Map intensities through a random Bezier curve between (0, 0) and (1, 1); one half of the maps fall.

    (The original sorts a curve that it draws from (1, 1) along both axes or along the first alone; with
    control points in the unit square the first gives a rising map, the second a falling one.)
    """
    ends = np.array([0.0, 0.0]), np.array([1.0, 1.0])
    first, second = rng.random(2), rng.random(2)
    t = np.linspace(0, 1, _CURVE_POINTS)[:, None]
    curve = (
        (1 - t) ** 3 * ends[0] + 3 * (1 - t) ** 2 * t * first + 3 * (1 - t) * t**2 * second + t**3 * ends[1]
    )
    x, y = np.sort(curve[:, 0]), np.sort(curve[:, 1])
    if rng.random() < 0.5:
        y = y[::-1]
    return np.interp(cube, x, y).astype(np.float32)


def inpainted(cube: Cube, again: float, rng: np.random.Generator) -> Cube:
    """Fill up to five boxes with noise; their sides are a sixth to a third of the cube's."""
    result = cube.copy()
    for _ in range(5):
        if rng.random() >= again:
            break
        box = _box(cube.shape, [(side // 6, side // 3) for side in cube.shape], rng)
        result[box] = rng.random(result[box].shape)
    return result


def outpainted(cube: Cube, again: float, rng: np.random.Generator) -> Cube:
    """Fill everything with noise but one to five windows; their sides are three to four sevenths."""
    result = rng.random(cube.shape, dtype=np.float32)
    for number in range(5):
        if number and rng.random() >= again:
            break
        sides = [(side - 4 * side // 7, side - 3 * side // 7) for side in cube.shape]
        box = _box(cube.shape, sides, rng)
        result[box] = cube[box]
    return result


def _box(
    shape: tuple[int, ...], sides: Sequence[tuple[int, int]], rng: np.random.Generator
) -> tuple[slice, ...]:
    """Draw a box, each side between two bounds, three voxels or more from every border."""
    box = []
    for length, (least, most) in zip(shape, sides, strict=True):
        side = int(rng.integers(least, most + 1))
        start = int(rng.integers(3, length - side - 3 + 1))
        box.append(slice(start, start + side))
    return tuple(box)
