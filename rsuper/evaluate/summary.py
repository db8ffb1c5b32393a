"""From the table of cases to the metrics of every run, each with its interval and how it was made."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from rsuper.artifacts import METRICS
from rsuper.config.experiment import Evaluation
from rsuper.evaluate.calls import STRATA, ScoredCases, Threshold, generator_for, scored_groups
from rsuper.evaluate.cases import nsd_columns
from rsuper.metrics.detection import THRESHOLD_RULES
from rsuper.metrics.overlap import CONVENTIONS
from rsuper.stats import bootstrap
from rsuper.stats.delong import auc_interval
from rsuper.stats.interval import Interval

Row = dict[str, object]
RATES: tuple[bootstrap.Metric, ...] = ("f1", "sensitivity", "specificity")


def metrics_frame(cases: pd.DataFrame, evaluation: Evaluation, generator: np.random.Generator) -> pd.DataFrame:
    """Compute every metric of every run, test set, target and stratum.

    AUC has its DeLong interval; F1, sensitivity, specificity, DSC and NSD have bootstrap intervals, at a fixed
    threshold. Strata keep all tumor-free cases and the threshold chosen on the whole test set. A failed case
    counts as called negative with an empty mask, and is counted in `reason`. What cannot be computed (too few
    cases of a class, no threshold, no truth masks) is NaN with the reason. No cases give an empty frame.

    Args:
        cases: columns of CASES with budget, method and seed, of all runs, with validation cases under the test
            set `validation`.
        evaluation: names the case score, the NSD tolerances and the number of bootstrap draws.
        generator: gives one number, from which every interval's own generator is made.

    Raises:
        ArtifactError: a case stands twice in a run.
    """
    entropy = int(generator.integers(2**63))
    rows = [
        row
        for group in scored_groups(cases, evaluation.score)
        for stratum in STRATA
        for row in _stratum_rows(group, stratum, evaluation, entropy)
    ]
    return pd.DataFrame(rows, columns=list(METRICS.columns))


def _stratum_rows(group: ScoredCases, stratum: str, evaluation: Evaluation, entropy: int) -> Iterator[Row]:
    keep = group.within(stratum)
    start = _start(group, stratum)
    failed = failures(group, keep)
    yield start | _auc_cell(group, keep) | _counts(group.labels[keep]) | {"reason": failed}
    for rule in THRESHOLD_RULES:
        for metric in RATES:
            draw = generator_for(entropy, f"{group.key} {stratum} {metric} {rule}")
            cell = _rate_cell(group, keep, metric, rule, draw, evaluation.bootstrap_draws)
            yield start | cell | _counts(group.labels[keep]) | {"reason": failed}
    for name in ("dsc", *nsd_columns(evaluation.nsd_tolerances_mm).values()):
        for convention in CONVENTIONS:
            draw = generator_for(entropy, f"{group.key} {stratum} {name} {convention}")
            yield start | _mask_row(group, keep, name, convention, draw, evaluation.bootstrap_draws)
