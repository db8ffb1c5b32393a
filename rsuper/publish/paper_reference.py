"""The paper's published cells, as a table to lay beside ours."""

from collections.abc import Iterable

import pandas as pd

from rsuper.publish.audit.printed import PrintedRow

COLUMNS = (
    "table",
    "stratum",
    "method",
    "masks",
    "reports",
    "target",
    "test_set",
    "metric",
    "percent",
    "reading",
    "mark",
)
# In print, orange marks a significant gain; our copy has lost the color.
MARK = "unknown"


def paper_reference(rows: Iterable[PrintedRow]) -> pd.DataFrame:
    """List every published cell under our names for methods and metrics, in the paper's order.

    `percent` is blank where our copy is unreadable; `reading` says printed, unreadable, or guessed column
    (the copy does not show which column a value stands in). No rows give an empty frame with all columns.

    Source: Tables 2 and 3.
    """
    cells = [
        {
            "table": row.table,
            "stratum": row.stratum,
            "method": row.method,
            "masks": row.masks,
            "reports": row.reports,
            "target": row.target,
            "test_set": row.test_set,
            "metric": metric,
            "percent": percent,
            "reading": _reading(row, percent),
            "mark": MARK,
        }
        for row in rows
        for metric, percent in row.cells.items()
    ]
    return pd.DataFrame(cells, columns=list(COLUMNS)).astype({"percent": "Int64"})


def _reading(row: PrintedRow, percent: int | None) -> str:
    if percent is None:
        return "unreadable"
    return "guessed column" if row.guessed else "printed"
