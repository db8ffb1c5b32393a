"""The reference method against every other one, on the same cases."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.errors import ArtifactError
from rsuper.evaluate.calls import STRATA
from rsuper.evaluate.differences import Comparison, compared
from rsuper.evaluate.seeds import ScoredSeeds, check_same_cases, seed_groups
from rsuper.progress import tracked
from rsuper.schemas import COMPARISONS
from rsuper.stats.multiplicity import holm

# Tests that are adjusted together: those of one table block and test, over the alternatives.
_FAMILY = ["budget", "seed", "test_set", "target", "stratum", "metric", "convention", "rule"]


def comparisons_frame(
    cases: pd.DataFrame, experiment: Experiment, generator: np.random.Generator
) -> pd.DataFrame:
    """Compare the reference with every other method of its budget, per seed, test set, target and stratum.

    AUC: DeLong's test and interval. F1: exact paired permutation test of the calls at each rule's thresholds,
    which takes these as given. DSC and NSD (surfel area, first tolerance): paired permutation test of the
    mean. Both swap the CTs of one patient together; the intervals beside them are paired bootstraps. Holm's
    adjustment runs over the alternatives of a budget, apart for each test set, target, stratum, metric and
    rule; variants of the reference and trained controls are ablations and stay out of it. Untrained controls
    are not compared.
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
        for ours, other in tracked(list(_pairs(cases, experiment)), "comparisons", unit="pairs")
        for stratum in STRATA
        for found in compared(ours, other, stratum, experiment, entropy)
    ]
    return _with_holm(pd.DataFrame(rows, columns=list(COMPARISONS.columns)))


def _pairs(cases: pd.DataFrame, experiment: Experiment) -> Iterator[tuple[ScoredSeeds, ScoredSeeds]]:
    """Yield the reference's cases with each other run's, after checking that they are the same cases.

    A method without a case of a target in any test set (a variant for one target) is not compared there.
    """
    runs = cases[~cases["method"].isin(experiment.controls)]
    blocks: dict[tuple[str, str], dict[tuple[str, str], dict[str, ScoredSeeds]]] = {}
    for group in seed_groups(runs, experiment.evaluation.score):
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
