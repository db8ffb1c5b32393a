"""Tables 1 to 3 as the report shows them: with marks, intervals, and the best of each column."""

import math
from collections.abc import Sequence

import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.evaluate.seeds import over_seeds
from rsuper.publish.cells import Values
from rsuper.publish.columns import NUMBERS, Column, further_columns, paper_columns
from rsuper.publish.failed import FAILED_MARK
from rsuper.publish.figures.style import set_label
from rsuper.publish.html.grid import Cell, Grid, Head, percent, plain
from rsuper.publish.rows import CONTROLS, RUN
from rsuper.publish.table1 import TICKS

Bounds = dict[tuple[str, str, str, Column], tuple[float, float]]
_TICKS = {
    "uses_unannotated_cts": "Uses CTs without masks",
    "uses_reports": "Uses reports",
    "uses_detailed_report_info": "Uses size, number, place",
    "reports_optimize_segmentation": "Reports optimize the segmentation",
    "reports_penalize_fp_fn": "Reports penalize false positives and negatives",
}


class Intervals:
    """Look-up of the interval behind a number of Tables 2 and 3, of all seeds together."""

    def __init__(self, metrics: pd.DataFrame, experiment: Experiment, rule: str) -> None:
        self._values = Values(metrics, experiment, rule)
        rows = over_seeds(metrics)
        keys = ["budget", "method", "stratum", "target", "test_set", "metric", "convention", "rule"]
        self._bounds = {
            tuple(key): (float(low), float(high))
            for *key, low, high in rows[[*keys, "ci_low", "ci_high"]].itertuples(index=False, name=None)
        }

    def of(self, budget: str, method: str, stratum: str, column: Column) -> tuple[float, float]:
        """Return the bounds, NaN where there are none."""
        metric, convention, rule = self._values.source(column.metric)
        key = (budget, method, stratum, column.target, column.test_set, metric, convention, rule)
        return self._bounds.get(key, (math.nan, math.nan))


def table_grids(
    frame: pd.DataFrame,
    intervals: Intervals,
    experiment: Experiment,
    name: str,
    title: str,
) -> list[Grid]:
    """Lay out Table 2 or 3: the paper's columns, then the rest; rows that were not run are left out.

    Args:
        frame: the table, as its CSV.
        intervals: of its numbers.
        experiment: names the columns.
        name: begins the grids' names.
        title: of the table.
    """
    shown = frame[frame["status"] == RUN].reset_index(drop=True)
    parts = (
        ("paper", "as in the paper", paper_columns(experiment)),
        ("more", "beyond the paper", further_columns(experiment)),
    )
    return [
        _grid(
            shown,
            intervals,
            experiment,
            [c for c in columns if shown[c.name].notna().any()],
            f"{name}-{key}",
            f"{title}, {told}",
        )
        for key, told, columns in parts
    ]


def left_out(frame: pd.DataFrame) -> str:
    """Name the rows of a table that have no numbers, with the reason; "" where all were run."""
    absent = frame[frame["status"] != RUN].drop_duplicates(["budget", "label", "status"])
    named = [f"{row.label} at {row.budget} ({row.status})" for row in absent.itertuples()]
    return f"Rows without numbers: {'; '.join(named)}." if named else ""


def table1_grid(frame: pd.DataFrame) -> Grid:
    """Lay out Table 1."""
    heads = [Head("Method"), *(Head(_TICKS[tick]) for tick in TICKS), Head("Differs from the paper in")]
    rows = []
    for row in frame.fillna("").to_dict("records"):
        differs = ", ".join(_TICKS.get(each, each) for each in str(row["differs_from_paper"]).split())
        ticks = [Cell(str(row[tick]), kind=f"tick-{row[tick]}") for tick in TICKS]
        rows.append([Cell(str(row["label"])), *ticks, Cell(differs)])
    return Grid("table1", "Table 1: what each paradigm learns from", heads, rows)


def _grid(
    frame: pd.DataFrame,
    intervals: Intervals,
    experiment: Experiment,
    columns: Sequence[Column],
    name: str,
    caption: str,
) -> Grid:
    sizes = ["size"] if "size" in frame else []
    lead = ["label", *sizes, "budget"]
    counts = (
        [str(c) for c in frame if str(c).startswith(("masks_", "reports_"))] if name.endswith("paper") else []
    )
    heads = [
        *(Head({"label": "Method"}.get(each, each.capitalize())) for each in lead),
        *(Head(str(each).replace("_", " ").capitalize(), is_number=True) for each in counts),
        *(
            Head(each.heading, f"{each.target}, {set_label(each.test_set, experiment)}", is_number=True)
            for each in columns
        ),
    ]
    best = {column: _best(frame, column) for column in columns}
    rows = []
    for index, row in frame.iterrows():
        named = [Cell(str(row["label"]), mark=FAILED_MARK if row["failed_seeds"] else "")]
        named += [Cell(str(row[each])) for each in lead[1:]]
        cells = [_cell(row, column, intervals, index in best[column]) for column in columns]
        rows.append([*named, *(plain(None if pd.isna(row[c]) else int(row[c])) for c in counts), *cells])
    blocks = [str(row.block) + str(getattr(row, "size", "")) for row in frame.itertuples()]
    return Grid(name, caption, heads, rows, blocks=blocks)


def _cell(row: pd.Series, column: Column, intervals: Intervals, best: bool) -> Cell:
    value = float(row[column.name])
    bounds = intervals.of(row["budget"], row["method"], row.get("size", "all"), column)
    mark = str(row.get(f"{column.name}_mark", ""))
    kind = "best" if best else ""
    if column.metric in NUMBERS:
        note = "" if math.isnan(bounds[0]) else f"{bounds[0]:.2f} to {bounds[1]:.2f}"
        return Cell("") if math.isnan(value) else Cell(f"{value:.2f}", note, order=value, kind=kind)
    return percent(value, low=bounds[0], high=bounds[1], mark=mark, kind=kind)


def _best(frame: pd.DataFrame, column: Column) -> set[object]:
    """Rows with the best number of their budget (and size), controls aside."""
    own = frame[(frame["block"] != CONTROLS) & frame[column.name].notna()]
    sign = -1 if column.metric in NUMBERS else 1
    groups = own.groupby([*(["size"] if "size" in frame else []), "budget"], sort=False)[column.name]
    found: set[object] = set()
    for _, values in groups:
        found |= set(values.index[sign * values == (sign * values).max()])
    return found
