"""Tables of the report: cells with what is printed, what they are sorted by, and what is said about them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

_MINUS = "−"
_WIDE = 60  # letters from which on a column holds sentences


@dataclass(frozen=True)
class Cell:
    """One cell. `order` sorts numbers; blank cells come last in either direction."""

    text: str
    note: str = ""  # small, below: an interval
    mark: str = ""
    order: float | None = None
    kind: str = ""  # a word for how it looks: best, holds, contradicted, undecided, ...


@dataclass(frozen=True)
class Head:
    """One column."""

    text: str
    group: str = ""
    about: str = ""
    is_number: bool = False
    is_wide: bool = False  # holds sentences


@dataclass(frozen=True)
class Grid:
    """A table: the first `named` columns of a row are its headers."""

    name: str
    caption: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Cell]]
    named: int = 1
    notes: Sequence[str] = ()
    blocks: Sequence[str] = field(default=())  # of each row: where it changes, a line is drawn

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Headings above the columns with the number of columns of each; nothing where there are none."""
        spans: list[tuple[str, int]] = []
        for head in self.heads:
            if spans and spans[-1][0] == head.group:
                spans[-1] = (head.group, spans[-1][1] + 1)
            else:
                spans.append((head.group, 1))
        return spans if any(head.group for head in self.heads) else []


def percent(value: float, *, low: float = math.nan, high: float = math.nan, **more: Any) -> Cell:
    """Print a share in percent, with its interval below; blank where it is NaN."""
    if math.isnan(value):
        return Cell("", **more)
    return Cell(f"{100 * value:.1f}", note=interval(low, high), order=value, **more)


def interval(low: float, high: float) -> str:
    """Print bounds of shares in percent; "" where one is NaN."""
    return "" if math.isnan(low) or math.isnan(high) else f"{_tenths(low)} to {_tenths(high)}"


def points(value: float) -> str:
    """Print a difference of shares in percentage points, with its sign."""
    if math.isnan(value):
        return ""
    return f"+{text}" if not (text := _tenths(value)).startswith(_MINUS) and value > 0 else text


def _tenths(value: float) -> str:
    return f"{100 * value:z.1f}".replace("-", _MINUS)


def plain(value: object) -> Cell:
    """Print anything: numbers shortly, blanks as nothing."""
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return Cell("")
    if isinstance(value, int | float):
        return Cell(f"{value:,}" if isinstance(value, int) else f"{value:.4g}", order=float(value))
    return Cell(str(value))


def listed(
    frame: pd.DataFrame,
    name: str,
    caption: str,
    headings: Mapping[str, str],
    *,
    kinds: str = "",
    named: int = 1,
    notes: Sequence[str] = (),
) -> Grid:
    """Lay out a frame as it is.

    Args:
        frame: the rows.
        name: of the grid, unique on the page.
        caption: what the table says.
        headings: columns to show, each with what is printed above it.
        kinds: column whose words say how its cells look.
        named: number of columns that name a row.
        notes: lines below.
    """
    numbers = {column: pd.api.types.is_numeric_dtype(frame[column]) for column in headings}
    rows = [[plain(row[column]) for column in headings] for row in frame.to_dict("records")]
    if kinds:
        at = list(headings).index(kinds)
        rows = [
            [Cell(c.text, c.note, c.mark, c.order, c.text) if i == at else c for i, c in enumerate(row)]
            for row in rows
        ]
    wide = {c: not numbers[c] and frame[c].astype(str).str.len().max() > _WIDE for c in headings}
    heads = [Head(text, "", "", bool(numbers[c]), bool(wide[c])) for c, text in headings.items()]
    return Grid(name, caption, heads, rows, named, notes)
