"""Volumes on another spacing, in slabs: beside input and output a few planes are in memory.

Voxel i of n covers [i, i + 1) / n of an axis before and after, so that the outer faces of a volume stay where
they are; new voxels take what lies at their centers.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int16, Shaped

from rsuper.data.headers import Shape, Spacing

HU_RANGE = (-1024.0, 3071.0)  # what 12 bits of a scanner hold
SLAB_PLANES = 16


def resample(
    array: Shaped[np.ndarray, "x y z"], spacing_mm: Spacing, new_spacing_mm: Spacing, *, linear: bool
) -> Shaped[np.ndarray, "u v w"]:
    """Resample to another spacing.

    The returned array has the input's type; a spacing that is already right is returned as it is.
    """
    if _same(spacing_mm, new_spacing_mm):
        return array
    shape = resampled_shape(_shape(array), spacing_mm, new_spacing_mm)
    if not linear:
        return _nearest(array, shape)
    out = np.empty(shape, dtype=array.dtype)
    for planes, values in _linear(array, shape):
        out[:, :, planes] = np.rint(values) if np.issubdtype(array.dtype, np.integer) else values
    return out


def resample_hu(
    ct: Shaped[np.ndarray, "x y z"], spacing_mm: Spacing, new_spacing_mm: Spacing
) -> Int16[np.ndarray, "u v w"]:
    """Bring a CT to another spacing by linear interpolation, in whole HU within `HU_RANGE`."""
    shape = resampled_shape(_shape(ct), spacing_mm, new_spacing_mm)
    out = np.empty(shape, dtype=np.int16)
    for planes, values in _linear(ct, shape, bounds=HU_RANGE):
        out[:, :, planes] = np.rint(values)
    return out


def resampled_shape(shape: Shape, spacing_mm: Spacing, new_spacing_mm: Spacing) -> Shape:
    """Return the number of voxels after `resample`, at least one per axis."""
    if _same(spacing_mm, new_spacing_mm):
        return shape
    sizes = [
        max(1, round(n * old / new)) for n, old, new in zip(shape, spacing_mm, new_spacing_mm, strict=True)
    ]
    return (sizes[0], sizes[1], sizes[2])


def to_shape(array: Float[np.ndarray, "x y z"], shape: Shape) -> Float[np.ndarray, "u v w"]:
    """Bring a probability map back to the CT's own grid by linear interpolation (inverse of `resample`)."""
    if _shape(array) == shape:
        return array
    out = np.empty(shape, dtype=np.float32)
    for planes, values in _linear(array, shape):
        out[:, :, planes] = values.clip(0.0, 1.0)
    return out


def _same(spacing_mm: Spacing, new_spacing_mm: Spacing) -> bool:
    return np.allclose(spacing_mm, new_spacing_mm, rtol=1e-3)


def _centers(old: int, new: int) -> Float[np.ndarray, " n"]:
    """Where the centers of new voxels lie, counted in old ones."""
    return (np.arange(new) + 0.5) * old / new - 0.5


def _nearest(array: Shaped[np.ndarray, "x y z"], shape: Shape) -> Shaped[np.ndarray, "u v w"]:
    nearest = [
        np.clip(np.rint(_centers(old, new)), 0, old - 1).astype(int)
        for old, new in zip(array.shape, shape, strict=True)
    ]
    return array[np.ix_(*nearest)]


class _Axis:
    """For every new voxel of an axis the old ones on both sides, and the share of the second."""

    def __init__(self, old: int, new: int) -> None:
        centers = _centers(old, new).clip(0, old - 1)
        self.low = np.floor(centers).astype(int)
        self.high = np.minimum(self.low + 1, old - 1)
        self.share = centers - self.low
        self.growth = new / old

    def blended(
        self, block: Float[np.ndarray, "x y z"], axis: int, new: slice = slice(None), first: int = 0
    ) -> Float[np.ndarray, "u v w"]:
        """Interpolate a block along the axis, for some new voxels; it begins at the old voxel `first`."""
        sides = [1, 1, 1]
        sides[axis] = -1
        share = self.share[new].reshape(sides)
        if not share.any() and len(self.low[new]) == block.shape[axis]:
            return block  # a spacing that is kept
        low, high = (block.take(index[new] - first, axis=axis) for index in (self.low, self.high))
        low *= 1 - share
        high *= share
        low += high
        return low


def _linear(
    array: Shaped[np.ndarray, "x y z"], shape: Shape, bounds: tuple[float, float] | None = None
) -> Iterator[tuple[slice, Float[np.ndarray, "u v k"]]]:
    """Yield planes of a new grid (float32), interpolated in double precision from single."""
    axes = [_Axis(old, new) for old, new in zip(array.shape, shape, strict=True)]
    order = sorted(range(3), key=lambda axis: axes[axis].growth)  # what shrinks comes first
    for start in range(0, shape[2], SLAB_PLANES):
        planes = slice(start, min(start + SLAB_PLANES, shape[2]))
        first, last = int(axes[2].low[planes][0]), int(axes[2].high[planes][-1])
        block = array[:, :, first : last + 1].astype(np.float32)
        if bounds is not None:
            block = block.clip(*bounds)
        block = block.astype(np.float64)
        for axis in order:
            block = axes[axis].blended(block, axis, *((planes, first) if axis == 2 else ()))
        yield planes, block.astype(np.float32)


def _shape(array: Shaped[np.ndarray, "x y z"]) -> Shape:
    x, y, z = array.shape
    return (x, y, z)
