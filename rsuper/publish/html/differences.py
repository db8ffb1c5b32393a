"""The reference method against every other row, cell by cell, with a verdict on each."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.evaluate.seeds import over_seeds
from rsuper.publish.failed import judged, seeds_failed
from rsuper.publish.figures.style import measured_groups
from rsuper.publish.verdict import verdict

# The numbers that the report compares: name in the tables, name in print, metric, convention.
COMPARED = (
    ("dsc_tumor", "DSC of tumor cases", "dsc", "tumor_cases"),
    ("f1", "F1", "f1", ""),
    ("auc", "AUC", "auc", ""),
)
NAMES = {name: printed for name, printed, *_ in COMPARED}


@dataclass(frozen=True)
class Difference:
    """The reference less another row, in one target and test set; shares, NaN where not compared."""

    budget: str
    other: str
    metric: str  # of COMPARED
    target: str
    test_set: str
    value: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    verdict: str  # of rsuper.publish.verdict: holds = the reference is above


def differences(
    comparisons: pd.DataFrame, failed: pd.DataFrame, experiment: Experiment, rule: str = "oracle_test"
) -> list[Difference]:
    """List all comparisons over all test cases of a target; with several seeds those of all together.

    A difference counts where its interval leaves 0 out and its test rejects, as claims do (`verdict`); a
    failed run on either side decides nothing.

    Args:
        comparisons: columns of COMPARISONS.
        failed: columns of FAILED_RUNS.
        experiment: orders targets and test sets, names the reference and the level.
        rule: threshold rule of F1.
    """
    settled = over_seeds(comparisons)
    kept = settled[(settled["stratum"] == "all") & settled["rule"].isin(["", rule])]
    found = []
    for name, _, metric, convention in COMPARED:
        own = kept[(kept["metric"] == metric) & (kept["convention"] == convention)]
        for target, test_set in measured_groups(experiment):
            cell = own[(own["target"] == target) & (own["test_set"] == test_set)]
            found += [_difference(row, name, failed, experiment) for row in cell.to_dict("records")]
    return found


def _difference(
    row: Mapping[Hashable, Any], name: str, failed: pd.DataFrame, experiment: Experiment
) -> Difference:
    named = {key: str(row[key]) for key in ("budget", "other", "target", "test_set")}
    value, low, high, p_value, p_adjusted = (
        float(row[key]) for key in ("difference", "ci_low", "ci_high", "p_value", "p_adjusted")
    )
    broken = any(
        seeds_failed(failed, named["budget"], method, named["target"])
        for method in (str(row["method"]), named["other"])
    )
    level = experiment.evaluation.significance
    told = judged(verdict(low, high, p_value, significance=level), failed=broken)
    return Difference(
        **named,
        metric=name,
        value=value,
        low=low,
        high=high,
        p_value=p_value,
        p_adjusted=p_adjusted,
        verdict=told,
    )
