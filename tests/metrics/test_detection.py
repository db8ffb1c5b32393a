import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from rsuper.metrics.boxes import memory_order
from rsuper.metrics.detection import (
    SCORE_VOLUME_MM3,
    Confusion,
    auc,
    best_f1_threshold,
    case_scores,
    choose_threshold,
    confusion_at,
    f1_all_positive,
    roc_curve,
    search_region,
    search_window,
)
from tests.metrics.layouts import LAYOUTS, scattered

ONE_MM = (1.0, 1.0, 1.0)


def one_voxel_organ(shape=(31, 31, 31)):
    organ = np.zeros(shape, dtype=bool)
    organ[tuple(n // 2 for n in shape)] = True
    return organ


def arrays(labels, scores):
    return np.array(labels), np.array(scores, dtype=float)


def test_score_volume_is_that_of_a_10_mm_ball():
    assert pytest.approx(523.6, abs=0.01) == SCORE_VOLUME_MM3


def test_region_is_the_organ_dilated_by_10_mm_whatever_the_spacing():
    for spacing_mm in (ONE_MM, (2.0, 1.0, 5.0)):
        region = search_region(one_voxel_organ(), spacing_mm)
        offsets = np.stack(np.meshgrid(*[np.arange(-15, 16)] * 3, indexing="ij"), -1) * spacing_mm
        np.testing.assert_array_equal(region, np.linalg.norm(offsets, axis=-1) <= 10.0)


def test_region_at_the_border_of_the_volume():
    organ = np.zeros((5, 5, 30), dtype=bool)
    organ[0, 0, 0] = True
    assert search_region(organ, ONE_MM)[0, 0].sum() == 11


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 2.0), (0.8, 0.9, 4.0), (6.0, 1.1, 1.3)])
def test_region_and_scores_equal_those_by_a_distance_transform_of_the_whole(layout, spacing_mm):
    rng = np.random.default_rng(0)
    shape = (44, 40, 36)
    for pieces in (1, 2, 6):
        organ = layout(scattered(rng, shape, pieces))
        whole = distance_transform_edt(~organ, sampling=spacing_mm) <= 10 + 1e-9
        region = search_region(organ, spacing_mm)
        np.testing.assert_array_equal(region, whole)
        window, near = search_window(organ, spacing_mm)
        np.testing.assert_array_equal(whole[window], near)
        assert near.sum() == whole.sum()
        # As stored: many zeros, multiples of 1 / 65535.
        stored = np.clip(rng.integers(-60000, 65536, shape), 0, None).astype(np.uint16)
        probability = layout(stored / np.float32(65535))
        order = memory_order(probability)
        picked = probability.transpose(order)[whole.transpose(order)]
        scores = case_scores(probability, organ, spacing_mm)
        count = round(SCORE_VOLUME_MM3 / math.prod(spacing_mm))
        assert scores["top_volume_mean"] == np.sort(picked)[-count:].mean(dtype=np.float64)
        assert scores["max_probability"] == picked.max()
        assert scores["volume_above"] == (picked >= 0.5).sum() * math.prod(spacing_mm)


def test_top_volume_mean_fills_the_ball_with_the_highest_voxels():
    # 2 mm voxels hold 8 mm3, so 523.6 / 8 = 65.45 gives 65 voxels: 13 at 0.9, the other 52 at 0.1.
    probability = np.full((21, 21, 21), 0.1)
    probability[10, 10, 8:13] = probability[11, 10, 8:12] = probability[9, 10, 8:12] = 0.9
    scores = case_scores(probability, one_voxel_organ((21, 21, 21)), (2.0, 2.0, 2.0))
    assert scores["top_volume_mean"] == pytest.approx((13 * 0.9 + 52 * 0.1) / 65)
    assert scores["max_probability"] == 0.9
    assert scores["volume_above"] == pytest.approx(13 * 8.0)


def test_large_voxels_leave_one_and_small_regions_all():
    probability = np.zeros((5, 5, 5))
    probability[2, 2, 2] = 0.8
    # A voxel of 20 mm holds 8,000 mm3: the top is one voxel, and no neighbor is within 10 mm.
    assert case_scores(probability, one_voxel_organ((5, 5, 5)), (20.0,) * 3)["top_volume_mean"] == 0.8
    # The whole volume of 125 mm3 is smaller than the ball: its mean.
    assert case_scores(probability, one_voxel_organ((5, 5, 5)), ONE_MM)["top_volume_mean"] == pytest.approx(
        0.8 / 125
    )


def test_probability_far_from_the_organ_is_not_seen():
    probability = np.zeros((31, 31, 31))
    probability[0, 0, 0] = 1.0
    assert set(case_scores(probability, one_voxel_organ(), ONE_MM).values()) == {0.0}


def test_one_half_belongs_to_the_mask():
    probability = np.full((3, 3, 3), 0.5)
    assert case_scores(probability, one_voxel_organ((3, 3, 3)), ONE_MM)["volume_above"] == 27.0


def test_unusable_maps_are_refused():
    organ = one_voxel_organ((3, 3, 3))
    with pytest.raises(ValueError, match="organ"):
        case_scores(np.zeros((3, 3, 3)), np.zeros_like(organ), ONE_MM)
    with pytest.raises(ValueError, match="grid"):
        case_scores(np.zeros((3, 3, 4)), organ, ONE_MM)
    for bad in (math.nan, -0.1, 1.1):
        with pytest.raises(ValueError, match=r"\[0, 1\]"):
            case_scores(np.full((3, 3, 3), bad), organ, ONE_MM)


