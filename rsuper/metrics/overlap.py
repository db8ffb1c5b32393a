"""Dice, and what a mask metric is worth when a mask is empty."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
from jaxtyping import Shaped

Convention = Literal["all_cases", "tumor_cases"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)

# A mask holds the voxels whose probability is at least this, everywhere in the project.
MASK_THRESHOLD = 0.5

# (truth empty, prediction empty) -> value of Dice or NSD. NaN: the case is excluded from the mean. Two full
# masks have no row: there the metric itself speaks. Table 2 of the paper fits `all_cases`, Table 3
# `tumor_cases`.
EMPTY_MASK_POLICY: Mapping[Convention, Mapping[tuple[bool, bool], float]] = MappingProxyType(
    {
        "all_cases": MappingProxyType({(True, True): 1.0, (True, False): 0.0, (False, True): 0.0}),
        "tumor_cases": MappingProxyType(
            {(True, True): math.nan, (True, False): math.nan, (False, True): 0.0}
        ),
    }
)


def empty_mask_value(gt_empty: bool, pred_empty: bool, convention: Convention = "all_cases") -> float | None:
    """Look up what a mask metric is worth by policy; None where both masks hold voxels.

    Raises:
        ValueError: the convention has no table.
    """
    if convention not in EMPTY_MASK_POLICY:
        raise ValueError(f"convention must be one of {CONVENTIONS}, got {convention!r}")
    return EMPTY_MASK_POLICY[convention].get((bool(gt_empty), bool(pred_empty)))


def in_convention(value: float, *, gt_empty: bool, pred_empty: bool, convention: Convention) -> float:
    """Restate one case's Dice or NSD in a convention: NaN means that the case does not count there."""
    fixed = empty_mask_value(gt_empty, pred_empty, convention)
    return value if fixed is None else fixed


def check_same_grid(gt: np.ndarray, pred: np.ndarray) -> None:
    """Refuse masks on different grids.

    Raises:
        ValueError: the shapes differ.
    """
    if gt.shape != pred.shape:
        raise ValueError(f"gt and pred must lie on one grid, got shapes {gt.shape} and {pred.shape}")


def check_masks(gt: Shaped[np.ndarray, "..."], pred: Shaped[np.ndarray, "..."]) -> None:
    """Refuse what are not two masks on one grid; labels other than 0 and 1 would be counted as bits.

    Raises:
        ValueError: the shapes differ, or a mask is not of booleans.
    """
    check_same_grid(gt, pred)
    for name, mask in (("gt", gt), ("pred", pred)):
        if mask.dtype != np.bool_:
            raise ValueError(f"{name} must be a mask of booleans, got {mask.dtype}; compare its labels first")


def dsc(gt: Shaped[np.ndarray, "x y z"], pred: Shaped[np.ndarray, "..."]) -> float:
    """Measure the overlap of two masks by the Dice coefficient, `2 |A and B| / (|A| + |B|)`.

    Empty masks follow the convention `all_cases`: 1 if both are empty, 0 if one is. `in_convention`
    restates the value for `tumor_cases`.

    Args:
        gt: truth, booleans.
        pred: prediction, booleans on the same grid.

    Raises:
        ValueError: the grids differ, or a mask is not of booleans.
    """
    check_masks(gt, pred)
    gt_voxels, pred_voxels = int(np.count_nonzero(gt)), int(np.count_nonzero(pred))
    fixed = empty_mask_value(gt_voxels == 0, pred_voxels == 0)
    if fixed is not None:
        return fixed
    return 2.0 * int(np.count_nonzero(gt & pred)) / (gt_voxels + pred_voxels)
