"""The reference method against every other one, on the same cases."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from jaxtyping import Bool
from scipy.special import ndtri

from rsuper.config.experiment import Experiment
from rsuper.errors import ArtifactError
from rsuper.evaluate.calls import STRATA, generator_for
from rsuper.evaluate.cases import nsd_columns
from rsuper.evaluate.seeds import ScoredSeeds, check_same_cases, seed_groups
from rsuper.evaluate.summary import too_few
from rsuper.metrics.detection import THRESHOLD_RULES
from rsuper.metrics.overlap import CONVENTIONS
from rsuper.schemas import COMPARISONS
from rsuper.stats.bootstrap import difference_interval
from rsuper.stats.delong import delong_test
from rsuper.stats.interval import Interval
from rsuper.stats.multiplicity import holm
from rsuper.stats.permutation import paired_permutation_test

LEVEL = 0.95
# An interval of two methods' difference, with all but metric, labels and values settled.
Bounds = Callable[..., Interval]
# Tests that are adjusted together: those of one table block and test, over the alternatives.
_FAMILY = ["budget", "seed", "test_set", "target", "stratum", "metric", "convention", "rule"]


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


def comparisons_frame(
    cases: pd.DataFrame, experiment: Experiment, generator: np.random.Generator
) -> pd.DataFrame:
    """Compare the reference with every other method of its budget, per seed, test set, target and stratum.

    AUC: DeLong's test and interval. F1: exact paired permutation test of the calls at each rule's thresholds,
    which takes these as given; CTs of one patient are swapped together. Its interval, and those of DSC and
    NSD (surfel area, first tolerance), which have no p-value, are paired bootstraps. Holm's adjustment runs
    over the alternatives of a budget, apart for each test set, target, stratum, metric and rule; variants of
    the reference and trained controls are ablations and stay out of it. Untrained controls are not compared.
    A budget without the reference has no rows.

    Several seeds: beside the rows of each there are rows of all together (seed `all`), of the means over
    seeds. Their tests take the trained networks as given, their intervals (two-level bootstrap) do not:
    under the null training luck alone makes these tests reject too often, but not the intervals
    (`benchmarks/calibration_seeds.py`). So a gain needs both.

    Args:
        cases: columns of CASES with budget, method and seed, of all runs, with validation cases under the
            test set `validation`.
        experiment: names reference, controls, case score and bootstrap draws.
        generator: gives one number, from which every interval's own generator is made.

    Raises:
        ArtifactError: two runs that are compared, or two seeds of one, do not have the same cases with the
            same truth; names a case.
    """
    entropy = int(generator.integers(2**63))
    rows = [
        _row(ours, other, stratum, found, experiment)
        for ours, other in _pairs(cases, experiment)
        for stratum in STRATA
        for found in _compare(ours, other, stratum, experiment, entropy)
    ]
    return _with_holm(pd.DataFrame(rows, columns=list(COMPARISONS.columns)))


def _pairs(cases: pd.DataFrame, experiment: Experiment) -> Iterator[tuple[ScoredSeeds, ScoredSeeds]]:
    """Yield the reference's cases with each other run's, after checking that they are the same cases.

    A method without a case of a target in any test set (a variant for one target) is not compared there.
    """
    compared = cases[~cases["method"].isin(experiment.controls)]
    blocks: dict[tuple[str, str], dict[tuple[str, str], dict[str, ScoredSeeds]]] = {}
    for group in seed_groups(compared, experiment.evaluation.score):
        key = group.key
        sets = blocks.setdefault((key.budget, key.seed), {})
        sets.setdefault((key.test_set, key.target), {})[key.method] = group
    reference = experiment.evaluation.reference
    for sets in blocks.values():
        for (_, target), groups in sets.items():
            methods = sorted({m for (_, own), others in sets.items() for m in others if own == target})
            if reference in methods:
                yield from _block_pairs(groups, reference, methods)


def _block_pairs(
    groups: Mapping[str, ScoredSeeds], reference: str, methods: list[str]
) -> Iterator[tuple[ScoredSeeds, ScoredSeeds]]:
    for method in methods:
        if method not in groups:
            present = next(iter(groups.values())).runs[0]
            raise ArtifactError(
                f"case '{present.frame['case_id'].iloc[0]}' and all others of {present.key} have no row of "
                f"{method}; score that run's predictions for this test set again"
            )
    for method in methods:
        if method != reference:
            check_same_cases(groups[reference].runs[0], groups[method].runs[0])
            yield groups[reference], groups[method]


def _compare(
    ours: ScoredSeeds, other: ScoredSeeds, stratum: str, experiment: Experiment, entropy: int
) -> Iterator[Comparison]:
    evaluation = experiment.evaluation
    keep = ours.within(stratum)

    def bounds(name: str) -> Bounds:
        """Give each interval a generator of its own."""
        return partial(
            difference_interval,
            generator=generator_for(entropy, f"{ours.key} {other.key.method} {stratum} {name}"),
            draws=evaluation.bootstrap_draws,
            level=LEVEL,
            method=evaluation.bootstrap,
        )

    yield _auc(ours, other, keep, bounds("auc"))
    for rule in THRESHOLD_RULES:
        yield _f1(ours, other, keep, rule, bounds(f"f1 {rule}"))
    first_nsd = next(iter(nsd_columns(evaluation.nsd_tolerances_mm).values()))
    for metric, name in (("dsc", "dsc"), ("nsd", first_nsd)):
        for convention in CONVENTIONS:
            yield _mask_mean(metric, ours, other, keep, name, convention, bounds(f"{name} {convention}"))


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
) -> Comparison:
    counted, reason = ours.with_masks(keep, name, convention)
    if not counted.any():
        return Comparison(metric, "bootstrap", convention=convention, reason=reason)
    values = [group.mask_metric(name)[:, counted] for group in (ours, other)]
    found = bounds("mean", ours.labels[counted], *values)
    if found.kind == "degenerate":
        reason = "; ".join(filter(None, [reason, "degenerate: every resample gives the same difference"]))
    return Comparison(
        metric, "bootstrap", found.value, found.low, found.high, convention=convention, reason=reason
    )


def _row(
    ours: ScoredSeeds, other: ScoredSeeds, stratum: str, found: Comparison, experiment: Experiment
) -> dict[str, object]:
    failures = [f"{group.key.method}: {text}" for group in (ours, other) if (text := group.failures(stratum))]
    return {
        "budget": ours.key.budget,
        "method": ours.key.method,
        "other": other.key.method,
        "seed": ours.key.seed,
        "test_set": ours.key.test_set,
        "target": ours.key.target,
        "stratum": stratum,
        "metric": found.metric,
        "convention": found.convention,
        "rule": found.rule,
        "difference": found.difference,
        "ci_low": found.low,
        "ci_high": found.high,
        "test": found.test,
        "p_value": found.p_value,
        "p_adjusted": math.nan,
        "ablation": other.key.method.startswith(f"{experiment.evaluation.reference}-")
        or other.key.method in experiment.all_controls,
        "reason": "; ".join(filter(None, [found.reason, *failures])),
    }


def _with_holm(frame: pd.DataFrame) -> pd.DataFrame:
    """Fill `p_adjusted` where there is a p-value of an alternative; ablations have none."""
    adjusted = frame.astype({"ablation": bool, "p_adjusted": float})
    tested = adjusted[~adjusted["ablation"] & adjusted["p_value"].notna()]
    for _, family in tested.groupby(_FAMILY):
        adjusted.loc[family.index, "p_adjusted"] = holm(family["p_value"].tolist())
    return adjusted
