import math

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import bootstrap, norm

from rsuper.stats import bootstrap as bootstrap_module
from rsuper.stats.bca import BcaShares, acceleration, bca_shares
from rsuper.stats.bootstrap import _check_method, difference_interval, interval


def test_acceleration_by_hand():
    # Values 0, 0, 3 without each of three cases: mean 1, influence 2 * (1, 1, -2) = (2, 2, -4). Cubes: 8 + 8
    # - 64 = -48, over 27; squares 4 + 4 + 16 = 24, over 9. a = (-48 / 27) / (6 (24 / 9)^1.5).
    expected = (-48 / 27) / (6 * (24 / 9) ** 1.5)
    assert acceleration([np.array([0.0, 0.0, 3.0])]) == pytest.approx(expected)
    # Two equal strata add up: twice the cubes, twice the squares.
    assert acceleration([np.array([0.0, 0.0, 3.0])] * 2) == pytest.approx(expected / math.sqrt(2))


def test_shares_by_hand():
    # 3 of 10 resamples below and 2 level: (3 + 1) / 10 = 0.4. Symmetric jackknife: a = 0, so the shares are
    # those of 2 z0 + z.
    resampled = np.array([1.0, 2.0, 3.0, 5.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    shares = bca_shares(5.0, resampled, [np.array([4.0, 5.0, 6.0])], 0.9)
    z0 = norm.ppf(0.4)
    assert shares.low == pytest.approx(ndtr(2 * z0 + norm.ppf(0.05)))
    assert shares.high == pytest.approx(ndtr(2 * z0 + norm.ppf(0.95)))
    assert shares.undefined == ""


def test_undefined_corrections_are_named_and_leave_the_percentiles():
    spread, resampled = [np.array([1.0, 2.0, 4.0])], np.linspace(0, 1, 11)
    for value, jackknife, what in (
        (2.0, spread, "bias"),
        (-1.0, spread, "bias"),
        (0.5, [np.ones(5)], "acceleration"),
        (0.5, [np.array([1.0, math.nan])], "acceleration"),
        (0.5, [], "acceleration"),
    ):
        shares = bca_shares(value, resampled, jackknife, 0.9)
        assert (shares.low, shares.high) == pytest.approx((0.05, 0.95))
        assert shares.undefined == what


def test_mean_equals_scipy():
    values = np.random.default_rng(0).exponential(size=40)
    ours = interval(
        "mean", np.zeros(40, int), values, generator=np.random.default_rng(1), draws=20000, method="bca"
    )
    theirs = bootstrap((values,), np.mean, n_resamples=20000, method="BCa", rng=np.random.default_rng(2))
    low, high = theirs.confidence_interval
    assert ours.kind == "bca"
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.02)


@pytest.mark.parametrize("metric", ["auc", "f1", "mean"])
def test_the_stratified_acceleration_and_bounds_equal_scipys_of_two_samples(metric):
    # scipy redraws each of two samples on its own, as we redraw within labels.
    rng = np.random.default_rng(3)
    labels = np.array([1] * 25 + [0] * 35)
    scores = rng.standard_normal(60) + labels
    values = (scores > 0.4).astype(float) if metric == "f1" else scores
    statistic = {
        "auc": lambda ones, zeros: np.mean(ones[:, None] > zeros),
        "f1": lambda ones, zeros: 2 * ones.sum() / (len(ones) + ones.sum() + zeros.sum()),
        "mean": lambda ones, zeros: (ones.sum() + zeros.sum()) / (len(ones) + len(zeros)),
    }[metric]
    theirs = bootstrap(
        (values[:25], values[25:]), statistic, vectorized=False, n_resamples=5000, method="BCa",
        rng=np.random.default_rng(4),
    )  # fmt: skip
    ours = interval(metric, labels, values, generator=np.random.default_rng(5), draws=20000, method="bca")
    plain = interval(metric, labels, values, generator=np.random.default_rng(5), draws=20000)
    assert (ours.kind, ours.value) == ("bca", plain.value)
    low, high = theirs.confidence_interval
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.06 * (high - low))
    assert (ours.low, ours.high) != (plain.low, plain.high)


