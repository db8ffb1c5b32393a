import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from rsuper.stats.delong import auc_interval, delong_test


def kernel(labels, scores):
    """Score of every pair of a positive (row) and a negative (column): 1, 1/2 or 0."""
    p, n = scores[labels == 1][:, None], scores[labels == 0][None, :]
    return (p > n) + 0.5 * (p == n)


def brute_force(labels, scores_a, scores_b):
    a, b = kernel(labels, scores_a), kernel(labels, scores_b)
    gap = a - b
    m, n = gap.shape
    variance = gap.mean(1).var(ddof=1) / m + gap.mean(0).var(ddof=1) / n
    z = gap.mean() / math.sqrt(variance)
    return a.mean(), b.mean(), math.sqrt(variance), z, 2 * norm.sf(abs(z))


def test_by_hand():
    # a: positives 3, 1 against negatives 2, 0: kernel rows (1, 1), (0, 1): AUC 3/4. b: positives 3, 2 against
    # 1, 1: all 1. Gap (0, 0), (-1, 0): row means 0, -1/2, column means -1/2, 0. Both sample variances are
    # 1/8, so the variance is (1/8) / 2 + (1/8) / 2 = 1/8 and z = -(1/4) / sqrt(1/8) = -1 / sqrt(2).
    result = delong_test(
        np.array([1, 1, 0, 0]), np.array([3.0, 1.0, 2.0, 0.0]), np.array([3.0, 2.0, 1.0, 1.0])
    )
    assert (result.auc_a, result.auc_b, result.difference) == (0.75, 1.0, -0.25)
    assert result.standard_error == pytest.approx(math.sqrt(1 / 8))
    assert result.z == pytest.approx(-1 / math.sqrt(2))
    assert result.p_value == pytest.approx(2 * norm.sf(1 / math.sqrt(2)))
    assert not result.degenerate


def test_equals_the_kernel_on_200_random_sets_with_ties():
    rng = np.random.default_rng(0)
    compared = 0
    for _ in range(200):
        size = int(rng.integers(8, 60))
        labels = np.concatenate([[0, 0, 1, 1], rng.integers(0, 2, size)])
        a, b = rng.integers(0, 8, (2, labels.size)) + rng.integers(0, 3) * labels
        result = delong_test(labels, a, b)
        if result.degenerate:
            continue
        compared += 1
        ours = (result.auc_a, result.auc_b, result.standard_error, result.z, result.p_value)
        assert ours == pytest.approx(brute_force(labels, a, b), abs=1e-12)
        assert result.auc_a == pytest.approx(roc_auc_score(labels, a), abs=1e-12)
    assert compared > 190


def test_swapping_methods_flips_the_sign_and_monotone_scores_change_nothing():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 50)
    a, b = rng.standard_normal((2, 50)) + labels
    there, back = delong_test(labels, a, b), delong_test(labels, b, a)
    assert (back.z, back.p_value) == pytest.approx((-there.z, there.p_value))
    assert delong_test(labels, np.exp(a), b) == there


def test_identical_and_both_perfect_scores_give_p_1_and_say_so():
    labels = np.array([1] * 5 + [0] * 6)
    perfect = labels + np.linspace(0, 0.5, 11)
    rng = np.random.default_rng(2)
    noisy = rng.standard_normal(11)
    for a, b in ((noisy, noisy), (perfect, 10.0 * labels), (noisy, 2 * noisy + 1)):
        result = delong_test(labels, a, b)
        assert (result.difference, result.z, result.p_value, result.degenerate) == (0.0, 0.0, 1.0, True)


def test_no_variance_but_different_aucs_falls_back_to_the_sign_test():
    # Perfect against constant: each of the 5 disjoint pairs favors the perfect score; 2 x (1/2)^5 = 1/16.
    labels = np.array([1] * 5 + [0] * 6)
    result = delong_test(labels, labels * 1.0, np.zeros(11))
    assert result.difference == 0.5
    assert math.isnan(result.z)
    assert (result.p_value, result.degenerate) == (1 / 16, True)


def test_one_perfect_score_against_a_good_one_is_an_ordinary_test():
    labels = np.array([1] * 10 + [0] * 10)
    good = np.concatenate([np.arange(10) + 6.5, np.arange(10)])
    result = delong_test(labels, labels * 1.0, good)
    assert not result.degenerate
    assert (result.z, result.p_value) == pytest.approx(brute_force(labels, labels * 1.0, good)[3:])


