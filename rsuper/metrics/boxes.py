"""The box around a mask: what lets every metric work on a tumor instead of a whole CT."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Shaped

# First and past-the-last index along x, y and z.
Box = list[tuple[int, int]]


def bounding_box(mask: Bool[np.ndarray, "x y z"]) -> Box | None:
    """Find the smallest box around a mask; None if it is empty.

    Masks from NIfTI are Fortran-ordered and often flipped by a reorientation. The mask is read in its memory
    order, slowest axis first, several times faster than axis by axis.
    """
    if mask.size == 0:
        return None
    flipped = [stride < 0 for stride in mask.strides]
    forward = mask[tuple(slice(None, None, -1 if flip else 1) for flip in flipped)]
    order = sorted(range(3), key=lambda axis: -forward.strides[axis])
    ordered = forward.transpose(order)
    hit = np.flatnonzero(ordered.reshape(ordered.shape[0], -1).any(axis=1))
    if hit.size == 0:
        return None
    shadow = np.logical_or.reduce(ordered[hit[0] : hit[-1] + 1], axis=0)
    hits = [hit, np.flatnonzero(shadow.any(axis=1)), np.flatnonzero(shadow.any(axis=0))]
    box: Box = [(0, 0)] * 3
    for axis, along in zip(order, hits, strict=True):
        low, high = int(along[0]), int(along[-1]) + 1
        box[axis] = (mask.shape[axis] - high, mask.shape[axis] - low) if flipped[axis] else (low, high)
    return box


def union_window(boxes: Sequence[Box | None]) -> tuple[slice, slice, slice]:
    """Give the window around all boxes, None being the box of an empty mask; an empty one if all are."""
    held = [box for box in boxes if box is not None]
    if not held:
        return slice(0), slice(0), slice(0)
    x, y, z = (slice(min(box[a][0] for box in held), max(box[a][1] for box in held)) for a in range(3))
    return x, y, z


def memory_order(array: Shaped[np.ndarray, "x y z"]) -> list[int]:
    """Order the axes as they lie in memory, slowest first: so transposed, an array is read as stored."""
    return sorted(range(3), key=lambda axis: -abs(array.strides[axis]))
