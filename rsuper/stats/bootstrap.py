"""Bootstrap intervals of a metric, and of the difference of two methods on the same cases.

Cases are redrawn within each label, so every resample has the cohort's numbers of positives and negatives.
A resample is a row of multiplicities per case; every metric is then a matrix product over all resamples at
once. With several seeds the seeds are redrawn first, then the cases; all redrawn seeds see the same redrawn
cases, since in truth too they are tested on the same ones (`stats.two_levels`).
"""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Shaped

from rsuper.stats.bca import bca_shares
from rsuper.stats.interval import Interval, check_level, wilson_interval
from rsuper.stats.resamples import statistic
from rsuper.stats.samples import as_labels, as_rows
from rsuper.stats.two_levels import ROUNDING, multiplicities, seed_weights, two_level_bounds

Metric = Literal["auc", "f1", "sensitivity", "specificity", "mean"]
METRICS: tuple[Metric, ...] = get_args(Metric)
Method = Literal["percentile", "bca"]
METHODS: tuple[Method, ...] = get_args(Method)
DRAWS = 1000
# Fewest positives and negatives for which a metric is defined.
NEEDS: dict[str, tuple[int, int]] = {
    "auc": (1, 1),
    "f1": (1, 0),
    "sensitivity": (1, 0),
    "specificity": (0, 1),
}


def interval(
    metric: Metric,
    labels: Shaped[np.ndarray, " n"],
    values: Shaped[np.ndarray, "..."],
    *,
    generator: np.random.Generator,
    draws: int = DRAWS,
    level: float = 0.95,
    method: Method = "percentile",
) -> Interval:
    """Bound a metric by its stratified bootstrap.

    Method `bca` corrects the percentiles for bias and skewness (`stats.bca`). Where the correction is
    undefined the bounds are the percentiles, and the kind says so and why: `percentile_bias_undefined` or
    `percentile_acceleration_undefined`. With several seeds the bounds are Student's in either method (kind
    `two_level`; `stats.two_levels`), cut to what the metric can be: 0 to 1, or the range of averaged values.

    Sensitivity and specificity of exactly 0 or 1 get Wilson's interval instead (kind `wilson`), as each
    resample would repeat the value. Any other metric whose resamples all agree has kind `degenerate`.

    Args:
        metric: `auc`, `f1`, `sensitivity`, `specificity`, or `mean` of per-case values such as DSC or NSD.
        labels: truth per case; for `mean` the strata to redraw within (a constant for none).
        values: scores for `auc`, calls of 0 or 1 at a fixed threshold for the rates, values for `mean`; one
            row per seed where there are several, and the metric is then the mean over seeds.
        generator: source of the resamples; same state, same interval.
        draws: number of resamples.
        level: share of resamples inside the bounds.
        method: `percentile` or `bca`.

    Raises:
        ValueError: a class the metric needs is missing, a value is not finite or not a call, shapes do not
            fit, or metric, draws, level or method are out of range.
    """
    _check_method(method)
    positive, rows = _checked(metric, labels, values, draws, level)
    value = _point(metric, positive, rows)
    if metric in ("sensitivity", "specificity") and value in (0.0, 1.0):
        trials = int(positive.sum()) if metric == "sensitivity" else int((~positive).sum())
        return wilson_interval(round(value) * trials, trials, level)
    weights = _case_weights(positive, draws, generator)
    seeds = seed_weights(len(rows), draws, generator)
    per_seed = _per_seed(metric, positive, rows, weights)
    if len(rows) > 1:
        return _two_level(value, per_seed, seeds, level, _range(metric, rows))
    if method == "percentile":
        return _percentiles(value, per_seed[:, 0], level)
    return _bca(value, per_seed[:, 0], _jackknife(metric, positive, rows), level)


def difference_interval(
    metric: Metric,
    labels: Shaped[np.ndarray, " n"],
    values_a: Shaped[np.ndarray, "..."],
    values_b: Shaped[np.ndarray, "..."],
    *,
    generator: np.random.Generator,
    draws: int = DRAWS,
    level: float = 0.95,
    method: Method = "percentile",
) -> Interval:
    """Bound the difference of two methods (a minus b), both on the same resamples of cases and of seeds.

    Row k of either method must be the same seed. Arguments and errors are those of `interval`; all resamples
    agreeing, as with identical methods, gives the kind `degenerate`.
    """
    _check_method(method)
    positive, a = _checked(metric, labels, values_a, draws, level)
    _, b = _checked(metric, labels, values_b, draws, level)
    if a.shape != b.shape:
        raise ValueError(f"values_a and values_b must be of one shape, got {a.shape} and {b.shape}")
    weights = _case_weights(positive, draws, generator)
    seeds = seed_weights(len(a), draws, generator)
    per_seed = _per_seed(metric, positive, a, weights) - _per_seed(metric, positive, b, weights)
    value = _point(metric, positive, a) - _point(metric, positive, b)
    if len(a) > 1:
        (low_a, high_a), (low_b, high_b) = (_range(metric, rows) for rows in (a, b))
        return _two_level(value, per_seed, seeds, level, (low_a - high_b, high_a - low_b))
    if method == "percentile":
        return _percentiles(value, per_seed[:, 0], level)
    without = zip(*(_jackknife(metric, positive, rows) for rows in (a, b)), strict=True)
    return _bca(value, per_seed[:, 0], [ours - theirs for ours, theirs in without], level)


