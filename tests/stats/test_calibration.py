"""The tests reject in about 5 % of simulated cohorts without a difference; few runs, so wide bounds.

The full table is printed by benchmarks/calibration.py.
"""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from benchmarks import calibration_means, calibration_seeds
from benchmarks.calibration import Setting, population_thresholds, rejections, table

RUNS = 300
# Central 99.9 % of the number of rejections at 5 %.
LOW, HIGH = binom.ppf([0.0005, 0.9995], RUNS, 0.05)


def test_drawn_scores_have_the_stated_auc_and_correlation():
    labels, (a, b) = Setting(139, 225, 0.75, 0.9, correlation=0.6).draw(np.random.default_rng(0), 300)
    assert labels.sum() == 139 * 300
    assert roc_auc_score(labels, a) == pytest.approx(0.75, abs=0.005)
    assert roc_auc_score(labels, b) == pytest.approx(0.90, abs=0.005)
    assert np.corrcoef(a[labels == 0], b[labels == 0])[0, 1] == pytest.approx(0.6, abs=0.01)


def test_equal_methods_share_a_threshold_and_others_do_not():
    rng = np.random.default_rng(1)
    a, b = population_thresholds(Setting(50, 50, 0.8, 0.8), rng)
    assert a == b
    # Classes of equal size a distance d apart, calls above t: F1 is highest somewhat below the middle d / 2.
    distance = np.sqrt(2) * 0.8416
    assert 0 < a < distance / 2
    a, b = population_thresholds(Setting(50, 50, 0.9, 0.8), rng)
    assert a != b


@pytest.mark.parametrize("auc", [0.75, 0.9])
def test_delong_and_permutation_keep_5_percent_on_a_test_set(auc):
    counts = rejections(Setting(139, 225, auc, auc), RUNS, np.random.default_rng(2))
    assert LOW <= counts["delong"] <= HIGH
    assert LOW <= counts["f1"] <= HIGH
    assert counts["f1_oracle"] <= HIGH


@pytest.mark.parametrize("setting", [Setting(15, 50, 0.97, 0.97), Setting(28, 225, 0.85, 0.85)])
def test_small_strata_are_at_most_conservative(setting):
    counts = rejections(setting, RUNS, np.random.default_rng(3))
    assert max(counts.values()) <= HIGH


def test_an_interval_and_a_test_together_keep_5_percent_too():
    counts = rejections(Setting(50, 50, 0.85, 0.85), RUNS, np.random.default_rng(4), draws=150)
    assert counts["both"] <= min(counts["interval"], counts["f1"])
    assert counts["both"] <= HIGH
    assert counts["both_oracle"] <= HIGH


def test_power_rises_with_the_effect():
    found = [
        rejections(Setting(139, 225, 0.82 + gain, 0.82), 120, np.random.default_rng(5))
        for gain in (0.0, 0.04, 0.08)
    ]
    for test in ("delong", "f1", "f1_oracle"):
        none, some, much = (counts[test] for counts in found)
        assert none < some < much
    assert found[2]["delong"] > 0.9 * 120


def test_the_table_names_rates_with_ranges_and_does_not_depend_on_other_rows():
    settings = (Setting(15, 50, 0.8, 0.8), Setting(15, 50, 0.9, 0.8))
    both, first = table(settings, 20, 10), table(settings[:1], 20, 10)
    assert both.loc[0].to_dict() == first.loc[0].to_dict()
    assert list(both["cases"]) == ["15+50"] * 2
    assert list(both["gain"]) == ["0.00", "0.10"]
    assert {"delong", "f1", "f1_oracle", "interval", "both_oracle"} <= set(both.columns)
    rate, low, high = (
        float(x) for x in both["delong"][0].replace("-", " ").replace("(", "").strip(")").split()
    )
    assert low <= rate <= high


def test_equal_means_are_told_apart_in_5_percent_by_test_and_claim():
    for setting in (
        calibration_means.Setting(15, 50, "tumor_cases"),
        calibration_means.Setting(50, 50, "all_cases"),
    ):
        counts = calibration_means.rejections(setting, RUNS, np.random.default_rng(8), draws=200)
        assert counts["claim"] <= min(counts["test"], counts["interval"])
        assert counts["test"] <= HIGH
    gained = calibration_means.Setting(50, 50, "tumor_cases", gain=1.0)
    assert calibration_means.rejections(gained, 40, np.random.default_rng(9), draws=200)["claim"] > 30
    found = calibration_means.table((setting, gained), 5, 20)
    assert list(found["gain"]) == [0.0, 1.0]
    assert {"interval", "test", "claim"} <= set(found.columns)


def test_luck_of_training_fools_the_test_and_not_the_gain():
    setting = calibration_seeds.Setting(60, 120, seeds=3, luck=0.04)
    counts = calibration_seeds.rejections(setting, 200, np.random.default_rng(6), draws=150)
    highest = binom.ppf(0.9995, 200, 0.05)
    assert counts["auc test"] > highest
    for metric in ("auc", "f1"):
        assert counts[f"{metric} gain"] <= min(counts[f"{metric} interval"], counts[f"{metric} test"])
        assert counts[f"{metric} gain"] <= highest
    gained = calibration_seeds.Setting(60, 120, seeds=5, luck=0.02, gain=0.1)
    power = calibration_seeds.rejections(gained, 60, np.random.default_rng(7), draws=150)
    assert power["auc gain"] > 45
    assert power["auc gain"] > power["auc each"] + 5
    found = calibration_seeds.table((setting, gained), 5, 10)
    assert list(found["gain"]) == [0.0, 0.1]
    assert {"auc test", "f1 each"} <= set(found.columns)
