"""Normalized surface dice (NSD) and 95th percentile Hausdorff distance (HD95).

The field calls two metrics NSD. `surfel` weighs each piece of surface by its area in mm2 (surface-distance by
DeepMind, KiTS, FLARE); `voxel` counts foreground voxels that touch the background (MONAI's default). They
differ by up to 0.4 on thin-walled or coarse tumors, so every result must name its boundary.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt8

from rsuper.metrics.boxes import bounding_box, memory_order, union_window
from rsuper.metrics.nearest import ROUNDING_MM, Marked, nearest_mm, surroundings
from rsuper.metrics.overlap import check_masks, empty_mask_value
from rsuper.metrics.surfels import INTERIOR_CODE, neighbor_codes, surface_areas_mm2

Boundary = Literal["surfel", "voxel"]
BOUNDARIES: tuple[Boundary, ...] = get_args(Boundary)
Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances from each boundary element of one mask to the nearest one of the other, with weights.

    An empty mask has no element; distances to it are infinite. Distances above `cap_mm` are infinite too.
    Weights are areas in mm2 (`surfel`) or 1 (`voxel`).
    """

    boundary: Boundary
    gt_to_pred_mm: Float[np.ndarray, " g"]
    pred_to_gt_mm: Float[np.ndarray, " p"]
    gt_weights: Float[np.ndarray, " g"]
    pred_weights: Float[np.ndarray, " p"]
    cap_mm: float = math.inf

    @property
    def gt_empty(self) -> bool:
        """Whether the truth has no voxel."""
        return self.gt_to_pred_mm.size == 0

    @property
    def pred_empty(self) -> bool:
        """Whether the prediction has no voxel."""
        return self.pred_to_gt_mm.size == 0


def surface_distances(
    gt: Shaped[np.ndarray, "x y z"],
    pred: Shaped[np.ndarray, "..."],
    spacing_mm: Spacing,
    *,
    boundary: Boundary,
    cap_mm: float = math.inf,
) -> SurfaceDistances:
    """Measure the distances between the surfaces of two masks: the costly part of NSD and HD95.

    Args:
        gt: truth, booleans.
        pred: prediction, booleans on the grid of the truth.
        spacing_mm: voxel size along x, y, z.
        boundary: `surfel` or `voxel`.
        cap_mm: search no further than this. Enough for NSD at tolerances up to the cap, and cheaper.

    Raises:
        ValueError: the grids differ, a mask is not of booleans, a spacing is not positive, the cap is
            negative, or no boundary has that name.
    """
    check_masks(gt, pred)
    _check(spacing_mm, boundary)
    if not cap_mm >= 0:
        raise ValueError(f"cap_mm must be at least 0, got {cap_mm}")
    # In the truth's memory order, so that cutting and reading run along the memory.
    order = memory_order(gt)
    own_mm = (spacing_mm[order[0]], spacing_mm[order[1]], spacing_mm[order[2]])
    window = union_window([bounding_box(gt), bounding_box(pred)])
    cut = [mask[window].transpose(order) for mask in (gt, pred)]
    around = surroundings(own_mm, cut[0].shape, cap_mm)
    laid = [_laid_out(mask, around.margin) for mask in cut]
    (gt_marked, gt_weights), (pred_marked, pred_weights) = (_elements(m, own_mm, boundary) for m in laid)
    return SurfaceDistances(
        boundary=boundary,
        gt_to_pred_mm=nearest_mm(gt_marked, pred_marked, around, cap_mm),
        pred_to_gt_mm=nearest_mm(pred_marked, gt_marked, around, cap_mm),
        gt_weights=gt_weights,
        pred_weights=pred_weights,
        cap_mm=cap_mm,
    )


def nsd(
    gt: Shaped[np.ndarray, "x y z"],
    pred: Shaped[np.ndarray, "..."],
    spacing_mm: Spacing,
    tolerance_mm: float,
    *,
    boundary: Boundary = "surfel",
) -> float:
    """Measure the share of both surfaces that lies within a tolerance of the other surface.

    Empty masks follow the convention `all_cases` of `metrics.overlap`: 1 if both are empty, 0 if one is.

    Raises:
        ValueError: the grids differ, a mask is not of booleans, or a spacing, the tolerance or the boundary
            is out of range.
    """
    _check_tolerance(tolerance_mm)
    distances = surface_distances(gt, pred, spacing_mm, boundary=boundary, cap_mm=tolerance_mm)
    return nsd_from_distances(distances, tolerance_mm)


def nsd_from_distances(distances: SurfaceDistances, tolerance_mm: float) -> float:
    """Compute NSD at one tolerance from measured distances; a distance equal to the tolerance is within it.

    Raises:
        ValueError: the tolerance is negative, not a number, or above the cap of the distances.
    """
    _check_tolerance(tolerance_mm)
    if tolerance_mm > distances.cap_mm:
        raise ValueError(f"tolerance_mm {tolerance_mm} is above the distances' cap_mm {distances.cap_mm}")
    fixed = empty_mask_value(distances.gt_empty, distances.pred_empty)
    if fixed is not None:
        return fixed
    reach = tolerance_mm + ROUNDING_MM
    near = distances.gt_weights[distances.gt_to_pred_mm <= reach].sum()
    near += distances.pred_weights[distances.pred_to_gt_mm <= reach].sum()
    return float(near / (distances.gt_weights.sum() + distances.pred_weights.sum()))


