"""Sets of labeled reports, read by every extractor that an experiment has, and what came of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from rsuper.config.experiment import Extraction
from rsuper.extraction.read import read_all
from rsuper.extraction_report.labeled import LabeledSet, case_of
from rsuper.extraction_report.measures import measures
from rsuper.reports.disagreement import errors_of
from rsuper.reports.findings import TARGETS, Finding, ReportFindings
from rsuper.reports.truth import Truth, status_of

ACCURACY = ("extractor", "version", "set", "target", "measure", "count", "n", "value", "low", "high")
DISAGREEMENTS = ("extractor", "set", "case", "target", "kind", "stated", "read")


@dataclass(frozen=True)
class Scores:
    """What came of it.

    Attributes:
        accuracy: Columns ACCURACY, a row per extractor, set, target and measure.
        disagreements: Columns DISAGREEMENTS, a row per extractor, report, target and kind of error; what was
            stated and read as values, no text.
        ledger: Rows of EXTRACTION_LEDGER of a language model's reading; None where there is no model.
    """

    accuracy: pd.DataFrame
    disagreements: pd.DataFrame
    ledger: pd.DataFrame | None


def score(sets: Sequence[LabeledSet], settings: Extraction, answers: Path) -> Scores:
    """Let our rules read all sets, and the experiment's language model where it has one.

    A report that the model has no usable answer for is `unread`, whatever the experiment does with such
    reports: what is scored is the model.

    Args:
        sets: labeled reports; names differ.
        settings: the experiment's.
        answers: file that keeps the model's answers, so that a stopped run goes on.

    Raises:
        DataError: see `ask_all`.
        ConfigError: there is no such prompt.
    """
    texts = {case_of(labeled.name, place): text for labeled in sets for place, text in labeled.texts.items()}
    accuracy: list[dict[str, object]] = []
    disagreements: list[dict[str, object]] = []
    ledger = None
    for name, reader in _readers(settings).items():
        read = read_all(texts, reader, answers)
        ledger = read.ledger if name == "llm" else ledger
        found = {each.case_id: each for each in read.findings}
        version = read.ledger["version"].iloc[0] if len(read.ledger) else ""
        for labeled in sets:
            accuracy += _accuracy_rows(labeled, found, {"extractor": name, "version": version})
            disagreements += _disagreement_rows(labeled, found, {"extractor": name})
    frame = pd.DataFrame(accuracy, columns=list(ACCURACY)).astype({"count": "Int64", "n": "int64"})
    return Scores(
        frame.round(6),  # the last digits are those of a machine
        pd.DataFrame(disagreements, columns=list(DISAGREEMENTS)),
        ledger,
    )


def _readers(settings: Extraction) -> dict[str, Extraction]:
    """By name; a table of others is of their own cases, so there is nothing in it to score."""
    readers = {"rules": Extraction()}
    if settings.extractor == "llm":
        readers["llm"] = settings.model_copy(update={"failed": "unknown"})
    return readers


def _accuracy_rows(
    labeled: LabeledSet, found: dict[str, ReportFindings], first: dict[str, object]
) -> list[dict[str, object]]:
    pairs = [(truth, found.get(truth.report.case_id)) for truth in labeled.truths.values()]
    rows = []
    for target in TARGETS:
        for measure in measures(pairs, target):
            values = asdict(measure)
            rows.append(
                {**first, "set": labeled.name, "target": target, "measure": values.pop("name"), **values}
            )
    return rows


def _disagreement_rows(
    labeled: LabeledSet, found: dict[str, ReportFindings], first: dict[str, object]
) -> list[dict[str, object]]:
    return [
        {
            **first,
            "set": labeled.name,
            "case": place,
            "target": target,
            "kind": kind,
            "stated": _stated(truth, target),
            "read": "unread" if read is None else told(status_of(read, target), read.of(target)),
        }
        for place, truth in labeled.truths.items()
        for read in [found.get(truth.report.case_id)]
        for target in TARGETS
        for kind in errors_of(truth, read, target)
    ]


def _stated(truth: Truth, target: str) -> str:
    return told(truth.status(target), truth.report.of(target))


def told(status: str, tumors: Sequence[Finding]) -> str:
    """Write a status, or tumors by place, mm, number and doubt: "head 23x18; ? 9 several doubtful"."""
    return "; ".join(_tumor(tumor) for tumor in tumors) or status


def _tumor(tumor: Finding) -> str:
    words = ["+".join(tumor.segments) or "?"]
    if tumor.diameters_mm:
        words.append("x".join(f"{diameter:g}" for diameter in tumor.diameters_mm))
    if tumor.count != 1:
        words.append("several" if tumor.count is None else f"number {tumor.count}")
    if not tumor.certain:
        words.append("doubtful")
    return " ".join(words)
