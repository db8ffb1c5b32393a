"""What the paper prints: the rows of Tables 2 and 3, and the numbers that its text states."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd
import yaml

from rsuper.publish.claims import Claim, paper_claims

ROW = ("table", "size", "method", "masks", "reports", "target", "test_set")
SIZES = ("small", "large")


@dataclass(frozen=True)
class PrintedRow:
    """The cells of one row of a table for one target and test set, in percent; None where unreadable."""

    table: str  # 2, 3 or "2 (caption)"
    stratum: str  # all, small, large
    method: str
    masks: int
    reports: int
    target: str
    test_set: str
    cells: Mapping[str, int | None]
    guessed: bool = False  # our copy does not show which column a value stands in

    def cell(self, metric: str) -> int | None:
        """Return a printed percentage; None where it is unreadable or the table has no such column."""
        return self.cells.get(metric)

    @property
    def run(self) -> tuple[str, int, str, str]:
        """What the rows of one trained model have in common over tables and strata of one column group."""
        return self.method, self.masks, self.target, self.test_set


@dataclass(frozen=True)
class Gain:
    """A stated gain in F1; `masks` or `test_set` narrow the cells it is the largest of."""

    value: str
    where: str
    masks: int | None = None
    test_set: str | None = None


@dataclass(frozen=True)
class Total:
    """A stated total and its stated parts."""

    about: str
    total: int
    parts: tuple[int, ...]
    where: str


@dataclass(frozen=True)
class Alternatives:
    """A stated number of compared methods, and the table whose rows show it."""

    about: str
    value: int
    table: int
    where: str


@dataclass(frozen=True)
class Statements:
    """Numbers of the paper's text and captions."""

    normals: Mapping[str, int] = field(default_factory=dict)
    tumors: Mapping[tuple[str, str, str], int] = field(default_factory=dict)  # test set, target, stratum
    totals: Sequence[Total] = ()
    gains: Sequence[Gain] = ()
    alternatives: Sequence[Alternatives] = ()
    claims: Sequence[Claim] = ()
    silent: Sequence[tuple[str, str, str]] = ()  # about, where, why

    def sizes(self, test_set: str, target: str) -> dict[str, int] | None:
        """Return stated tumor CTs by stratum, `all` included; None unless all, small and large are stated."""
        found = {
            stratum: count
            for (name, kind, stratum), count in self.tumors.items()
            if (name, kind) == (test_set, target)
        }
        return found if {"all", *SIZES} <= set(found) else None


def rows_of(frame: pd.DataFrame, guessed: Sequence[Mapping[str, str]] = ()) -> list[PrintedRow]:
    """Gather the cells of a long-form table (columns as in reported_results.csv) into rows, in its order.

    A blank value is unreadable, never zero. Rows that match every key of an entry of `guessed` are marked.

    Raises:
        ValueError: a value is not a whole percentage.
    """
    return [
        _row(dict(zip(ROW, key, strict=True)), part, guessed)
        for key, part in frame.groupby(list(ROW), sort=False)
    ]


@cache
def printed_rows() -> tuple[PrintedRow, ...]:
    """Return every row of the paper's Tables 2 and 3 and of Table 2's caption."""
    with _shipped("reported_results.csv").open(encoding="utf-8") as stream:
        frame = pd.read_csv(stream, dtype={"table": str})
    return tuple(rows_of(frame, _yaml()["guessed"]))


@cache
def statements() -> Statements:
    """Return the numbers that the paper's text states, and its claims as they stand in claims.yaml."""
    content = _yaml()
    return Statements(
        normals={entry["test_set"]: entry["count"] for entry in content["normals"]},
        tumors={
            (entry["test_set"], entry["target"], entry["stratum"]): entry["count"]
            for entry in content["tumors"]
        },
        totals=[Total(**{**entry, "parts": tuple(entry["parts"])}) for entry in content["totals"]],
        gains=[Gain(**entry) for entry in content["gains"]],
        alternatives=[Alternatives(**entry) for entry in content["alternatives"]],
        claims=[*paper_claims(), *_claims(content["claims"])],
        silent=[(entry["about"], entry["where"], entry["why"]) for entry in content["silent"]],
    )


@cache
def table1_methods() -> Mapping[str, bool]:
    """Return the methods of the paper's Table 1, each with whether it uses reports."""
    with _shipped("table1.csv").open(encoding="utf-8") as stream:
        frame = pd.read_csv(stream, dtype=str)
    return dict(zip(frame["method"], frame["uses_reports"] == "yes", strict=True))


def cell_text(value: int | None) -> str:
    """Write a printed cell."""
    return "unreadable" if value is None else str(value)


def _row(key: dict[str, Any], part: pd.DataFrame, guessed: Sequence[Mapping[str, str]]) -> PrintedRow:
    cells = {
        str(metric): _percent(value) for metric, value in zip(part["metric"], part["value"], strict=True)
    }
    return PrintedRow(
        table=str(key["table"]),
        stratum=str(key["size"]),
        method=str(key["method"]),
        masks=int(key["masks"]),
        reports=int(key["reports"]),
        target=str(key["target"]),
        test_set=str(key["test_set"]),
        cells=cells,
        guessed=any(all(key[name] == value for name, value in entry.items()) for entry in guessed),
    )


def _percent(value: float) -> int | None:
    if pd.isna(value):
        return None
    if value != int(value) or not 0 <= value <= 100:
        raise ValueError(f"a printed cell must be a whole percentage, got {value}")
    return int(value)


def _claims(entries: Sequence[Mapping[str, Any]]) -> Iterator[Claim]:
    for entry in entries:
        for target, test_set, stratum, metric in entry["cells"]:
            yield Claim(
                id=f"{entry['id']}/{target}/{test_set}/{metric}",
                statement=entry["statement"].format(target=target),
                where=entry["where"],
                method=entry["method"],
                others=tuple(entry["others"]),
                budget=entry["budget"],
                target=target,
                test_set=test_set,
                stratum=stratum,
                metric=metric,
            )


def _yaml() -> dict[str, Any]:
    content = yaml.safe_load(_shipped("statements.yaml").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def _shipped(name: str) -> Any:
    return resources.files("rsuper.publish").joinpath(f"paper/{name}")