def hd95(
    gt: Shaped[np.ndarray, "x y z"],
    pred: Shaped[np.ndarray, "..."],
    spacing_mm: Spacing,
    *,
    boundary: Boundary = "surfel",
) -> float:
    """Measure the 95th percentile of the surface distances in mm, the larger of both directions.

    Both masks empty: NaN. One empty: infinity.

    Raises:
        ValueError: the grids differ, a mask is not of booleans, or a spacing or the boundary is out of range.
    """
    return hd95_from_distances(surface_distances(gt, pred, spacing_mm, boundary=boundary))


def hd95_from_distances(distances: SurfaceDistances) -> float:
    """Compute HD95 from measured distances.

    The percentile follows the tool that defines the boundary: for `surfel` the smallest distance that covers
    95 % of the area, for `voxel` the one that interpolates linearly between neighboring ranks.

    Raises:
        ValueError: the distances were capped.
    """
    if math.isfinite(distances.cap_mm):
        raise ValueError(f"HD95 needs uncapped distances, got cap_mm {distances.cap_mm}")
    if distances.gt_empty and distances.pred_empty:
        return math.nan
    if distances.gt_empty or distances.pred_empty:
        return math.inf
    if distances.boundary == "voxel":
        return float(max(np.percentile(d, 95) for d in (distances.gt_to_pred_mm, distances.pred_to_gt_mm)))
    return max(
        _covering_distance(distances.gt_to_pred_mm, distances.gt_weights),
        _covering_distance(distances.pred_to_gt_mm, distances.pred_weights),
    )


def _covering_distance(distances_mm: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"]) -> float:
    order = np.argsort(distances_mm)
    covered = np.cumsum(weights[order])
    index = np.searchsorted(covered / covered[-1], 0.95)
    return float(distances_mm[order[min(int(index), order.size - 1)]])


def _check(spacing_mm: Spacing, boundary: str) -> None:
    if not all(math.isfinite(s) and s > 0 for s in spacing_mm):
        raise ValueError(f"spacing_mm must be three positive numbers, got {spacing_mm}")
    if boundary not in BOUNDARIES:
        raise ValueError(f"boundary must be one of {BOUNDARIES}, got {boundary!r}")


def _check_tolerance(tolerance_mm: float) -> None:
    if not 0 <= tolerance_mm < math.inf:
        raise ValueError(f"tolerance_mm must be finite and at least 0, got {tolerance_mm}")


def _laid_out(mask: Bool[np.ndarray, "x y z"], margin: tuple[int, int, int]) -> UInt8[np.ndarray, "u v w"]:
    """Copy a mask into background that `nearest_mm` and `neighbor_codes` may run into.

    A margin at the end of an axis serves as the one before the next row too, but for the first axis.
    """
    before = (margin[0] + 1, 1, 1)
    shape = [n + b + m + 1 for n, b, m in zip(mask.shape, before, margin, strict=True)]
    laid = np.zeros(shape, dtype=np.uint8)
    laid[tuple(slice(b, b + n) for n, b in zip(mask.shape, before, strict=True))] = mask
    return laid


def _elements(
    bits: UInt8[np.ndarray, "x y z"], spacing_mm: Spacing, boundary: Boundary
) -> tuple[Marked, Float[np.ndarray, " n"]]:
    """Mark the boundary elements of a mask and weigh them.

    Surfels sit on a grid shifted by half a voxel, in both masks alike, so distances need no correction.
    """
    shape = (bits.shape[0], bits.shape[1], bits.shape[2])
    if boundary == "voxel":
        line = _voxel_boundary(bits)
        places = np.flatnonzero(line)
        return Marked(shape, line, places), np.ones(places.size)
    codes = neighbor_codes(bits)
    # Adding 1 wraps 255 to 0, so that one comparison leaves out both "all inside" and "all outside".
    line = codes + np.uint8(256 - INTERIOR_CODE) > 1
    places = np.flatnonzero(line)
    return Marked(shape, line, places), surface_areas_mm2(spacing_mm)[codes[places]]


def _voxel_boundary(bits: UInt8[np.ndarray, "x y z"]) -> Bool[np.ndarray, " n"]:
    """Mark, as one line, the voxels of which at least one of the six neighbors is outside."""
    line, (_, y, z) = bits.reshape(-1).view(bool), bits.shape
    core = slice(y * z, -y * z)
    marked = np.zeros_like(line)
    inner = line[: -2 * y * z] & line[2 * y * z :]
    for step in (1, z):
        inner &= line[y * z - step : -y * z - step]
        inner &= line[y * z + step : line.size - y * z + step]
    marked[core] = line[core] & ~inner
    return marked