def test_auc_by_hand_with_a_tie():
    # Pairs: 0.8 beats both, 0.5 ties 0.5 and beats 0.2: (2 + 0.5 + 1) / 4.
    assert auc(*arrays([1, 1, 0, 0], [0.8, 0.5, 0.5, 0.2])) == 3.5 / 4


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=60))
def test_auc_and_roc_equal_scikit_learn(cases):
    labels, scores = arrays([c[0] for c in cases], [c[1] for c in cases])
    if labels.all() or not labels.any():
        with pytest.raises(ValueError, match="both classes"):
            auc(labels, scores)
        return
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    curve = roc_curve(labels, scores)
    fpr, tpr, _ = sklearn_roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_positive_rate, fpr)
    np.testing.assert_allclose(curve.sensitivity, tpr)
    for k, threshold in enumerate(curve.thresholds):
        counts = confusion_at(labels, scores, threshold)
        assert counts.sensitivity == pytest.approx(curve.sensitivity[k])
        assert 1 - counts.specificity == pytest.approx(curve.false_positive_rate[k])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=40))
def test_best_threshold_beats_every_other_and_breaks_ties_by_specificity(cases):
    labels, scores = arrays([c[0] for c in cases], [c[1] for c in cases])
    if labels.all() or not labels.any():
        return
    chosen = confusion_at(labels, scores, best_f1_threshold(labels, scores))
    for threshold in [-math.inf, *(np.unique(scores)[:-1] + 0.5)]:
        other = confusion_at(labels, scores, threshold)
        assert (chosen.f1, chosen.specificity) >= (other.f1, other.specificity)


def test_best_threshold_lies_midway():
    assert best_f1_threshold(*arrays([0, 1, 0, 1], [0.1, 0.8, 0.2, 0.6])) == pytest.approx((0.2 + 0.6) / 2)


def test_of_equal_f1_the_higher_threshold_wins():
    # Everything positive: TP 3, FP 3, F1 = 6 / (3 + 6). Above 0.3: TP 2, FP 2, F1 = 4 / 7. Above 0.6: TP 2,
    # FP 1, F1 = 4 / (3 + 3), the same as at first.
    labels, scores = arrays([1, 0, 0, 1, 1, 0], [0.1, 0.1, 0.5, 0.7, 0.7, 0.7])
    assert confusion_at(labels, scores, -math.inf).f1 == confusion_at(labels, scores, 0.6).f1 == 2 / 3
    assert best_f1_threshold(labels, scores) == pytest.approx(0.6)


def test_constant_score_calls_everything_positive():
    labels, scores = arrays([1] * 4 + [0] * 9, [0.0] * 13)
    threshold = best_f1_threshold(labels, scores)
    counts = confusion_at(labels, scores, threshold)
    assert threshold == -math.inf
    assert (counts.sensitivity, counts.specificity, auc(labels, scores)) == (1.0, 0.0, 0.5)
    # 2P / (2P + N) = 8 / 17
    assert counts.f1 == f1_all_positive(4, 9) == pytest.approx(8 / 17)


def test_neighboring_floats_are_told_apart():
    low = 0.1
    labels, scores = arrays([0, 1], [low, np.nextafter(low, 1)])
    assert confusion_at(labels, scores, best_f1_threshold(labels, scores)) == Confusion(1, 0, 0, 1)


def test_rules_look_at_the_cases_they_name_and_at_no_others():
    test, validation = arrays([0, 1], [0.1, 0.3]), arrays([0, 1], [0.6, 0.8])
    unusable = arrays([1, 1], [math.nan, 0.0])
    assert choose_threshold("oracle_test", *test, *unusable) == pytest.approx(0.2)
    assert choose_threshold("validation", *unusable, *validation) == pytest.approx(0.7)


def test_confusion_at_by_hand():
    labels, scores = arrays([1, 1, 1, 0, 0, 0, 0], [0.9, 0.4, 0.1, 0.5, 0.3, 0.2, 0.4])
    # Strictly above 0.4: 0.9 (positive) and 0.5 (negative).
    counts = confusion_at(labels, scores, 0.4)
    assert counts == Confusion(tp=1, fp=1, fn=2, tn=3)
    assert counts.f1 == pytest.approx(2 / (2 + 1 + 2))
    assert counts.sensitivity == pytest.approx(1 / 3)
    assert counts.specificity == pytest.approx(3 / 4)


def test_rates_without_denominator_are_nan():
    only_negatives = confusion_at(*arrays([0, 0], [0.1, 0.2]), 0.5)
    assert math.isnan(only_negatives.sensitivity)
    assert math.isnan(only_negatives.f1)
    assert only_negatives.specificity == 1.0
    assert math.isnan(f1_all_positive(0, 0))


# Source: Table 2 and the counts that fit it; F1 in percent after rounding.
@pytest.mark.parametrize(
    ("tp", "fp", "positives", "negatives", "printed"),
    [(47, 6, 50, 50, (94, 88, 91)), (50, 50, 50, 50, (100, 0, 67))],
)
def test_printed_rows_follow_from_counts(tp, fp, positives, negatives, printed):
    counts = Confusion(tp, fp, positives - tp, negatives - fp)
    assert tuple(round(100 * v) for v in (counts.sensitivity, counts.specificity, counts.f1)) == printed


def test_unusable_scores_are_refused():
    with pytest.raises(ValueError, match="finite"):
        auc(*arrays([0, 1], [0.1, math.nan]))
    with pytest.raises(ValueError, match="0 or 1"):
        auc(*arrays([0, 2], [0.1, 0.2]))
    with pytest.raises(ValueError, match="length"):
        auc(*arrays([0, 1, 1], [0.1, 0.2]))
    with pytest.raises(ValueError, match="both classes"):
        best_f1_threshold(*arrays([1, 1], [0.1, 0.2]))
    with pytest.raises(ValueError, match="threshold"):
        confusion_at(*arrays([0, 1], [0.1, 0.2]), math.nan)