def test_interval_is_the_normal_one_of_the_kernel_cut_to_the_unit_range():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 40)
    scores = rng.integers(0, 10, 40) + 2 * labels
    k = kernel(labels, scores)
    error = math.sqrt(k.mean(1).var(ddof=1) / k.shape[0] + k.mean(0).var(ddof=1) / k.shape[1])
    interval = auc_interval(labels, scores)
    assert interval.kind == "delong"
    expected = (k.mean() - norm.ppf(0.975) * error, min(1.0, k.mean() + norm.ppf(0.975) * error))
    assert (interval.low, interval.high) == pytest.approx(expected)


def test_interval_of_perfect_reversed_and_constant_scores():
    # Clopper-Pearson for 5 of 5: lower bound 0.025^(1/5).
    labels = np.array([1] * 5 + [0] * 6)
    perfect, reverse, constant = (auc_interval(labels, s) for s in (labels, -labels, np.zeros(11)))
    bound = 0.025 ** (1 / 5)
    assert (perfect.value, perfect.high, perfect.kind) == (1.0, 1.0, "clopper_pearson")
    assert perfect.low == pytest.approx(bound)
    assert (reverse.low, reverse.high) == pytest.approx((0.0, 1 - bound))
    assert (constant.low, constant.value, constant.high, constant.kind) == (0.5, 0.5, 0.5, "degenerate")


def test_one_case_of_a_class_and_unusable_scores_are_refused():
    with pytest.raises(ValueError, match="2 positives and 2 negatives, got 1 and 3"):
        delong_test(np.array([1, 0, 0, 0]), np.zeros(4), np.zeros(4))
    with pytest.raises(ValueError, match="scores_b must be finite"):
        delong_test(np.array([1, 1, 0, 0]), np.zeros(4), np.array([0, 0, 0, math.nan]))
    with pytest.raises(ValueError, match="scores_b must hold one value for each of 4 cases"):
        delong_test(np.array([1, 1, 0, 0]), np.zeros(4), np.zeros(3))


def test_several_seeds_are_tested_by_the_kernel_of_their_mean():
    rng = np.random.default_rng(7)
    for _ in range(30):
        labels = np.concatenate([[0, 0, 1, 1], rng.integers(0, 2, 30)])
        a, b = rng.integers(0, 8, (2, 3, labels.size)) + labels
        gap = np.mean([kernel(labels, x) - kernel(labels, y) for x, y in zip(a, b, strict=True)], axis=0)
        variance = gap.mean(1).var(ddof=1) / gap.shape[0] + gap.mean(0).var(ddof=1) / gap.shape[1]
        result = delong_test(labels, a, b)
        assert result.difference == pytest.approx(gap.mean(), abs=1e-12)
        assert result.standard_error == pytest.approx(math.sqrt(variance), abs=1e-12)
        assert result.auc_a == pytest.approx(np.mean([roc_auc_score(labels, x) for x in a]), abs=1e-12)
    one = delong_test(labels, a[0], b[0])
    assert delong_test(labels, np.tile(a[0], (4, 1)), np.tile(b[0], (4, 1))) == one
    with pytest.raises(ValueError, match="equally many seeds, got 3 and 2"):
        delong_test(labels, a, b[:2])


def test_two_cases_of_each_class_are_enough_for_an_interval():
    found = auc_interval(np.array([1, 1, 0, 0]), np.array([4.0, 3.0, 2.0, 1.0]))
    assert (found.value, found.low) == (1.0, pytest.approx(math.sqrt(0.025)))


def test_gaps_that_are_constant_for_one_class_alone_are_an_ordinary_test():
    # Gaps per pair: (1, 0) for both positives: constant over positives, not over negatives.
    labels = np.array([1, 1, 0, 0])
    found = delong_test(labels, np.array([3.0, 3.0, 1.0, 2.0]), np.array([3.0, 3.0, 4.0, 2.0]))
    assert (found.auc_a, found.auc_b, found.degenerate) == (1.0, 0.5, False)
    assert found.standard_error == pytest.approx(0.5)  # column means 1, 0: variance 1/2, over 2
