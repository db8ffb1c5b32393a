"""From the table of cases to the metrics of every run, each with its interval and how it was made."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool

from rsuper.config.experiment import Evaluation
from rsuper.evaluate.calls import STRATA, ScoredCases, generator_for, scored_groups
from rsuper.evaluate.cases import nsd_columns
from rsuper.metrics.detection import THRESHOLD_RULES
from rsuper.metrics.overlap import CONVENTIONS
from rsuper.schemas import METRICS
from rsuper.stats import bootstrap
from rsuper.stats.delong import auc_interval
from rsuper.stats.interval import Interval
from rsuper.stats.ratio import ratio_interval

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
    fixed threshold. Lesions: the share of all true tumors that the mask finds, and its false pieces per CT
    (`metrics.lesions`). Strata keep all tumor-free cases and the threshold chosen on the whole test set. A
    failed case counts as called negative with an empty mask, and is counted in `reason`. What cannot be
    computed (too few cases of a class, no threshold, no truth masks) is NaN with the reason. No cases give
    an empty frame.

    Args:
        cases: columns of CASES with budget, method and seed, of all runs, with validation cases under the
            test set `validation`.
        evaluation: names the case score, the NSD tolerances and the number of bootstrap draws.
        generator: gives one number, from which every interval's own generator is made.

    Raises:
        ArtifactError: a case stands twice in a run.
    """
    entropy = int(generator.integers(2**63))
    rows = [
        _row(group, stratum, estimate)
        for group in scored_groups(cases, evaluation.score)
        for stratum in STRATA
        for estimate in _estimates(group, stratum, evaluation, entropy)
    ]
    return pd.DataFrame(rows, columns=list(METRICS.columns))


def _row(group: ScoredCases, stratum: str, estimate: Estimate) -> dict[str, object]:
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


def _estimates(group: ScoredCases, stratum: str, evaluation: Evaluation, entropy: int) -> Iterator[Estimate]:
    keep = group.within(stratum)
    draws = evaluation.bootstrap_draws
    yield _auc(group, keep)
    for rule in THRESHOLD_RULES:
        for metric in RATES:
            generator = generator_for(entropy, f"{group.key} {stratum} {metric} {rule}")
            yield _rate(group, keep, metric, rule, generator, draws)
    for name in ("dsc", *nsd_columns(evaluation.nsd_tolerances_mm).values()):
        for convention in CONVENTIONS:
            generator = generator_for(entropy, f"{group.key} {stratum} {name} {convention}")
            yield _mask_mean(group, keep, name, convention, generator, draws)
    for_found = generator_for(entropy, f"{group.key} {stratum} lesions found")
    for_false = generator_for(entropy, f"{group.key} {stratum} lesions false")
    yield from _lesions(group, keep, for_found, for_false, draws)


def _auc(group: ScoredCases, keep: Bool[np.ndarray, " n"]) -> Estimate:
    labels = group.labels[keep]
    reason = too_few(labels, 2, 2)
    return Estimate("auc", None if reason else auc_interval(labels, group.scores[keep]), labels, reason)


def _rate(
    group: ScoredCases,
    keep: Bool[np.ndarray, " n"],
    metric: bootstrap.Metric,
    rule: str,
    generator: np.random.Generator,
    draws: int,
) -> Estimate:
    labels, threshold = group.labels[keep], group.thresholds[rule]
    reason = threshold.reason or too_few(labels, *bootstrap.NEEDS[metric])
    interval = None
    if not reason:
        interval = bootstrap.interval(
            metric, labels, group.calls(rule)[keep], generator=generator, draws=draws
        )
    return Estimate(metric, interval, labels, reason, rule=rule, threshold=threshold.value)


def _mask_mean(
    group: ScoredCases,
    keep: Bool[np.ndarray, " n"],
    name: str,
    convention: str,
    generator: np.random.Generator,
    draws: int,
) -> Estimate:
    counted, reason = group.with_masks(keep, name, convention)
    labels = group.labels[counted]
    interval = None
    if labels.size:
        values = group.mask_metric(name)[counted]
        interval = bootstrap.interval("mean", labels, values, generator=generator, draws=draws)
    return Estimate(name, interval, labels, reason, convention=convention)


def _lesions(
    group: ScoredCases,
    keep: Bool[np.ndarray, " n"],
    for_found: np.random.Generator,
    for_false: np.random.Generator,
    draws: int,
) -> Iterator[Estimate]:
    """Share of all true tumors that are found, and false pieces per CT, where there are truth masks."""
    tumors, found, false = group.lesions()
    annotated = keep & ~np.isnan(tumors)
    bearing = annotated & (tumors > 0)
    reason = "" if bearing.any() else "no tumor in a truth mask"
    share = None
    if bearing.any():
        share = ratio_interval(found[bearing], tumors[bearing], generator=for_found, draws=draws)
    yield Estimate("lesion_sensitivity", share, group.labels[bearing], reason)
    labels = group.labels[annotated]
    rate = None
    if annotated.any():
        rate = bootstrap.interval("mean", labels, false[annotated], generator=for_false, draws=draws)
    yield Estimate("false_positives_per_ct", rate, labels, "" if annotated.any() else "no truth masks")


def too_few(labels: Bool[np.ndarray, " n"], positives: int, negatives: int) -> str:
    """Say that there are fewer tumor or tumor-free cases than a metric needs; "" where there are enough."""
    found = int(labels.sum()), int((~labels).sum())
    if found[0] >= positives and found[1] >= negatives:
        return ""
    return f"too few cases: {found[0]} tumor and {found[1]} tumor-free, needed {positives} and {negatives}"
