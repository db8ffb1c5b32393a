"""The reference method against every other one, on the same cases."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool
from scipy.special import ndtri

from rsuper.config.experiment import Experiment
from rsuper.errors import ArtifactError
from rsuper.evaluate.calls import STRATA, ScoredCases, generator_for, scored_groups
from rsuper.evaluate.cases import nsd_columns
from rsuper.evaluate.summary import too_few
from rsuper.metrics.detection import THRESHOLD_RULES
from rsuper.metrics.overlap import CONVENTIONS
from rsuper.schemas import COMPARISONS
from rsuper.stats.bootstrap import difference_interval
from rsuper.stats.delong import delong_test
from rsuper.stats.multiplicity import holm
from rsuper.stats.permutation import paired_permutation_test

LEVEL = 0.95
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
    the reference are ablations and stay out of it. Controls are not compared. A budget without the reference
    has no rows.

    Args:
        cases: columns of CASES with budget, method and seed, of all runs, with validation cases under the
            test set `validation`.
        experiment: names reference, controls, case score and bootstrap draws.
        generator: gives one number, from which every interval's own generator is made.

    Raises:
        ArtifactError: two runs do not have the same cases with the same truth; names a case.
    """
    entropy = int(generator.integers(2**63))
    reference = experiment.evaluation.reference
    rows = [
        _row(ours, other, stratum, found, reference)
        for ours, other in _pairs(cases, experiment)
        for stratum in STRATA
        for found in _compare(ours, other, stratum, experiment, entropy)
    ]
    return _with_holm(pd.DataFrame(rows, columns=list(COMPARISONS.columns)))


def _pairs(cases: pd.DataFrame, experiment: Experiment) -> Iterator[tuple[ScoredCases, ScoredCases]]:
    """Yield the reference's cases with each other run's, after checking that they are the same cases.

    A method without a case of a target in any test set (a variant for one target) is not compared there.
    """
    compared = cases[~cases["method"].isin(experiment.controls)]
    blocks: dict[tuple[str, int], dict[tuple[str, str], dict[str, ScoredCases]]] = {}
    for group in scored_groups(compared, experiment.evaluation.score):
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
    groups: Mapping[str, ScoredCases], reference: str, methods: list[str]
) -> Iterator[tuple[ScoredCases, ScoredCases]]:
    for method in methods:
        if method not in groups:
            present = next(iter(groups.values()))
            raise ArtifactError(
                f"case '{present.frame['case_id'].iloc[0]}' and all others of {present.key} have no row of "
                f"{method}; score that run's predictions for this test set again"
            )
    for method in methods:
        if method != reference:
            _check_same_cases(groups[reference], groups[method])
            yield groups[reference], groups[method]


def _check_same_cases(ours: ScoredCases, other: ScoredCases) -> None:
    names = [set(group.frame["case_id"]) for group in (ours, other)]
    for present, absent, extra in ((ours, other, names[0] - names[1]), (other, ours, names[1] - names[0])):
        if extra:
            raise ArtifactError(
                f"case '{min(extra)}' is among the cases of {present.key}, but not of {absent.key} "
                f"({len(extra)} such cases); score both runs on the same test set"
            )
    for column in ("truth", "stratum", "truth_source"):
        differs = (ours.frame[column] != other.frame[column]).to_numpy()
        if differs.any():
            case = ours.frame["case_id"][differs].iloc[0]
            raise ArtifactError(f"case '{case}' differs in '{column}' between {ours.key} and {other.key}")


