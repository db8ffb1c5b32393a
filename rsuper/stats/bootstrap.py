"""Bootstrap intervals of a metric, and of the difference of two methods on the same cases.

Cases are redrawn within each label, so every resample has the cohort's numbers of positives and negatives.
A resample is a row of multiplicities per case; every metric is then a matrix product over all resamples at
once. With several seeds the seeds are redrawn first, then the cases; all redrawn seeds see the same redrawn
cases, since in truth too they are tested on the same ones.
"""

import functools
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Shaped

from rsuper.stats.bca import bca_shares
from rsuper.stats.interval import Interval, check_level, wilson_interval
from rsuper.stats.samples import as_labels, as_rows

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
    `percentile_acceleration_undefined`. With several seeds the bounds are percentiles in either method
    (kind `two_level`): there is no acceleration of two levels.

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
    resampled = _resampled(metric, positive, rows, weights, seeds)
    if method == "percentile" or len(rows) > 1:
        return _percentiles(value, resampled, level, len(rows))
    return _bca(value, resampled, _jackknife(metric, positive, rows), level)


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
    resampled = [_resampled(metric, positive, rows, weights, seeds) for rows in (a, b)]
    value = _point(metric, positive, a) - _point(metric, positive, b)
    if method == "percentile" or len(a) > 1:
        return _percentiles(value, resampled[0] - resampled[1], level, len(a))
    without = zip(*(_jackknife(metric, positive, rows) for rows in (a, b)), strict=True)
    return _bca(value, resampled[0] - resampled[1], [ours - theirs for ours, theirs in without], level)


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
            weights[:, members] = _multiplicities(members.size, draws, generator)
    return weights


def seed_weights(seeds: int, draws: int, generator: np.random.Generator) -> Float[np.ndarray, "d s"]:
    """Draw the share of each seed in each resample; a single seed takes no random number."""
    if seeds == 1:
        return np.ones((draws, 1))
    return _multiplicities(seeds, draws, generator, picked=seeds - 1) / (seeds - 1)


def _multiplicities(
    size: int, draws: int, generator: np.random.Generator, picked: int | None = None
) -> Float[np.ndarray, "d k"]:
    shape = (draws, size if picked is None else picked)
    picks = generator.integers(0, size, shape) + np.arange(draws)[:, None] * size
    return np.bincount(picks.ravel(), minlength=draws * size).reshape(draws, size).astype(np.float64)


def _point(metric: str, positive: Bool[np.ndarray, " n"], rows: Float[np.ndarray, "s n"]) -> float:
    once = np.ones((1, positive.size))
    return float(np.mean([_statistic(metric, positive, row, once)[0] for row in rows]))


def _resampled(
    metric: str,
    positive: Bool[np.ndarray, " n"],
    rows: Float[np.ndarray, "s n"],
    weights: Float[np.ndarray, "d n"],
    seeds: Float[np.ndarray, "d s"],
) -> Float[np.ndarray, " d"]:
    per_seed = np.stack([_statistic(metric, positive, row, weights) for row in rows], axis=1)
    return (per_seed * seeds).sum(axis=1)


def _statistic(
    metric: str,
    positive: Bool[np.ndarray, " n"],
    values: Float[np.ndarray, " n"],
    weights: Float[np.ndarray, "d n"],
) -> Float[np.ndarray, " d"]:
    """Compute a metric on every resample."""
    if metric == "auc":
        return _weighted_auc(positive, values, weights)
    if metric == "mean":
        return weights @ values / weights.sum(axis=1)
    positives = weights @ positive
    tp = weights @ (values * positive)
    if metric == "sensitivity":
        return tp / positives
    fp = weights @ (values * ~positive)
    if metric == "specificity":
        return 1 - fp / (weights.sum(axis=1) - positives)
    return 2 * tp / (positives + tp + fp)


def _weighted_auc(
    positive: Bool[np.ndarray, " n"], scores: Float[np.ndarray, " n"], weights: Float[np.ndarray, "d n"]
) -> Float[np.ndarray, " d"]:
    """Sum, over redrawn positives, the redrawn negatives below plus half of those level with them."""
    order = np.argsort(scores[~positive])
    negatives = scores[~positive][order]
    below = np.zeros((len(weights), negatives.size + 1))
    np.cumsum(weights[:, np.flatnonzero(~positive)[order]], axis=1, out=below[:, 1:])
    edges = [np.searchsorted(negatives, scores[positive], side=side) for side in ("left", "right")]
    placements = functools.reduce(np.add, (below[:, edge] for edge in edges)) / 2
    pairs = weights[:, positive].sum(axis=1) * below[:, -1]
    return np.einsum("dp,dp->d", weights[:, positive], placements) / pairs


def _jackknife(
    metric: str, positive: Bool[np.ndarray, " n"], rows: Float[np.ndarray, "1 n"]
) -> list[Float[np.ndarray, " k"]]:
    """Compute a metric without each case in turn, per label; a label of one case is never redrawn."""
    without = 1 - np.eye(positive.size)
    members = [np.flatnonzero(positive), np.flatnonzero(~positive)]
    return [_statistic(metric, positive, rows[0], without[each]) for each in members if each.size > 1]


def _bca(
    value: float, resampled: Float[np.ndarray, " d"], jackknife: list[Float[np.ndarray, "..."]], level: float
) -> Interval:
    plain = _percentiles(value, resampled, level, 1)
    if plain.kind == "degenerate":
        return plain
    shares = bca_shares(value, resampled, jackknife, level)
    if shares.undefined:
        return Interval(value, plain.low, plain.high, f"percentile_{shares.undefined}_undefined")
    low, high = (float(q) for q in np.quantile(resampled, [shares.low, shares.high]))
    return Interval(value, low, high, "bca")


def _percentiles(value: float, resampled: Float[np.ndarray, " d"], level: float, seeds: int) -> Interval:
    low, high = (float(q) for q in np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2]))
    # Rounding of a sum over cases is no spread.
    if np.ptp(resampled) < 1e-12:
        return Interval(value, value, value, "degenerate")
    return Interval(value, low, high, "percentile" if seeds == 1 else "two_level")
