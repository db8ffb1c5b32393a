"""Real reports, labeled by us before any extractor read them; only file, row and label are stored.

`real_labels.csv` has a row per report: set, file and data row (from 0), what the report says of either organ,
and its tumors, each as organ, segments ("?" where not said) and size in mm.

- tumor: a mass, a tumor, or a lesion whose kind is left open, angiomyolipomas included; not what the report
  itself takes for a cyst ("cyst?"), a stone, an abscess, or a mass beside the organ.
- free: said to be normal, or without a mass. described: named, but nothing is said about tumors.
- not_tumor: free, described or unmentioned; the report can be read as more than one of these.
- doubtful: a reader could say tumor as well as not. Counted nowhere.

The first set: drawn by a fixed seed among the reports that name an organ, enriched for sizes, and every
report whose words told of a tumor. Rules of version 2 were written with its errors in view. The second set:
the rest of the reports that name an organ, labeled before version 2 was run on them; none tells of a tumor.
Shares of tumors say nothing about a hospital.
"""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rsuper.data.sources.real_anatomy.catalog import VARIABLE, real_data_folder
from rsuper.errors import DataError
from rsuper.extraction_report.labeled import LabeledSet, case_of
from rsuper.reports.findings import SEGMENTS, TARGETS, Finding, ReportFindings, report_sha256
from rsuper.reports.truth import Loose, Truth

LABELS = Path(__file__).with_name("real_labels.csv")
SKIPPED = (
    "The sets of real reports were skipped: their texts are not here and may not be shipped. Name the folder "
    f"of real data, which has them in its folder 'reports', in {VARIABLE}."
)
_LONGEST_CELL = 10**7


@dataclass(frozen=True)
class _Source:
    """A file of reports; another version of it may have its rows in another order."""

    column: str
    encoding: str
    sha256: str


_SOURCES = {
    "ctrate_classifier_train.csv": _Source(
        "report_text", "utf-8", "fe566345685777c55be6b0a29a676ea00454634a9fe7e487ce9d459d985d4303"
    ),
    "AbdomenAtlasRadiologistsNotes.csv": _Source(
        "Notes", "utf-8", "c078e6bdc13a398863de24e2d8b0545063fda1a8a37d5da91ede05661c3f68da"
    ),
    "free_text_reports.csv": _Source(
        "Report Text", "latin-1", "f43b7fb0a31a460de435581a374735726aced072094e26a442ef084cf832b775"
    ),
}


def real_report_files() -> list[Path]:
    """Files of the real reports, in a fixed order; none where the folder of real data is not there."""
    try:
        folder = real_data_folder() / "reports"
    except DataError:
        return []
    files = [folder / name for name in _SOURCES]
    return files if all(file.is_file() for file in files) else []


def real_sets(files: list[Path]) -> list[LabeledSet]:
    """Read the labeled reports.

    Args:
        files: as `real_report_files` gives them; without any there are no sets.

    Raises:
        DataError: a file is not the version that was labeled, or a label is not as it must be; says where,
            and nothing of the report.
    """
    if not files:
        return []
    texts = {(file.name, row): text for file in files for row, text in enumerate(_texts(file))}
    sets: dict[str, dict[str, Truth]] = {}
    of_place: dict[str, str] = {}
    for number, row in enumerate(_labels(), start=2):
        name, place = f"real_{row['set']}", f"{row['file']}:{row['row']}"
        of_place[place] = texts[row["file"], row["row"]]
        try:
            truth = truth_of(row, case_of(name, place), of_place[place])
        except ValueError as error:
            raise DataError(f"{LABELS.name}, row {number}: {error}") from None
        sets.setdefault(name, {})[place] = truth
    return [
        LabeledSet(
            name,
            f"{len(truths)} real reports, translated or short notes, labeled by us before they were read",
            {place: of_place[place] for place in truths},
            truths,
        )
        for name, truths in sets.items()
    ]


def truth_of(row: dict[str, Any], case_id: str, text: str) -> Truth:
    """Turn a row of labels into what an extractor should read; certainty of tumors is not labeled.

    Raises:
        ValueError: a label is unknown, or tumors are given for an organ that is not labeled as having one.
    """
    labels = {target: row[target] for target in TARGETS}
    known = {"tumor", "free", "described", "unmentioned", "not_tumor", "doubtful"}
    if not set(labels.values()) <= known:
        raise ValueError(f"labels must be among {sorted(known)}, got {labels}")
    tumors = tuple(_tumor(part) for part in row["tumors"].split(";") if part.strip())
    if {tumor.organ for tumor in tumors} != {t for t, label in labels.items() if label == "tumor"}:
        raise ValueError("tumors must be given for the organs labeled tumor, and for no others")
    report = ReportFindings(
        case_id=case_id,
        report_sha256=report_sha256(text),
        extractor="labels",
        version="1",
        findings=tumors,
        absent=tuple(t for t in TARGETS if labels[t] == "free"),
        unmentioned=tuple(t for t in TARGETS if labels[t] == "unmentioned"),
    )
    loose: dict[str, Loose] = {t: label for t, label in labels.items() if label in ("not_tumor", "doubtful")}
    return Truth(report, loose, has_certainty=False)


def _tumor(part: str) -> Finding:
    organ, segments, *sizes = part.split()
    named = segments.split("+") if segments != "?" else []
    return Finding(
        organ=organ,
        segments=tuple(segment for segment in SEGMENTS[organ] if segment in named),
        diameters_mm=tuple(sorted(map(float, sizes[0].split("x")), reverse=True)) if sizes else (),
    )


def _labels() -> list[dict[str, Any]]:
    rows = pd.read_csv(LABELS, keep_default_na=False).to_dict("records")
    return [{str(column): cell for column, cell in row.items()} for row in rows]


def _texts(file: Path) -> list[str]:
    source = _SOURCES[file.name]
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != source.sha256:
        raise DataError(f"{file}: not the version of this file that was labeled; its rows may differ")
    csv.field_size_limit(_LONGEST_CELL)
    with file.open(encoding=source.encoding, errors="replace", newline="") as stream:
        return [row[source.column] or "" for row in csv.DictReader(stream)]
