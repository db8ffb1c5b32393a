"""What extraction errors cost, as a table: the runs with one kind of error, and what they lie between."""

import math
from collections.abc import Sequence

import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.evaluate.seeds import over_seeds
from rsuper.publish.columns import groups
from rsuper.publish.figures.curve_points import SHOWN, shown_rows
from rsuper.publish.figures.error_runs import MadeError, made_error
from rsuper.publish.figures.style import BASELINE
from rsuper.publish.figures.tables import EXTRACTION_ERRORS
from rsuper.publish.rows import Card
from rsuper.reports.errors_made import ErrorRates

KINDS = tuple(ErrorRates.model_fields)
_CELL = ["budget", "seed", "test_set", "target", "metric"]


def error_frame(
    metrics: pd.DataFrame, comparisons: pd.DataFrame, experiment: Experiment, cards: Sequence[Card]
) -> pd.DataFrame:
    """List the results of runs with one kind of error, of segmentation, and of the reference without any.

    Only budgets with a run with errors are listed, and where a run has several seeds only the rows of all
    together. The cost is the paired difference of COMPARISONS; blank where that has none. A result without a
    value keeps its reason. Rows are sorted: budgets as in the experiment, the paper's order of targets and
    test sets, metric, then segmentation, the reference, and the errors by kind and rate.

    Args:
        metrics: columns of METRICS; may be empty.
        comparisons: columns of COMPARISONS; may be empty.
        experiment: names the reference method, and orders budgets, targets and test sets.
        cards: say which variants make which error.

    Returns:
        Columns of EXTRACTION_ERRORS; no row without a run with errors.

    Raises:
        ConfigError: as `made_error`.
        ArtifactError: a run has several seeds, but no rows of all of them.
    """
    reference = experiment.evaluation.reference
    known = {name: made_error(name, experiment, cards) for name in metrics["method"].unique()}
    errors = {name: error for name, error in known.items() if error is not None}
    made = {BASELINE: MadeError("", math.nan), reference: MadeError("", 0.0), **errors}
    budgets = set(metrics.loc[metrics["method"].isin(list(errors)), "budget"])
    own = metrics[metrics["method"].isin(list(made)) & metrics["budget"].isin(budgets)]
    found = shown_rows(over_seeds(own), experiment)
    found = found.assign(
        error=[made[method].kind for method in found["method"]],
        rate=[made[method].rate for method in found["method"]],
    )
    costs = _costs(comparisons[comparisons["method"] == reference], experiment)
    table = found.merge(costs, on=[*_CELL, "method"], how="left", validate="one_to_one")
    return _sorted(table[list(EXTRACTION_ERRORS.columns)], experiment)


def _costs(comparisons: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """Differences of the reference to the other rows, by the names of those."""
    names = {"difference": "cost", "ci_low": "cost_low", "ci_high": "cost_high"}
    rows = shown_rows(over_seeds(comparisons), experiment)
    return rows[[*_CELL, "other", *names]].rename(columns={"other": "method", **names})


def _sorted(frame: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    budgets, panels, metrics = list(experiment.budgets), groups(experiment), list(SHOWN)
    kinds = ["", *KINDS]
    keys = [
        (
            budgets.index(row["budget"]),
            panels.index((row["target"], row["test_set"])),
            metrics.index(row["metric"]),
            row["method"] != BASELINE,
            kinds.index(row["error"]),
            0.0 if math.isnan(row["rate"]) else row["rate"],
            row["method"],
        )
        for row in frame.to_dict("records")
    ]
    order = sorted(range(len(frame)), key=keys.__getitem__)
    return frame.iloc[order].reset_index(drop=True)
