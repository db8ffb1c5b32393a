"""Lesion-level detection: which true tumors a mask finds, and what it marks where there is none."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Shaped
from scipy.ndimage import label

from rsuper.metrics.boxes import bounding_box, islands, memory_order, union_window
from rsuper.metrics.overlap import check_same_grid

# The paper counts no tumors; the field asks for anything from one voxel to half of a tumor. One voxel would
# reward a mask that spills over from next door.
FOUND_SHARE = 0.1
# A ball of 5 mm: 100 voxels of 0.8 x 0.8 x 1 mm. Smaller specks are noise that no reader would follow up.
SPECK_DIAMETER_MM = 5.0
SPECK_MM3 = math.pi / 6 * SPECK_DIAMETER_MM**3


@dataclass(frozen=True)
class Lesion:
    """A true tumor: its volume, and the share of it that the prediction marks."""

    volume_mm3: float
    covered: float


@dataclass(frozen=True)
class LesionCounts:
    """True tumors and predicted pieces of one CT; `false_mm3` are the volumes of the false pieces."""

    lesions: tuple[Lesion, ...]
    found_share: float
    false_mm3: tuple[float, ...]

    @property
    def tumors(self) -> int:
        """How many true tumors there are."""
        return len(self.lesions)

    @property
    def found(self) -> int:
        """How many of them are covered by the required share, or touched at all if that is 0."""
        return sum(each.covered > 0 and each.covered >= self.found_share for each in self.lesions)

    @property
    def missed(self) -> int:
        """How many of them are not found."""
        return self.tumors - self.found

    @property
    def false_positives(self) -> int:
        """How many predicted pieces touch no true tumor."""
        return len(self.false_mm3)


def lesion_counts(
    truth: Shaped[np.ndarray, "x y z"],
    predicted: Shaped[np.ndarray, "..."],
    spacing_mm: tuple[float, float, float],
    *,
    found_share: float = FOUND_SHARE,
    speck_mm3: float = SPECK_MM3,
) -> LesionCounts:
    """Count found and missed tumors of a CT, and predicted pieces where there is none.

    A tumor is found where the prediction marks a share of its voxels, whichever pieces they come from. A
    piece is a false positive where it shares no voxel with any tumor, so a piece that covers too little of a
    tumor to find it is none. Pieces, and tumors of a truth without instances, hang together by faces, edges
    or corners (26 neighbors). Empty masks give no tumors or no pieces.

    Args:
        truth: mask of all tumors, or their instances: integers, 0 outside, one number per tumor.
        predicted: predicted mask, booleans on the same grid.
        spacing_mm: voxel size along x, y, z.
        found_share: share of a tumor to be covered, from 0 (one voxel) to 1.
        speck_mm3: smaller false pieces do not count.

    Raises:
        ValueError: the grids differ, a spacing is not positive, the truth is neither a mask nor instances,
            the prediction is no mask, or a limit is out of range.
    """
    check_same_grid(truth, predicted)
    if predicted.dtype != np.bool_:
        raise ValueError(f"predicted must be a mask of booleans, got {predicted.dtype}")
    if not all(math.isfinite(s) and s > 0 for s in spacing_mm):
        raise ValueError(f"spacing_mm must be three positive numbers, got {spacing_mm}")
    if not 0 <= found_share <= 1:
        raise ValueError(f"found_share must lie in [0, 1], got {found_share}")
    if not speck_mm3 >= 0:
        raise ValueError(f"speck_mm3 must be at least 0, got {speck_mm3}")
    voxel_mm3, order = math.prod(spacing_mm), memory_order(truth)
    known, marked = truth.transpose(order), predicted.transpose(order)
    inside = known if known.dtype == np.bool_ else known != 0
    voxels, covered = _pieces(inside, marked) if inside is known else _instances(known, inside, marked)
    lesions = tuple(Lesion(n * voxel_mm3, hit / n) for n, hit in zip(voxels, covered, strict=True))
    false_mm3 = (n * voxel_mm3 for n, hit in zip(*_pieces(marked, inside), strict=True) if not hit)
    return LesionCounts(lesions, found_share, tuple(each for each in false_mm3 if each >= speck_mm3))


def _pieces(mask: Bool[np.ndarray, "x y z"], other: Bool[np.ndarray, "x y z"]) -> tuple[list[int], list[int]]:
    """Count the voxels of each piece of a mask and those that it shares with another mask.

    Pieces hang together by faces, edges or corners, and come in the order of their first voxels.
    """
    found: list[tuple[int, int, int]] = []
    for box in islands(mask):
        window = union_window([box])
        numbered, n = label(np.ascontiguousarray(mask[window]), structure=np.ones((3, 3, 3)))
        pieces = numbered.reshape(-1)
        voxels = np.bincount(pieces, minlength=n + 1)
        shared = np.bincount(numbered[other[window]], minlength=n + 1)
        places = np.flatnonzero(pieces)[::-1]
        first = np.zeros(n + 1, dtype=np.int64)
        first[pieces[places]] = places  # the last one written stays: the first of each piece
        corner = [low for low, _ in box]
        whole = [
            axis + low for axis, low in zip(np.unravel_index(first, numbered.shape), corner, strict=True)
        ]
        rank = np.ravel_multi_index(tuple(whole), mask.shape)
        found += zip(rank[1:].tolist(), voxels[1:].tolist(), shared[1:].tolist(), strict=True)
    found.sort()
    return [voxels for _, voxels, _ in found], [shared for _, _, shared in found]


def _instances(
    truth: Shaped[np.ndarray, "x y z"], inside: Bool[np.ndarray, "x y z"], other: Bool[np.ndarray, "x y z"]
) -> tuple[list[int], list[int]]:
    """Count as `_pieces`, for instances in the order of their numbers; a number without a voxel is none."""
    window = union_window([bounding_box(inside)])
    numbers = truth[window][inside[window]]
    if not np.issubdtype(truth.dtype, np.integer) or (numbers.size and numbers.min() < 0):
        raise ValueError(f"truth must be a mask or instances numbered from 1, got {truth.dtype}")
    _, index, voxels = np.unique(numbers, return_inverse=True, return_counts=True)
    shared = np.bincount(index[other[window][inside[window]]], minlength=voxels.size)
    return voxels.tolist(), shared.tolist()