def test_a_difference_is_corrected_as_the_mean_of_differences_is():
    rng = np.random.default_rng(6)
    labels, a, b = np.zeros(50, int), rng.exponential(size=50), rng.standard_normal(50)
    pair = difference_interval("mean", labels, a, b, generator=np.random.default_rng(0), method="bca")
    single = interval("mean", labels, a - b, generator=np.random.default_rng(0), method="bca")
    assert (pair.low, pair.high, pair.kind) == pytest.approx((single.low, single.high, "bca"))


def test_fall_backs_are_reported_in_the_kind():
    generator = np.random.default_rng(0)
    # With a perfect F1 or sensitivity every resample repeats it.
    labels = np.array([1] * 10 + [0] * 10)
    assert interval("f1", labels, labels, generator=generator, method="bca").kind == "degenerate"
    perfect = interval("sensitivity", labels, labels, generator=generator, method="bca")
    assert perfect.kind == "wilson"
    # AUC of one positive: it is never redrawn, so it is not left out either; nine negatives below it and one
    # above still have an acceleration.
    lone = np.array([1] + [0] * 10)
    scores = np.array([9.5, *range(1, 11)], dtype=float)
    assert interval("auc", lone, scores, generator=generator, method="bca").kind == "bca"
    # One case per label: every resample is the cohort itself.
    assert interval("mean", np.array([1, 0]), np.array([0.0, 5.0]), generator=generator).kind == "degenerate"


@pytest.mark.parametrize("undefined", ["bias", "acceleration"])
def test_an_undefined_correction_keeps_the_percentiles_and_says_why(undefined, monkeypatch):
    labels, scores = np.array([1, 0] * 20), np.random.default_rng(10).standard_normal(40)
    plain = interval("auc", labels, scores, generator=np.random.default_rng(0))
    monkeypatch.setattr(bootstrap_module, "bca_shares", lambda *_: BcaShares(0.1, 0.9, undefined))
    found = interval("auc", labels, scores, generator=np.random.default_rng(0), method="bca")
    assert (found.low, found.high, found.kind) == (plain.low, plain.high, f"percentile_{undefined}_undefined")


def test_several_seeds_have_two_level_bounds_in_either_method():
    labels = np.array([1] * 10 + [0] * 10)
    rows = np.random.default_rng(7).standard_normal((3, 20))
    kinds = [
        interval("mean", labels, rows, generator=np.random.default_rng(0), method=method)
        for method in ("percentile", "bca")
    ]
    assert kinds[0] == kinds[1]
    assert kinds[0].kind == "two_level"


def test_coverage_on_a_skewed_mean_is_better_than_the_percentiles():
    # 400 samples of 25 exponentials; mean of the population 1. The upper tail is where percentiles
    # fall short.
    rng, missed = np.random.default_rng(8), {"percentile": [0, 0], "bca": [0, 0]}
    labels = np.zeros(25, int)
    for _ in range(400):
        values = rng.exponential(size=25)
        state = rng.integers(2**32)
        for method, counts in missed.items():
            found = interval(
                "mean", labels, values, generator=np.random.default_rng(state), draws=400, method=method
            )
            counts[0] += found.high < 1
            counts[1] += found.low > 1
    assert missed["bca"][0] < missed["percentile"][0]
    assert sum(missed["bca"]) / 400 <= 0.10
    assert abs(missed["bca"][0] - missed["bca"][1]) < abs(missed["percentile"][0] - missed["percentile"][1])


def test_coverage_of_two_levels_with_eight_seeds():
    # Cases differ by 1, seeds by 0.3 and their meeting by 0.5: mean of the population 0.
    rng, covered = np.random.default_rng(9), 0
    for _ in range(300):
        values = rng.standard_normal(40) + 0.3 * rng.standard_normal((8, 1))
        values = values + 0.5 * rng.standard_normal((8, 40))
        found = interval("mean", np.zeros(40, int), values, generator=rng, draws=300)
        covered += found.low <= 0 <= found.high
    assert 0.90 <= covered / 300 <= 0.98


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="method must be one of"):
        _check_method("t")


def test_acceleration_does_not_depend_on_the_unit():
    values = np.array([0.1, 0.2, 0.3, 0.9])
    assert acceleration([1e-8 * values]) == pytest.approx(acceleration([values]), rel=1e-6)
