import numpy as np
import pytest
from scipy.stats import binom, t
from sklearn.metrics import f1_score, recall_score, roc_auc_score

from rsuper.stats import bootstrap
from rsuper.stats.bootstrap import METRICS, difference_interval, interval
from rsuper.stats.resamples import statistic

REFERENCE = {
    "auc": roc_auc_score,
    "f1": f1_score,
    "sensitivity": recall_score,
    "specificity": lambda y, v: recall_score(y, v, pos_label=0),
    "mean": lambda y, v: np.mean(v),
}


def cohort(seed, positives=40, negatives=60):
    rng = np.random.default_rng(seed)
    labels = np.array([1] * positives + [0] * negatives)
    scores = np.round(rng.standard_normal(labels.size) + labels, 1)
    return labels, scores


def values_for(metric, scores):
    return scores if metric in ("auc", "mean") else (scores > 0.5).astype(int)


@pytest.mark.parametrize("metric", METRICS)
def test_value_and_every_resample_equal_a_loop_over_redrawn_cases(metric):
    labels, scores = cohort(0)
    values = values_for(metric, scores)
    weights = bootstrap._case_weights(labels == 1, 20, np.random.default_rng(1))
    fast = statistic(metric, labels == 1, values.astype(float), weights)
    for row, value in zip(weights.astype(int), fast, strict=True):
        redrawn = np.repeat(np.arange(labels.size), row)
        assert labels[redrawn].sum() == labels.sum()
        assert value == pytest.approx(REFERENCE[metric](labels[redrawn], values[redrawn]), abs=1e-12)
    result = interval(metric, labels, values, generator=np.random.default_rng(2))
    assert result.value == pytest.approx(REFERENCE[metric](labels, values), abs=1e-12)
    assert result.low < result.value < result.high
    assert result.kind == "percentile"


def test_sensitivity_interval_equals_binomial_quantiles():
    # Redrawing 50 positives of which 40 are hit gives a binomial count: its 2.5 % and 97.5 % quantiles, over
    # 50.
    labels = np.array([1] * 50 + [0] * 50)
    calls = np.array([1] * 40 + [0] * 60)
    result = interval("sensitivity", labels, calls, generator=np.random.default_rng(0), draws=20000)
    expected = binom.ppf([0.025, 0.975], 50, 0.8) / 50
    assert (result.low, result.high) == pytest.approx(expected, abs=0.021)


def test_mean_interval_has_the_width_of_the_standard_error():
    values = np.random.default_rng(3).standard_normal(400)
    result = interval(
        "mean", np.zeros(400, dtype=int), values, generator=np.random.default_rng(0), draws=4000
    )
    assert result.high - result.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.06)


def test_strata_keep_their_numbers():
    # Values that depend on the label alone cannot vary within it.
    labels = np.array([1] * 4 + [0] * 6)
    result = interval("mean", labels, labels * 1.0, generator=np.random.default_rng(0))
    assert (result.low, result.value, result.high, result.kind) == (0.4, 0.4, 0.4, "degenerate")


def test_rates_of_zero_or_one_get_wilson_and_others_say_degenerate():
    labels = np.array([1] * 14 + [0] * 6)
    generator = np.random.default_rng(0)
    perfect = interval("sensitivity", labels, labels, generator=generator)
    # Wilson at 14 of 14: 1 / (1 + z^2 / 14).
    assert perfect.low == pytest.approx(1 / (1 + 1.959964**2 / 14), abs=1e-6)
    assert (perfect.value, perfect.high, perfect.kind) == (1.0, 1.0, "wilson")
    silent = interval("specificity", labels, np.ones(20), generator=generator)
    assert (silent.low, silent.value, silent.kind) == (0.0, 0.0, "wilson")
    assert silent.high == pytest.approx(1 - 1 / (1 + 1.959964**2 / 6), abs=1e-6)
    for metric in ("f1", "auc"):
        result = interval(metric, labels, labels, generator=generator)
        assert (result.low, result.value, result.high, result.kind) == (1.0, 1.0, 1.0, "degenerate")


@pytest.mark.parametrize("metric", METRICS)
def test_identical_methods_differ_by_nothing(metric):
    labels, scores = cohort(4)
    values = values_for(metric, scores)
    result = difference_interval(metric, labels, values, values, generator=np.random.default_rng(0))
    assert (result.low, result.value, result.high, result.kind) == (0.0, 0.0, 0.0, "degenerate")


def test_paired_difference_uses_the_same_cases():
    # b is a less 0.1 on every case: each resample differs by exactly 0.1, however noisy a is.
    labels, scores = cohort(5)
    result = difference_interval("mean", labels, scores, scores - 0.1, generator=np.random.default_rng(0))
    assert (result.low, result.high) == pytest.approx((0.1, 0.1))


