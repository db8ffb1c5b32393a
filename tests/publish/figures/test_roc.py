import math

import numpy as np
import pandas as pd
import pytest
from long_forms import make_experiment, metric, metrics_of
from scored_runs import run_cases

from rsuper.metrics.detection import auc, roc_curve
from rsuper.publish.figures.roc import roc
from rsuper.publish.figures.roc_curves import mean_curve, method_curves
from tests.publish.figures.drawn import panels, same_bytes

LABELS = [1, 1, 1, 0, 0, 0, 0]
SCORES = [0.9, 0.8, 0.3, 0.7, 0.2, 0.1, 0.1]


def cases(**changes):
    return run_cases(LABELS, SCORES, **changes)


def metrics(value, **changes):
    """AUC of one seed, or of seeds by name."""
    values = value if isinstance(value, dict) else {"0": value}
    cells = {"test_set": "internal"} | changes
    return metrics_of(
        [metric("full", "r_super", "auc", number, seed=seed, **cells) for seed, number in values.items()]
    )


def test_points_by_hand():
    (curve,) = method_curves(cases(), metrics(0.92), make_experiment())
    assert (curve.budget, curve.method, curve.test_set, curve.target) == (
        "full",
        "r_super",
        "internal",
        "pancreas",
    )
    # 0.9, 0.8: two of three tumors; 0.7: one of four others; 0.3: the third tumor; the rest.
    steps = {(0, 0), (0, 1 / 3), (0, 2 / 3), (0.25, 2 / 3), (0.25, 1), (0.5, 1), (1, 1)}
    drawn = set(zip(curve.false_positive_rate.tolist(), curve.sensitivity.tolist(), strict=True))
    assert drawn <= steps
    # F1 at 0.75 is 2*2 / (3 + 2) = 0.8, at 0.25 it is 2*3 / (3 + 4) = 0.857: the second is the point.
    assert curve.point == (0.25, 1.0)
    assert (curve.auc, curve.auc_low, curve.auc_high) == pytest.approx((0.92, 0.82, 1.02))
    assert np.trapezoid(curve.sensitivity, curve.false_positive_rate) == pytest.approx(11 / 12)


def test_several_seeds_are_averaged():
    both = pd.concat([cases(seed=0), run_cases(LABELS, SCORES[::-1], seed=1)])
    (curve,) = method_curves(both, metrics({"0": 0.9, "1": 0.5, "all": 0.7}), make_experiment())
    assert curve.n_seeds == 2
    assert (curve.auc, curve.auc_low, curve.auc_high) == pytest.approx((0.7, 0.6, 0.8))
    areas = [auc(np.array(LABELS), np.array(scores)) for scores in (SCORES, SCORES[::-1])]
    assert np.trapezoid(curve.sensitivity, curve.false_positive_rate) == pytest.approx(np.mean(areas))


def test_a_seed_without_auc_leaves_none():
    (curve,) = method_curves(cases(), metrics({"0": math.nan}), make_experiment())
    assert math.isnan(curve.auc)


def test_area_under_the_mean_is_the_mean_of_the_areas():
    rng = np.random.default_rng(1)
    for _ in range(50):
        labels = rng.permutation([True] * 6 + [False] * 9)
        scores = [rng.integers(0, 5, 15).astype(float) for _ in range(3)]  # with ties: slanted lines
        rate, sensitivity = mean_curve([roc_curve(labels, own) for own in scores])
        assert (np.diff(rate) >= 0).all()
        assert (np.diff(sensitivity) >= -1e-12).all()
        areas = [auc(labels, own) for own in scores]
        assert np.trapezoid(sensitivity, rate) == pytest.approx(np.mean(areas), abs=1e-12)


def test_mean_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one curve"):
        mean_curve([])


def test_controls_one_class_and_failures():
    experiment = make_experiment()
    assert method_curves(cases(method="oracle"), metrics(1.0), experiment) == []
    assert method_curves(run_cases([1, 1], [0.2, 0.4]), metrics(1.0), experiment) == []
    (curve,) = method_curves(run_cases([1, 1, 0], [0.2, math.nan, 0.1]), metrics(1.0), experiment)
    # The failed tumor is below all thresholds: it is found where everything is called positive alone.
    assert curve.sensitivity[curve.false_positive_rate < 1].max() == 0.5


def test_same_numbers_same_bytes_and_a_panel_per_budget_target_and_test_set(cards, tmp_path):
    experiment = make_experiment()
    for name in ("a", "b"):
        roc(cases(), metrics(0.92), experiment, cards, tmp_path / name)
    assert same_bytes(tmp_path / "a", tmp_path / "b")
    assert panels(tmp_path / "a.svg") == 2 * 2 * 2
    roc(cases().iloc[:0], metrics({}), experiment, cards, tmp_path / "none")
    assert panels(tmp_path / "none.svg") == 8
