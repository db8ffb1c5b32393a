"""The differences of two runs on the same cases: each metric's value, interval and test."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool
from scipy.special import ndtri

from rsuper.config.experiment import Experiment
from rsuper.evaluate.calls import generator_for
from rsuper.evaluate.cases import nsd_columns
from rsuper.evaluate.seeds import ScoredSeeds
from rsuper.evaluate.summary import too_few
from rsuper.metrics.detection import THRESHOLD_RULES
from rsuper.metrics.overlap import CONVENTIONS
from rsuper.stats.bootstrap import difference_interval
from rsuper.stats.delong import delong_test
from rsuper.stats.interval import Interval
from rsuper.stats.permutation import paired_permutation_test
from rsuper.stats.sign_flip import SignFlipResult, paired_mean_test

LEVEL = 0.95
# An interval of two methods' difference, with all but metric, labels and values settled.
Bounds = Callable[..., Interval]


@dataclass(frozen=True)
class Comparison:
    """Difference of the reference and another run in one metric; NaN with a reason where there is none."""

    metric: str
    test: str
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan
    convention: str = ""
    rule: str = ""
    reason: str = ""


def compared(
    ours: ScoredSeeds, other: ScoredSeeds, stratum: str, experiment: Experiment, entropy: int
) -> Iterator[Comparison]:
    """Compare two runs on the same cases in every metric, within a stratum.

    Args:
        ours: the reference's cases.
        other: the same cases of another run.
        stratum: all, small or large.
        experiment: names the NSD tolerances, and how intervals are made.
        entropy: what every random number depends on, together with the names of what is compared.
    """
    evaluation = experiment.evaluation
    keep = ours.within(stratum)

    def resamples(name: str) -> dict[str, Any]:
        """Give each interval and each test a generator of its own."""
        generator = generator_for(entropy, f"{ours.key} {other.key.method} {stratum} {name}")
        return {"generator": generator, "draws": evaluation.bootstrap_draws}

    def bounds(name: str) -> Bounds:
        return partial(difference_interval, level=LEVEL, method=evaluation.bootstrap, **resamples(name))

    yield _auc(ours, other, keep, bounds("auc"))
    for rule in THRESHOLD_RULES:
        yield _f1(ours, other, keep, rule, bounds(f"f1 {rule}"))
    first_nsd = next(iter(nsd_columns(evaluation.nsd_tolerances_mm).values()))
    for metric, name in (("dsc", "dsc"), ("nsd", first_nsd)):
        for convention in CONVENTIONS:
            what = f"{name} {convention}"
            test = partial(paired_mean_test, **resamples(f"{what} test"))
            yield _mask_mean(metric, ours, other, keep, name, convention, bounds(what), test)


def _auc(ours: ScoredSeeds, other: ScoredSeeds, keep: Bool[np.ndarray, " n"], bounds: Bounds) -> Comparison:
    labels = ours.labels[keep]
    reason = too_few(labels, 2, 2)
    if reason:
        return Comparison("auc", "delong", reason=reason)
    scores = ours.scores[:, keep], other.scores[:, keep]
    found = delong_test(labels, *scores)
    reach = float(ndtri((1 + LEVEL) / 2)) * found.standard_error
    low, high = max(-1.0, found.difference - reach), min(1.0, found.difference + reach)
    if len(ours.runs) > 1:  # the standard error knows nothing of other seeds
        resampled = bounds("auc", labels, *scores)
        low, high = resampled.low, resampled.high
    return Comparison(
        metric="auc",
        test="delong",
        difference=found.difference,
        low=low,
        high=high,
        p_value=found.p_value,
        reason="degenerate: the difference of the AUCs has variance zero" if found.degenerate else "",
    )


def _f1(
    ours: ScoredSeeds, other: ScoredSeeds, keep: Bool[np.ndarray, " n"], rule: str, bounds: Bounds
) -> Comparison:
    labels = ours.labels[keep]
    reason = ours.threshold(rule).reason or other.threshold(rule).reason or too_few(labels, 1, 0)
    if reason:
        return Comparison("f1", "permutation", rule=rule, reason=reason)
    calls = ours.calls(rule)[:, keep], other.calls(rule)[:, keep]
    found = paired_permutation_test(labels, *calls, clusters=ours.patients[keep])
    resampled = bounds("f1", labels, *calls)
    return Comparison(
        metric="f1",
        test="permutation",
        difference=resampled.value,
        low=resampled.low,
        high=resampled.high,
        p_value=found.p_value,
        rule=rule,
        reason="" if found.n_discordant else "degenerate: both make the same calls",
    )


def _mask_mean(
    metric: str,
    ours: ScoredSeeds,
    other: ScoredSeeds,
    keep: Bool[np.ndarray, " n"],
    name: str,
    convention: str,
    bounds: Bounds,
    test: Callable[..., SignFlipResult],
) -> Comparison:
    counted, reason = ours.with_masks(keep, name, convention)
    if not counted.any():
        return Comparison(metric, "sign_flip", convention=convention, reason=reason)
    a, b = (group.mask_metric(name)[:, counted] for group in (ours, other))
    found = bounds("mean", ours.labels[counted], a, b)
    if found.kind == "degenerate":
        reason = "; ".join(filter(None, [reason, "degenerate: every resample gives the same difference"]))
    return Comparison(
        metric=metric,
        test="sign_flip",
        difference=found.value,
        low=found.low,
        high=found.high,
        p_value=test(a, b, ours.patients[counted]).p_value,
        convention=convention,
        reason=reason,
    )
