"""Tables of the report that are shown as they were published: claims, hypotheses, audits, extraction."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from rsuper.extraction_report.measures import ERROR, SHARES, SIZE_ERRORS
from rsuper.publish.failed import FAILED_MARK
from rsuper.publish.html.grid import Cell, Grid, Head, interval, listed, plain, points
from rsuper.publish.rows import Card, label_of

_AUDIT = {
    "severity": "Severity",
    "check": "Check",
    "finding": "Finding",
    "n_cases": "CTs",
    "action": "What the suite does",
    "advice": "What you can do",
}
_PAPER = {
    "verdict": "Verdict",
    "check": "Check",
    "table": "Table",
    "target": "Target",
    "test_set": "Test set",
    "stratum": "Size",
    "method": "Method",
    "masks": "Masks",
    "metric": "Number",
    "finding": "Finding",
}
_ACCURACY = {
    "set": "Reports",
    "extractor": "Read by",
    "target": "Target",
    "measure": "Measure",
    "value": "Value",
    "low": "From",
    "high": "To",
    "n": "n",
}


def claims_grid(frame: pd.DataFrame, cards: Sequence[Card]) -> Grid:
    """Lay out the paper's claims beside what was measured."""
    heads = [
        Head("Claim", is_wide=True),
        Head("Verdict"),
        Head("Cell"),
        Head(
            "Here", about="the method, against the alternative that it exceeds least surely", is_number=True
        ),
        Head("Difference", is_number=True),
        Head("p", is_number=True),
        Head("Paper", about="the method, against the best alternative", is_number=True),
        Head("Why", is_wide=True),
        Head("Where"),
    ]
    rows = [_claim(row, cards) for row in frame.to_dict("records")]
    return Grid("claims-grid", "The paper's claims, in the paper's numbers and in ours", heads, rows)


def _claim(row: Mapping[Hashable, Any], cards: Sequence[Card]) -> list[Cell]:
    size = "" if row["stratum"] == "all" else f", {row['stratum']} tumors"
    where = f"{row['target']}, {row['test_set']}, {row['metric'].upper()}{size}"
    other = str(row["compared_with"])
    return [
        Cell(str(row["statement"])),
        Cell(str(row["verdict"]), kind=str(row["verdict"])),
        Cell(where, f"budget {row['budget']}"),
        _pair(row["ours_method"], row["ours_other"], label_of(other, cards) if other else ""),
        _difference(row),
        plain(row["p_value"]),
        _pair(row["paper_method"], row["paper_other"], ""),
        Cell(str(row["why"])),
        Cell(str(row["where"])),
    ]


def _difference(row: Mapping[Hashable, Any]) -> Cell:
    return Cell(
        points(row["difference"]),
        interval(row["ci_low"], row["ci_high"]),
        FAILED_MARK if row["failed_runs"] else "",
        None if pd.isna(row["difference"]) else float(row["difference"]),
    )


def _pair(ours: float, other: float, label: str) -> Cell:
    if pd.isna(ours) and pd.isna(other):
        return Cell("")
    texts = ["?" if pd.isna(value) else f"{100 * value:.1f}" for value in (ours, other)]
    return Cell(
        " : ".join(texts), f"against {label}" if label else "", order=None if pd.isna(ours) else float(ours)
    )


def counted(verdicts: pd.Series) -> str:
    """Count verdicts in words, the most frequent first."""
    return ", ".join(f"{number} {name}" for name, number in verdicts.value_counts().items())


def hypotheses_grid(frame: pd.DataFrame, cards: Sequence[Card]) -> Grid | None:
    """Lay out the experiment's own hypotheses; None where it has none."""
    if frame.empty:
        return None
    heads = [
        Head("Hypothesis", is_wide=True),
        Head("Cell"),
        Head("Expected"),
        Head("Difference", is_number=True),
        Head("p, adjusted", is_number=True),
        Head("Verdict"),
    ]
    rows = [
        [
            Cell(
                str(row["statement"]),
                f"{row['id']}: against {label_of(row['other'], cards)}, budget {row['budget']}",
            ),
            Cell(f"{row['target']}, {row['test_set']}, {row['metric']}"),
            Cell(str(row["expected"])),
            _difference(row),
            plain(row["p_adjusted"]),
            Cell(str(row["verdict"]), kind=str(row["verdict"])),
        ]
        for row in frame.to_dict("records")
    ]
    return Grid("hypotheses-grid", "Hypotheses and what became of them", heads, rows)


def audit_grid(frame: pd.DataFrame) -> Grid:
    """Lay out what the audit of the data found."""
    return listed(frame, "audit-grid", "Findings of the audit", _AUDIT, kinds="severity")


def paper_grid(frame: pd.DataFrame) -> Grid:
    """Lay out the audit of the paper's numbers."""
    return listed(frame, "paper-grid", "Checks of the published numbers", _PAPER, kinds="verdict")


def failed_grid(frame: pd.DataFrame, cards: Sequence[Card]) -> Grid:
    """Name the runs that collapsed or did not learn."""
    shown = frame.assign(method=[label_of(method, cards) for method in frame["method"]])
    headings = {"method": "Method", "budget": "Budget", "seed": "Seed", "target": "Target"}
    headings |= {"sign": "Sign", "finding": "Finding"}
    return listed(shown, "failed-grid", f"{FAILED_MARK} Failed runs, in the numbers above", headings)


def accuracy_grid(frame: pd.DataFrame) -> Grid:
    """Lay out how well reports are read; errors by kind stay in their own table."""
    about = {name: told for name, (told, *_) in {**SHARES, **SIZE_ERRORS}.items()}
    shown = frame[~frame["measure"].str.startswith(ERROR)]
    shown = shown.assign(measure=shown["measure"].map(lambda name: about.get(name, name)))
    note = "Sets of reports: docs/reports.md. Every disagreement: extraction_report/disagreements.csv."
    return listed(
        shown,
        "accuracy-grid",
        "Reading of reports that the rules were not written on",
        _ACCURACY,
        notes=[note],
    )