def _check_method(method: str) -> None:
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")


def _checked(
    metric: str,
    labels: Shaped[np.ndarray, " n"],
    values: Shaped[np.ndarray, "..."],
    draws: int,
    level: float,
) -> tuple[Bool[np.ndarray, " n"], Float[np.ndarray, "s n"]]:
    check_level(level)
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {METRICS}, got {metric!r}")
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    positives, negatives = NEEDS.get(metric, (0, 0))
    positive = as_labels(labels, positives=positives, negatives=negatives)
    rows = as_rows("values", values, positive.size)
    if metric not in ("auc", "mean") and not np.isin(rows, (0, 1)).all():
        raise ValueError(f"values must be calls of 0 or 1 for {metric}, got {np.unique(rows)[:5]}")
    return positive, rows


def _case_weights(
    positive: Bool[np.ndarray, " n"], draws: int, generator: np.random.Generator
) -> Float[np.ndarray, "d n"]:
    """Draw how often each case occurs in each resample, within its label."""
    weights = np.zeros((draws, positive.size))
    for members in (np.flatnonzero(positive), np.flatnonzero(~positive)):
        if members.size:
            weights[:, members] = multiplicities(members.size, draws, generator)
    return weights


def _point(metric: str, positive: Bool[np.ndarray, " n"], rows: Float[np.ndarray, "s n"]) -> float:
    once = np.ones((1, positive.size))
    return float(np.mean([statistic(metric, positive, row, once)[0] for row in rows]))


def _per_seed(
    metric: str,
    positive: Bool[np.ndarray, " n"],
    rows: Float[np.ndarray, "s n"],
    weights: Float[np.ndarray, "d n"],
) -> Float[np.ndarray, "d s"]:
    return np.stack([statistic(metric, positive, row, weights) for row in rows], axis=1)


def _range(metric: str, rows: Float[np.ndarray, "s n"]) -> tuple[float, float]:
    """Bounds of what the metric can be."""
    return (float(rows.min()), float(rows.max())) if metric == "mean" else (0.0, 1.0)


def _jackknife(
    metric: str, positive: Bool[np.ndarray, " n"], rows: Float[np.ndarray, "1 n"]
) -> list[Float[np.ndarray, " k"]]:
    """Compute a metric without each case in turn, per label; a label of one case is never redrawn."""
    without = 1 - np.eye(positive.size)
    members = [np.flatnonzero(positive), np.flatnonzero(~positive)]
    return [statistic(metric, positive, rows[0], without[each]) for each in members if each.size > 1]


def _bca(
    value: float, resampled: Float[np.ndarray, " d"], jackknife: list[Float[np.ndarray, "..."]], level: float
) -> Interval:
    plain = _percentiles(value, resampled, level)
    if plain.kind == "degenerate":
        return plain
    shares = bca_shares(value, resampled, jackknife, level)
    if shares.undefined:
        return Interval(value, plain.low, plain.high, f"percentile_{shares.undefined}_undefined")
    low, high = (float(q) for q in np.quantile(resampled, [shares.low, shares.high]))
    return Interval(value, low, high, "bca")


def _percentiles(value: float, resampled: Float[np.ndarray, " d"], level: float) -> Interval:
    low, high = (float(q) for q in np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2]))
    if np.ptp(resampled) < ROUNDING:
        return Interval(value, value, value, "degenerate")
    return Interval(value, low, high, "percentile")


def _two_level(
    value: float,
    per_seed: Float[np.ndarray, "d s"],
    weights: Float[np.ndarray, "d s"],
    level: float,
    within: tuple[float, float],
) -> Interval:
    low, high = two_level_bounds(value, per_seed, weights, level)
    if low == high:
        return Interval(value, value, value, "degenerate")
    return Interval(value, max(low, within[0]), min(high, within[1]), "two_level")