def test_paired_auc_difference_covers_the_difference_and_flips_with_the_methods():
    labels, a = cohort(6)
    b = a + np.random.default_rng(7).standard_normal(100)
    there = difference_interval("auc", labels, a, b, generator=np.random.default_rng(0))
    back = difference_interval("auc", labels, b, a, generator=np.random.default_rng(0))
    assert there.value == pytest.approx(roc_auc_score(labels, a) - roc_auc_score(labels, b))
    assert there.low < there.value < there.high
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))


def test_two_levels_are_the_mean_over_seeds_and_wider_than_one():
    labels, scores = cohort(8)
    shifts = np.array([-0.5, 0.0, 0.5])[:, None]
    result = interval("mean", labels, scores + shifts, generator=np.random.default_rng(0), draws=4000)
    single = interval("mean", labels, scores, generator=np.random.default_rng(0), draws=4000)
    assert result.value == pytest.approx(scores.mean())
    assert result.kind == "two_level"
    # Variances add: that of the cases and that of the mean of 3 seeds, (0.25 + 0 + 0.25) / 2 / 3. Of the sum
    # the seeds' part has 2 degrees of freedom.
    of_cases = ((single.high - single.low) / (2 * 1.96)) ** 2
    variance = of_cases + 0.5 / 6
    expected = 2 * t.ppf(0.975, 2 * (variance / (0.5 / 6)) ** 2) * np.sqrt(variance)
    assert result.high - result.low == pytest.approx(expected, rel=0.1)


def test_few_seeds_that_differ_much_stay_within_what_the_metric_can_be():
    labels = np.array([1] * 10 + [0] * 10)
    calls = np.stack([labels, np.where(np.arange(20) < 3, labels, 0)])
    found = interval("f1", labels, calls, generator=np.random.default_rng(1))
    assert (found.low, found.high) == (0.0, 1.0)
    dice = np.array([[0.9] * 20, [0.2] * 20]) + np.linspace(0, 0.05, 20)
    found = interval("mean", labels, dice, generator=np.random.default_rng(1))
    assert (found.low, found.high) == (0.2, pytest.approx(0.95))
    apart = difference_interval("mean", labels, dice, dice[::-1], generator=np.random.default_rng(1))
    assert -0.75 == pytest.approx(apart.low) == -apart.high


def test_identical_seeds_add_no_spread():
    labels, scores = cohort(9)
    twice = interval("auc", labels, np.stack([scores, scores]), generator=np.random.default_rng(0))
    once = interval("auc", labels, scores, generator=np.random.default_rng(0))
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high), abs=0.01)  # percentiles there


def test_two_level_difference_pairs_seeds():
    labels, scores = cohort(10)
    a = np.stack([scores, scores + 5.0])
    result = difference_interval("mean", labels, a, a - 0.2, generator=np.random.default_rng(0))
    assert (result.low, result.high) == pytest.approx((0.2, 0.2))


def test_same_generator_state_gives_the_same_interval():
    labels, scores = cohort(11)
    first, second = (interval("auc", labels, scores, generator=np.random.default_rng(5)) for _ in range(2))
    assert first == second


def test_coverage_of_the_f1_interval_is_near_its_level():
    # 300 cohorts of 50 + 50 with Se 0.8 and Sp 0.7; F1 of the population: 1.6 / (1 + 0.8 + 0.3).
    rng = np.random.default_rng(12)
    labels = np.array([1] * 50 + [0] * 50)
    covered = 0
    for _ in range(300):
        calls = (rng.random(100) < np.where(labels == 1, 0.8, 0.3)).astype(int)
        result = interval("f1", labels, calls, generator=rng, draws=300)
        covered += result.low <= 1.6 / 2.1 <= result.high
    assert 0.90 <= covered / 300 <= 0.98


def test_unusable_arguments_are_refused():
    labels, scores = cohort(13)
    generator = np.random.default_rng(0)
    with pytest.raises(ValueError, match="finite"):
        interval("mean", labels, np.full(100, np.nan), generator=generator)
    with pytest.raises(ValueError, match="calls of 0 or 1 for f1"):
        interval("f1", labels, scores, generator=generator)
    with pytest.raises(ValueError, match="1 positives"):
        interval("auc", np.zeros(100, dtype=int), scores, generator=generator)
    with pytest.raises(ValueError, match="one value for each of 100 cases"):
        interval("mean", labels, scores[:-1], generator=generator)
    with pytest.raises(ValueError, match="one row"):
        interval("mean", labels, np.zeros((2, 2, 100)), generator=generator)
    with pytest.raises(ValueError, match="one shape"):
        difference_interval("mean", labels, scores, np.stack([scores, scores]), generator=generator)
    with pytest.raises(ValueError, match="draws"):
        interval("mean", labels, scores, generator=generator, draws=0)
    with pytest.raises(ValueError, match="level"):
        interval("mean", labels, scores, generator=generator, level=95.0)


def test_one_tumor_is_enough_for_f1():
    calls = np.array([1, 0, 1])
    found = interval("f1", np.array([1, 0, 0]), calls, generator=np.random.default_rng(0))
    assert found.value == pytest.approx(2 / 3)
