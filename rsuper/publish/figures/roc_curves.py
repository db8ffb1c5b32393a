"""ROC curves of every method, averaged over seeds, with the operating point of the highest F1."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from rsuper.config.experiment import Experiment
from rsuper.evaluate.calls import ScoredCases, scored_groups
from rsuper.evaluate.seeds import over_seeds
from rsuper.metrics.detection import RocCurve, roc_curve

RULE = "oracle_test"


@dataclass(frozen=True)
class MethodCurve:
    """One line of a panel: the curve, its operating point, and its AUC with interval from METRICS."""

    budget: str
    method: str
    test_set: str
    target: str
    n_seeds: int
    false_positive_rate: Float[np.ndarray, " k"]
    sensitivity: Float[np.ndarray, " k"]
    point: tuple[float, float]  # false positive rate and sensitivity at the oracle_test threshold
    auc: float
    auc_low: float
    auc_high: float


def method_curves(cases: pd.DataFrame, metrics: pd.DataFrame, experiment: Experiment) -> list[MethodCurve]:
    """Trace one curve per budget, method, test set and target; controls are left out.

    With several seeds the curve is the mean of their curves (sensitivity at equal false positive rate, see
    `mean_curve`), the point the mean of their points, the AUC their mean with its interval over seeds and
    cases. A failed case counts as called negative at every threshold. Where a class is missing there is no
    curve.

    Args:
        cases: columns of CASES with budget, method and seed.
        metrics: columns of METRICS.
        experiment: names the case score and the controls.
    """
    drawn = cases[~cases["method"].isin(experiment.all_controls)]
    by_line: dict[tuple[str, str, str, str], list[ScoredCases]] = {}
    for group in scored_groups(drawn, experiment.evaluation.score):
        if group.labels.any() and not group.labels.all():
            key = (group.key.budget, group.key.method, group.key.test_set, group.key.target)
            by_line.setdefault(key, []).append(group)
    return [_curve(key, seeds, metrics) for key, seeds in by_line.items()]


def _curve(
    key: tuple[str, str, str, str], seeds: Sequence[ScoredCases], metrics: pd.DataFrame
) -> MethodCurve:
    rate, sensitivity = mean_curve([roc_curve(group.labels, group.scores) for group in seeds])
    points = [operating_point(group) for group in seeds]
    names = ["budget", "method", "test_set", "target"]
    own = metrics[(metrics["metric"] == "auc") & (metrics["stratum"] == "all")]
    for name, wanted in zip(names, key, strict=True):
        own = own[own[name] == wanted]
    auc = over_seeds(own)[["value", "ci_low", "ci_high"]].to_numpy(dtype=float)
    value, low, high = auc[0] if len(auc) else (math.nan,) * 3
    return MethodCurve(
        *key,
        n_seeds=len(seeds),
        false_positive_rate=rate,
        sensitivity=sensitivity,
        point=(float(np.mean([x for x, _ in points])), float(np.mean([y for _, y in points]))),
        auc=float(value),
        auc_low=float(low),
        auc_high=float(high),
    )


def operating_point(group: ScoredCases) -> tuple[float, float]:
    """Return false positive rate and sensitivity at the threshold with the highest F1 on the test set."""
    called = group.calls(RULE)
    return float(called[~group.labels].mean()), float(called[group.labels].mean())


def mean_curve(curves: Sequence[RocCurve]) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Average curves at equal false positive rate; the area under the mean is the mean of the areas.

    At a rate where a curve rises vertically, its lower and upper end are averaged separately.

    Raises:
        ValueError: no curve.
    """
    if not curves:
        raise ValueError("curves must hold at least one curve, got none")
    rates = np.unique(np.concatenate([curve.false_positive_rate for curve in curves]))
    lower = np.mean([_at(rates, curve, upper=False) for curve in curves], axis=0)
    upper = np.mean([_at(rates, curve, upper=True) for curve in curves], axis=0)
    return np.repeat(rates, 2), np.stack([lower, upper], axis=1).ravel()


def _at(rates: Float[np.ndarray, " m"], curve: RocCurve, *, upper: bool) -> Float[np.ndarray, " m"]:
    """Read a curve at false positive rates: where it rises vertically, its upper or its lower end."""
    x, y = curve.false_positive_rate, curve.sensitivity
    distinct, first = np.unique(x, return_index=True)
    last = np.append(first[1:], len(x)) - 1
    lower_ends, upper_ends = y[first], y[last]
    values = np.interp(rates, distinct, upper_ends if upper else lower_ends)
    # Between two rates a curve goes from the upper end of the left one to the lower end of the right one.
    right = np.clip(np.searchsorted(distinct, rates), 1, len(distinct) - 1)
    left = right - 1
    share = (rates - distinct[left]) / (distinct[right] - distinct[left])
    between = upper_ends[left] + share * (lower_ends[right] - upper_ends[left])
    return np.where(np.isin(rates, distinct), values, between)
