"""Table 2: every row of the paper, in the paper's order, with our numbers."""

from collections.abc import Mapping, Sequence

import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.publish.cells import Marks, Values
from rsuper.publish.columns import TESTED, Column, further_columns, groups, paper_columns
from rsuper.publish.failed import failed_text
from rsuper.publish.rows import RUN, Card, Row, table_rows

# Training cases behind a row: (budget, method) -> masks per target, reports per target.
Supervision = Mapping[tuple[str, str], tuple[Mapping[str, int], Mapping[str, int]]]

DECIMALS = 4


def table2(
    metrics: pd.DataFrame,
    comparisons: pd.DataFrame,
    experiment: Experiment,
    cards: Sequence[Card],
    *,
    supervision: Supervision,
    failed: pd.DataFrame | None = None,
    rule: str = "oracle_test",
    stratum: str = "all",
) -> pd.DataFrame:
    """Make Table 2 from the long forms.

    Values are fractions, means over seeds. First come the paper's columns under our test sets' names, then
    those that go beyond it, the number of test cases behind each group ("tumor+tumor-free"), and for F1 and
    AUC the p-value of the reference against the row, its Holm-adjusted twin and the mark: `*` where the gain
    is significant, `*†` where it also is after adjustment. `failed_seeds` names, per target, the row's
    seeds that collapsed or did not learn. Everything the experiment did not measure is blank.

    Args:
        metrics: frame with the columns of METRICS.
        comparisons: frame with the columns of COMPARISONS.
        experiment: names targets, test sets, budgets and controls.
        cards: cards of the method folders that are there.
        supervision: tumor CTs with masks and with reports that each run trained on.
        failed: frame with the columns of FAILED_RUNS; None: nothing failed.
        rule: threshold rule of F1, sensitivity and specificity.
        stratum: all, small or large.

    Source: Tab. 2.
    """
    values, marks = Values(metrics, experiment, rule), Marks(comparisons, experiment, rule)
    columns = [*paper_columns(experiment), *further_columns(experiment)]
    frame = pd.DataFrame(
        _lead(row, experiment, supervision, values)
        | _numbers(row, stratum, columns, values)
        | _counts(row, stratum, experiment, values)
        | _significance(row, stratum, columns, marks)
        | {"failed_seeds": failed_text(failed, row.budget, row.method, experiment.targets)}
        | {"data_note": experiment.data_note}
        for row in table_rows(metrics, experiment, cards)
    )
    whole = [name for name in frame if str(name).startswith(("masks_", "reports_"))]
    return frame[_order(frame, experiment)].astype(dict.fromkeys(whole, "Int64"))


def _lead(
    row: Row, experiment: Experiment, supervision: Supervision, values: Values
) -> dict[str, str | int | None]:
    masks, reports = supervision.get((row.budget, row.method), ({}, {}))
    trained = row.status == RUN and row.method not in experiment.controls
    lead: dict[str, str | int | None] = {
        "block": row.block,
        "budget": row.budget,
        "method": row.method,
        "label": row.label,
        "status": row.status,
        "network": experiment.network.name if trained else "",
        "n_seeds": values.seeds(row.budget, row.method),
    }
    for target in _targets(experiment):
        lead[f"masks_{target}"] = masks.get(target)
        lead[f"reports_{target}"] = reports.get(target)
    return lead


def _numbers(row: Row, stratum: str, columns: Sequence[Column], values: Values) -> dict[str, float]:
    return {
        column.name: round(values.cell(row.budget, row.method, stratum, column).value, DECIMALS)
        for column in columns
    }


def _counts(row: Row, stratum: str, experiment: Experiment, values: Values) -> dict[str, str]:
    counts = {}
    for target, test_set in groups(experiment):
        cell = values.cell(row.budget, row.method, stratum, Column(target, test_set, "auc"))
        counts[f"{target}_{test_set}_n"] = f"{cell.n_positive}+{cell.n_negative}"
    return counts


def _significance(row: Row, stratum: str, columns: Sequence[Column], marks: Marks) -> dict[str, float | str]:
    parts: dict[str, float | str] = {}
    for column in columns:
        if column.metric in TESTED:
            mark = marks.mark(row.budget, row.method, stratum, column)
            parts[f"{column.name}_p"] = round(mark.p_value, 6)
            parts[f"{column.name}_p_adjusted"] = round(mark.p_adjusted, 6)
            parts[f"{column.name}_mark"] = mark.symbol
    return parts


def _targets(experiment: Experiment) -> list[str]:
    return list(
        dict.fromkeys([column.target for column in paper_columns(experiment)] + list(experiment.targets))
    )


def _order(frame: pd.DataFrame, experiment: Experiment) -> list[str]:
    """Masks and reports of a target stand before its first column, as in print."""
    paper: list[str] = []
    for column in paper_columns(experiment):
        counts = [f"masks_{column.target}", f"reports_{column.target}"]
        paper += [name for name in (*counts, column.name) if name not in paper]
    lead = ["block", "budget", "method", "label", "status", "network"]
    last = ["n_seeds", "failed_seeds", "data_note"]
    rest = [str(name) for name in frame if name not in {*lead, *paper, *last}]
    return [*lead, *paper, *rest, *last]
