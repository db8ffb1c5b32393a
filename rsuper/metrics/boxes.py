"""The box around a mask: what lets every metric work on a tumor instead of a whole CT."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int, Shaped

# First and past-the-last index along x, y and z.
Box = list[tuple[int, int]]
Window = tuple[slice, slice, slice]
# Cutting a box of 32 x 32 x 32 further takes longer than reading it.
SMALL_VOXELS = 32**3


def bounding_box(mask: Bool[np.ndarray, "x y z"]) -> Box | None:
    """Find the smallest box around a mask; None if it is empty.

    Masks from NIfTI are Fortran-ordered and often flipped by a reorientation. The mask is read in its memory
    order, slowest axis first, several times faster than axis by axis.
    """
    ordered = _as_stored(mask)
    planes = _planes(ordered)
    if planes.size == 0:
        return None
    shadow = np.logical_or.reduce(ordered[planes[0] : planes[-1] + 1], axis=0)
    hits = [planes, np.flatnonzero(shadow.any(axis=1)), np.flatnonzero(shadow.any(axis=0))]
    return _in_axes_of(mask, [(int(along[0]), int(along[-1]) + 1) for along in hits])


def islands(
    mask: Bool[np.ndarray, "x y z"],
    *,
    gaps: tuple[int, int, int] = (1, 1, 1),
    small_voxels: int = SMALL_VOXELS,
) -> list[Box]:
    """Cut a mask at empty planes into boxes that together hold all its voxels; an empty mask has none.

    No two boxes share a voxel, and voxels that hang together by faces, edges or corners share a box. Work
    on scattered pieces then takes the time of the pieces, not that of the box around all of them.

    Args:
        mask: the mask.
        gaps: cut where at least so many planes in a row are empty, along x, y, z.
        small_voxels: boxes of so many voxels are not cut further.

    Raises:
        ValueError: a gap is less than one plane.
    """
    if min(gaps) < 1:
        raise ValueError(f"gaps must be at least 1 plane along each axis, got {gaps}")
    ordered, order = _as_stored(mask), memory_order(mask)
    todo: list[Box] = [[(0, n) for n in ordered.shape]]
    done: list[Box] = []
    while todo:
        parts = _cut(ordered, todo.pop(), [gaps[axis] for axis in order], small_voxels)
        (done if len(parts) == 1 else todo).extend(parts)
    return [_in_axes_of(mask, box) for box in done]


def _cut(ordered: Bool[np.ndarray, "u v w"], box: Box, gaps: Sequence[int], small_voxels: int) -> list[Box]:
    """Cut a box along the first axis that has a gap; one box that fits where none has."""
    view = ordered[union_window([box])]
    keep = view.size <= small_voxels
    planes = _planes(view)
    runs = _runs(planes, box[0], gaps[0], keep)
    if len(runs) != 1:
        return [[run, *box[1:]] for run in runs]
    shadow = np.logical_or.reduce(view[planes[0] : planes[-1] + 1], axis=0)
    across = _runs(np.flatnonzero(shadow.any(axis=1)), box[1], gaps[1], keep)
    along = _runs(np.flatnonzero(shadow.any(axis=0)), box[2], gaps[2], keep)
    if len(across) > 1:
        return [[runs[0], run, box[2]] for run in across]
    return [[runs[0], across[0], run] for run in along]


def _runs(hits: Int[np.ndarray, " n"], within: tuple[int, int], gap: int, keep: bool) -> Box:
    """Group the hit planes into runs, apart by at least a gap; all into one if they are to be kept so."""
    if hits.size == 0:
        return []
    cuts = np.flatnonzero(np.diff(hits) > gap) if not keep else np.zeros(0, dtype=np.intp)
    firsts, lasts = hits[np.append(0, cuts + 1)], hits[np.append(cuts, hits.size - 1)]
    return [(within[0] + int(a), within[0] + int(b) + 1) for a, b in zip(firsts, lasts, strict=True)]


def _planes(ordered: Bool[np.ndarray, "u v w"]) -> Int[np.ndarray, " n"]:
    """List the planes along the first axis that hold a voxel."""
    if ordered.size == 0:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(ordered.reshape(ordered.shape[0], -1).any(axis=1))


def _as_stored(mask: Bool[np.ndarray, "x y z"]) -> Bool[np.ndarray, "u v w"]:
    """Turn a mask so that it is read as it lies in memory, slowest axis first."""
    x, y, z = (slice(None, None, -1 if stride < 0 else 1) for stride in mask.strides)
    return mask[x, y, z].transpose(memory_order(mask))


def _in_axes_of(mask: Bool[np.ndarray, "x y z"], stored: Box) -> Box:
    """Turn a box in `_as_stored` back to the axes of the mask."""
    box: Box = [(0, 0)] * 3
    for axis, (low, high) in zip(memory_order(mask), stored, strict=True):
        n = mask.shape[axis]
        box[axis] = (n - high, n - low) if mask.strides[axis] < 0 else (low, high)
    return box


def union_window(boxes: Sequence[Box | None]) -> Window:
    """Give the window around all boxes, None being the box of an empty mask; an empty one if all are."""
    held = [box for box in boxes if box is not None]
    if not held:
        return slice(0), slice(0), slice(0)
    x, y, z = (slice(min(box[a][0] for box in held), max(box[a][1] for box in held)) for a in range(3))
    return x, y, z


def memory_order(array: Shaped[np.ndarray, "x y z"]) -> list[int]:
    """Order the axes as they lie in memory, slowest first: so transposed, an array is read as stored."""
    return sorted(range(3), key=lambda axis: -abs(array.strides[axis]))
