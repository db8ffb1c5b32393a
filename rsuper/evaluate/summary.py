"""From the table of cases to the metrics of every run, each with its interval and how it was made."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from rsuper.config.experiment import Evaluation
from rsuper.evaluate.calls import STRATA, generator_for
from rsuper.evaluate.cases import nsd_columns
from rsuper.evaluate.seeds import ScoredSeeds, seed_groups
from rsuper.metrics.detection import THRESHOLD_RULES
from rsuper.metrics.overlap import CONVENTIONS
from rsuper.progress import tracked
from rsuper.schemas import METRICS
from rsuper.stats import bootstrap
from rsuper.stats.delong import auc_interval
from rsuper.stats.interval import Interval
from rsuper.stats.ratio import ratio_interval

# An interval with all but metric, labels and values settled.
Bounds = Callable[..., Interval]
RATES: tuple[bootstrap.Metric, ...] = ("f1", "sensitivity", "specificity")


@dataclass(frozen=True)
class Estimate:
    """One metric of one group of cases: an interval, or None and why there is none."""

    metric: str
    interval: Interval | None
    counted: Bool[np.ndarray, " n"]  # labels of the cases that went in
    reason: str = ""
    convention: str = ""
    rule: str = ""
    threshold: float = math.nan


def metrics_frame(
    cases: pd.DataFrame, evaluation: Evaluation, generator: np.random.Generator
) -> pd.DataFrame:
    """Compute every metric of every run, test set, target and stratum.

    AUC has its DeLong interval; F1, sensitivity, specificity, DSC and NSD have bootstrap intervals, at a
    fixed threshold. Runs with several seeds have rows of all seeds together too (seed `all`): means over
    seeds, with intervals over seeds and cases. Lesions: the share of all true tumors that the mask finds, and
    its false pieces per CT (`metrics.lesions`). Strata keep all tumor-free cases and the threshold chosen on
    the whole test set. A failed case counts as called negative with an empty mask, and is counted in
    `reason`. What cannot be computed (too few cases of a class, no threshold, no truth masks) is NaN with the
    reason. No cases give an empty frame.

    Args:
        cases: columns of CASES with budget, method and seed, of all runs, with validation cases under the
            test set `validation`.
        evaluation: names the case score, the NSD tolerances, and how bootstrap intervals are made.
        generator: gives one number, from which every interval's own generator is made.

    Raises:
        ArtifactError: a case stands twice in a run, or the seeds of a run do not have the same cases.
    """
    entropy = int(generator.integers(2**63))
    rows = [
        _row(group, stratum, estimate)
        for group in tracked(list(seed_groups(cases, evaluation.score)), "metrics", unit="groups")
        for stratum in STRATA
        for estimate in _estimates(group, stratum, evaluation, entropy)
    ]
    return pd.DataFrame(rows, columns=list(METRICS.columns))


def _row(group: ScoredSeeds, stratum: str, estimate: Estimate) -> dict[str, object]:
    found = estimate.interval or Interval(math.nan, math.nan, math.nan, "")
    failures = group.failures(stratum)
    return {
        "budget": group.key.budget,
        "method": group.key.method,
        "seed": group.key.seed,
        "test_set": group.key.test_set,
        "target": group.key.target,
        "stratum": stratum,
        "metric": estimate.metric,
        "convention": estimate.convention,
        "rule": estimate.rule,
        "value": found.value,
        "ci_low": found.low,
        "ci_high": found.high,
        "interval": found.kind,
        "n_positive": int(estimate.counted.sum()),
        "n_negative": int((~estimate.counted).sum()),
        "threshold": estimate.threshold,
        "reason": "; ".join(text for text in (estimate.reason, failures) if text),
    }


def _estimates(group: ScoredSeeds, stratum: str, evaluation: Evaluation, entropy: int) -> Iterator[Estimate]:
    keep = group.within(stratum)

    def resamples(name: str) -> dict[str, Any]:
        """Give each interval a generator of its own."""
        generator = generator_for(entropy, f"{group.key} {stratum} {name}")
        return {"generator": generator, "draws": evaluation.bootstrap_draws}

    def bounds(name: str) -> Bounds:
        return partial(bootstrap.interval, method=evaluation.bootstrap, **resamples(name))

    yield _auc(group, keep, bounds("auc"))
    for rule in THRESHOLD_RULES:
        for metric in RATES:
            yield _rate(group, keep, metric, rule, bounds(f"{metric} {rule}"))
    for name in ("dsc", *nsd_columns(evaluation.nsd_tolerances_mm).values()):
        for convention in CONVENTIONS:
            yield _mask_mean(group, keep, name, convention, bounds(f"{name} {convention}"))
    yield _lesions_found(group, keep, partial(ratio_interval, **resamples("lesions found")))
    yield _false_pieces(group, keep, bounds("lesions false"))


def _auc(group: ScoredSeeds, keep: Bool[np.ndarray, " n"], bounds: Bounds) -> Estimate:
    labels, scores = group.labels[keep], group.scores[:, keep]
    reason = too_few(labels, 2, 2)
    if reason:
        return Estimate("auc", None, labels, reason)
    single = len(scores) == 1  # DeLong's standard error knows nothing of other seeds
    return Estimate(
        "auc", auc_interval(labels, scores[0]) if single else bounds("auc", labels, scores), labels
    )


def _rate(
    group: ScoredSeeds, keep: Bool[np.ndarray, " n"], metric: bootstrap.Metric, rule: str, bounds: Bounds
) -> Estimate:
    labels, threshold = group.labels[keep], group.threshold(rule)
    reason = threshold.reason or too_few(labels, *bootstrap.NEEDS[metric])
    interval = None if reason else bounds(metric, labels, group.calls(rule)[:, keep])
    return Estimate(metric, interval, labels, reason, rule=rule, threshold=threshold.value)


def _mask_mean(
    group: ScoredSeeds, keep: Bool[np.ndarray, " n"], name: str, convention: str, bounds: Bounds
) -> Estimate:
    counted, reason = group.with_masks(keep, name, convention)
    labels = group.labels[counted]
    interval = bounds("mean", labels, group.mask_metric(name)[:, counted]) if labels.size else None
    return Estimate(name, interval, labels, reason, convention=convention)


def _lesions_found(group: ScoredSeeds, keep: Bool[np.ndarray, " n"], bounds: Bounds) -> Estimate:
    """Share of all true tumors that are found, where there are truth masks."""
    tumors, found, _ = group.lesions()
    bearing = keep & (tumors > 0)  # NaN: no mask
    if not bearing.any():
        return Estimate("lesion_sensitivity", None, group.labels[bearing], "no tumor in a truth mask")
    share = bounds(found[:, bearing], tumors[bearing])
    return Estimate("lesion_sensitivity", share, group.labels[bearing])


def _false_pieces(group: ScoredSeeds, keep: Bool[np.ndarray, " n"], bounds: Bounds) -> Estimate:
    """False pieces per CT, where there are truth masks."""
    tumors, _, false = group.lesions()
    annotated = keep & ~np.isnan(tumors)
    labels = group.labels[annotated]
    if not annotated.any():
        return Estimate("false_positives_per_ct", None, labels, "no truth masks")
    return Estimate("false_positives_per_ct", bounds("mean", labels, false[:, annotated]), labels)


def too_few(labels: Bool[np.ndarray, " n"], positives: int, negatives: int) -> str:
    """Say that there are fewer tumor or tumor-free cases than a metric needs; "" where there are enough."""
    found = int(labels.sum()), int((~labels).sum())
    if found[0] >= positives and found[1] >= negatives:
        return ""
    return f"too few cases: {found[0]} tumor and {found[1]} tumor-free, needed {positives} and {negatives}"
