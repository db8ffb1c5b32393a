"""Lesion-level detection: which true tumors a mask finds, and what it marks where there is none."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Integer, Shaped
from scipy.ndimage import label

from rsuper.metrics.boxes import bounding_box, memory_order, union_window
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
    predicted: Bool[np.ndarray, "..."],
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
        predicted: predicted mask on the same grid.
        spacing_mm: voxel size along x, y, z.
        found_share: share of a tumor to be covered, from 0 (one voxel) to 1.
        speck_mm3: smaller false pieces do not count.

    Raises:
        ValueError: the grids differ, a spacing is not positive, the truth is neither a mask nor instances,
            or a limit is out of range.
    """
    check_same_grid(truth, predicted)
    if not all(math.isfinite(s) and s > 0 for s in spacing_mm):
        raise ValueError(f"spacing_mm must be three positive numbers, got {spacing_mm}")
    if not 0 <= found_share <= 1:
        raise ValueError(f"found_share must lie in [0, 1], got {found_share}")
    if not speck_mm3 >= 0:
        raise ValueError(f"speck_mm3 must be at least 0, got {speck_mm3}")
    voxel_mm3 = math.prod(spacing_mm)
    instances, marked = _cut(truth, predicted)
    lesions = _lesions(_instances(instances), marked, voxel_mm3)
    return LesionCounts(lesions, found_share, _false_pieces_mm3(instances, marked, voxel_mm3, speck_mm3))


def _cut(
    truth: Shaped[np.ndarray, "x y z"], predicted: Bool[np.ndarray, "x y z"]
) -> tuple[Shaped[np.ndarray, "u v w"], Bool[np.ndarray, "u v w"]]:
    """Cut both to the box around either, in memory order: a CT is hundreds of times as large as a tumor."""
    inside = truth if truth.dtype == np.bool_ else truth != 0
    window, order = union_window([bounding_box(inside), bounding_box(predicted)]), memory_order(truth)
    inner = truth[window].transpose(order), predicted[window].transpose(order)
    return np.ascontiguousarray(inner[0]), np.ascontiguousarray(inner[1])


def _instances(truth: Shaped[np.ndarray, "x y z"]) -> Integer[np.ndarray, "x y z"]:
    if truth.dtype == np.bool_:
        return _pieces(truth)
    if not np.issubdtype(truth.dtype, np.integer) or (truth.size and truth.min() < 0):
        raise ValueError(f"truth must be a mask or instances numbered from 1, got {truth.dtype}")
    return truth


def _pieces(mask: Bool[np.ndarray, "x y z"]) -> Integer[np.ndarray, "x y z"]:
    """Number the pieces of a mask that hang together by faces, edges or corners."""
    pieces = np.zeros(mask.shape, dtype=np.int32)
    window = union_window([bounding_box(mask)])
    label(mask[window], structure=np.ones((3, 3, 3)), output=pieces[window])
    return pieces


def _lesions(
    instances: Integer[np.ndarray, "x y z"], predicted: Bool[np.ndarray, "x y z"], voxel_mm3: float
) -> tuple[Lesion, ...]:
    """Measure every instance, in the order of their numbers; a number without a voxel is none."""
    inside = instances > 0
    _, number, voxels = np.unique(instances[inside], return_inverse=True, return_counts=True)
    covered = np.bincount(number[predicted[inside]], minlength=voxels.size)
    return tuple(
        Lesion(int(n) * voxel_mm3, int(hit) / int(n)) for n, hit in zip(voxels, covered, strict=True)
    )


def _false_pieces_mm3(
    truth: Shaped[np.ndarray, "x y z"],
    predicted: Bool[np.ndarray, "x y z"],
    voxel_mm3: float,
    speck_mm3: float,
) -> tuple[float, ...]:
    pieces = _pieces(predicted)
    voxels = np.bincount(pieces[predicted], minlength=1)
    voxels[np.unique(pieces[predicted & (truth > 0)])] = 0
    volumes_mm3 = voxels[voxels > 0] * voxel_mm3
    return tuple(float(volume) for volume in volumes_mm3[volumes_mm3 >= speck_mm3])