def _compare(
    ours: ScoredCases, other: ScoredCases, stratum: str, experiment: Experiment, entropy: int
) -> Iterator[Comparison]:
    evaluation = experiment.evaluation
    keep = ours.within(stratum)
    yield _auc(ours, other, keep)
    for rule in THRESHOLD_RULES:
        generator = generator_for(entropy, f"{ours.key} {other.key.method} {stratum} f1 {rule}")
        yield _f1(ours, other, keep, rule, generator, evaluation.bootstrap_draws)
    first_nsd = next(iter(nsd_columns(evaluation.nsd_tolerances_mm).values()))
    for metric, name in (("dsc", "dsc"), ("nsd", first_nsd)):
        for convention in CONVENTIONS:
            generator = generator_for(entropy, f"{ours.key} {other.key.method} {stratum} {name} {convention}")
            found = _mask_mean(ours, other, keep, name, convention, generator, evaluation.bootstrap_draws)
            yield Comparison(metric, "bootstrap", *found[:3], convention=convention, reason=found[3])


def _auc(ours: ScoredCases, other: ScoredCases, keep: Bool[np.ndarray, " n"]) -> Comparison:
    labels = ours.labels[keep]
    reason = too_few(labels, 2, 2)
    if reason:
        return Comparison("auc", "delong", reason=reason)
    found = delong_test(labels, ours.scores[keep], other.scores[keep])
    reach = float(ndtri((1 + LEVEL) / 2)) * found.standard_error
    return Comparison(
        metric="auc",
        test="delong",
        difference=found.difference,
        low=max(-1.0, found.difference - reach),
        high=min(1.0, found.difference + reach),
        p_value=found.p_value,
        reason="degenerate: the difference of the AUCs has variance zero" if found.degenerate else "",
    )


def _f1(
    ours: ScoredCases,
    other: ScoredCases,
    keep: Bool[np.ndarray, " n"],
    rule: str,
    generator: np.random.Generator,
    draws: int,
) -> Comparison:
    labels = ours.labels[keep]
    reason = ours.thresholds[rule].reason or other.thresholds[rule].reason or too_few(labels, 1, 0)
    if reason:
        return Comparison("f1", "permutation", rule=rule, reason=reason)
    a, b = ours.calls(rule)[keep], other.calls(rule)[keep]
    found = paired_permutation_test(labels, a, b, clusters=ours.patients[keep])
    bounds = difference_interval("f1", labels, a, b, generator=generator, draws=draws, level=LEVEL)
    return Comparison(
        metric="f1",
        test="permutation",
        difference=found.difference,
        low=bounds.low,
        high=bounds.high,
        p_value=found.p_value,
        rule=rule,
        reason="" if found.n_discordant else "degenerate: both make the same calls",
    )


def _mask_mean(
    ours: ScoredCases,
    other: ScoredCases,
    keep: Bool[np.ndarray, " n"],
    name: str,
    convention: str,
    generator: np.random.Generator,
    draws: int,
) -> tuple[float, float, float, str]:
    """Return difference, lower and upper bound, and a reason."""
    counted, reason = ours.with_masks(keep, name, convention)
    if not counted.any():
        return math.nan, math.nan, math.nan, reason
    values = [group.mask_metric(name)[counted] for group in (ours, other)]
    found = difference_interval("mean", ours.labels[counted], *values, generator=generator, draws=draws)
    if found.kind == "degenerate":
        reason = "; ".join(filter(None, [reason, "degenerate: every resample gives the same difference"]))
    return found.value, found.low, found.high, reason


def _row(
    ours: ScoredCases, other: ScoredCases, stratum: str, found: Comparison, reference: str
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
        "ablation": other.key.method.startswith(f"{reference}-"),
        "reason": "; ".join(filter(None, [found.reason, *failures])),
    }


def _with_holm(frame: pd.DataFrame) -> pd.DataFrame:
    """Fill `p_adjusted` where there is a p-value of an alternative; ablations have none."""
    adjusted = frame.astype({"ablation": bool, "p_adjusted": float})
    tested = adjusted[~adjusted["ablation"] & adjusted["p_value"].notna()]
    for _, family in tested.groupby(_FAMILY):
        adjusted.loc[family.index, "p_adjusted"] = holm(family["p_value"].tolist())
    return adjusted
