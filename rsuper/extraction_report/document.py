"""The scores for a person to read, in Markdown."""

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd
from tabulate import tabulate

from rsuper.extraction_report.labeled import LabeledSet
from rsuper.extraction_report.measures import ERROR, SHARES, SIZE_ERRORS
from rsuper.reports.disagreement import KINDS
from rsuper.reports.findings import TARGETS

Row = dict[Hashable, Any]
Cells = dict[tuple[str, str, str], Row]
_NOTES = (
    "Shares with 95 % Wilson intervals and counts; errors of sizes with 95 % intervals by order statistics. "
    "All are over every report of a set that is not labeled doubtful: a tumor that is missed or invented "
    "counts in places and sizes too. A place is an organ's segment, once per report; intervals take places "
    "and sizes of one report as independent.",
    "Our rules were mended on all of these sets but real_second: their numbers here tell what is left of "
    "known errors. What a new hospital may expect, the first readings in docs/reports.md tell.",
)


def document(accuracy: pd.DataFrame, sets: Sequence[LabeledSet], notes: Sequence[str] = ()) -> str:
    """Lay out measures per set, and errors by kind.

    Args:
        accuracy: columns ACCURACY.
        sets: in the order in which they are shown.
        notes: lines at the top, such as what was skipped.
    """
    readers = accuracy[["extractor", "version"]].drop_duplicates().itertuples(index=False)
    lead = ", ".join(f"{reader.extractor} ({reader.version})" for reader in readers)
    parts = ["# How well reports are read", f"Extractors: {lead}.", *notes, *_NOTES]
    for labeled in sets:
        rows = accuracy[accuracy["set"] == labeled.name]
        parts += [f"## {labeled.name}", f"{labeled.about}.", _measures_table(rows)]
    return "\n\n".join([*parts, *_kinds_tables(accuracy)]) + "\n"


def _measures_table(rows: pd.DataFrame) -> str:
    named = {name: about for name, (about, *_) in {**SHARES, **SIZE_ERRORS}.items()}
    cells = _cells(rows)
    columns = [(extractor, target) for extractor in rows["extractor"].unique() for target in TARGETS]
    body = [
        [about, *(_measure(cells[(*column, name)]) for column in columns)] for name, about in named.items()
    ]
    return tabulate(
        body, headers=["", *(f"{e}, {t}" for e, t in columns)], tablefmt="pipe", disable_numparse=True
    )


def _kinds_tables(accuracy: pd.DataFrame) -> list[str]:
    parts = [
        "## Errors by kind",
        f"Number of reports with such an error, {' / '.join(TARGETS)}. Which: disagreements.csv.",
    ]
    for extractor, rows in accuracy.groupby("extractor", sort=False):
        names = list(rows["set"].unique())
        cells = {name: _cells(rows[rows["set"] == name]) for name in names}
        body = [
            [kind, *(_errors(cells[name], str(extractor), kind) for name in names), about]
            for kind, about in KINDS.items()
        ]
        parts.append(
            tabulate(body, headers=[str(extractor), *names, ""], tablefmt="pipe", disable_numparse=True)
        )
    return parts


def _cells(rows: pd.DataFrame) -> Cells:
    """Rows of one set by extractor, target and measure."""
    return {(row["extractor"], row["target"], row["measure"]): row for row in rows.to_dict("records")}


def _errors(cells: Cells, extractor: str, kind: str) -> str:
    return " / ".join(f"{cells[extractor, target, ERROR + kind]['count']:g}" for target in TARGETS)


def _measure(row: Row) -> str:
    if row["n"] == 0:
        return "none"
    bounds = ", ".join("-" if pd.isna(bound) else f"{bound:.3f}" for bound in (row["low"], row["high"]))
    counted: str = f"n {row['n']}" if pd.isna(row["count"]) else f"{row['count']}/{row['n']}"
    return f"{row['value']:.3f} [{bounds}] {counted}"
