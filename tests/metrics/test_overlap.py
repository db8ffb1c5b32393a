import math

import numpy as np
import pytest

from rsuper.metrics.overlap import EMPTY_MASK_POLICY, dsc, empty_mask_value, in_convention

EMPTY = np.zeros((3, 3, 3), dtype=bool)


def mask(*voxels):
    made = EMPTY.copy()
    for voxel in voxels:
        made[voxel] = True
    return made


def test_dsc_counts_the_overlap_twice():
    gt = mask((0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 0))
    pred = mask((0, 0, 0), (2, 2, 2))
    assert dsc(gt, pred) == pytest.approx(2 * 1 / (4 + 2))


def test_dsc_of_equal_masks_is_one_and_of_disjoint_masks_zero():
    assert dsc(mask((1, 1, 1)), mask((1, 1, 1))) == 1.0
    assert dsc(mask((1, 1, 1)), mask((0, 1, 1))) == 0.0


def test_dsc_is_symmetric():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 5, 6, 7)) < 0.4
    assert dsc(a, b) == dsc(b, a)


def test_dsc_of_empty_masks_follows_all_cases():
    full = mask((1, 1, 1))
    assert (dsc(EMPTY, EMPTY), dsc(EMPTY, full), dsc(full, EMPTY)) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("gt_empty", "pred_empty", "all_cases", "tumor_cases"),
    [(True, True, 1.0, None), (True, False, 0.0, None), (False, True, 0.0, 0.0)],
)
def test_policy_table(gt_empty, pred_empty, all_cases, tumor_cases):
    assert empty_mask_value(gt_empty, pred_empty, "all_cases") == all_cases
    value = empty_mask_value(gt_empty, pred_empty, "tumor_cases")
    assert math.isnan(value) if tumor_cases is None else value == tumor_cases


def test_full_masks_keep_their_value_in_both_conventions():
    for convention in EMPTY_MASK_POLICY:
        assert in_convention(0.3, gt_empty=False, pred_empty=False, convention=convention) == 0.3


def test_silent_method_gets_the_share_of_negatives_in_all_cases_and_zero_on_tumors():
    # 2 tumor CTs and 3 normals, nothing predicted: all_cases (0 + 0 + 1 + 1 + 1) / 5, tumor_cases 0 / 2.
    truth_empty = [False, False, True, True, True]
    means = {
        c: np.nanmean([in_convention(0.0, gt_empty=e, pred_empty=True, convention=c) for e in truth_empty])
        for c in EMPTY_MASK_POLICY
    }
    assert means == {"all_cases": pytest.approx(3 / 5), "tumor_cases": 0.0}


def test_policy_table_cannot_be_changed():
    with pytest.raises(TypeError):
        EMPTY_MASK_POLICY["all_cases"][(True, True)] = 0.0


def test_unlike_grids_and_unknown_conventions_are_refused():
    with pytest.raises(ValueError, match=r"\(3, 3, 3\) and \(3, 3, 4\)"):
        dsc(EMPTY, np.zeros((3, 3, 4), dtype=bool))
    with pytest.raises(ValueError, match="grid"):
        dsc(EMPTY, np.zeros((3, 3), dtype=bool))
