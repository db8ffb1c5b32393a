"""Rows of tables that others extracted from reports, as findings: per CT (Merlin) or per tumor (R-Super).

Both tables are made by a language model and hold what such models invent: sizes of 0, of 60 cm, fifteen
tumors of one size. What cannot be true is read as "not known", never as "no tumor". Lesions of the kidneys
include cysts, so one is doubtful (its region teaches nothing) unless the caller says otherwise.
"""

import math
import re
from collections.abc import Mapping, Sequence

from rsuper.reports.findings import SEGMENTS, TARGETS, Finding, ReportFindings, Target

VERSION = "1"
MOST_TUMORS = 10
LARGEST_MM = 300.0
_COLUMN_WORDS = {"pancreas": "pancreatic", "kidney": "kidney"}
_SEGMENT_WORDS = {word: word for segments in SEGMENTS.values() for word in segments}
_SEGMENT_WORDS |= {"neck": "head", "uncinate": "head"}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SEVERAL = re.compile(r"\b(?:multiple|several|numerous|innumerable)\b", re.IGNORECASE)
_ATTENUATIONS = (
    ("hypo", "hypo"),
    ("hyper", "hyper"),
    ("iso", "iso"),
    ("hetero", "heterogeneous"),
    ("mixed", "heterogeneous"),
)
_YES = {"1", "1.0", "yes", "true"}
Row = Mapping[str, str]


def per_ct_findings(
    row: Row, case_id: str, report_sha256: str, *, kidney_certain: bool = False
) -> ReportFindings:
    """Read a row of one CT: per organ a number of lesions and the largest diameter in cm.

    A blank number says nothing of the organ; more than ten are "several"; a largest diameter of 0, of more
    than 30 cm or blank is not known. Of several tumors the largest one's size is no size of each.

    Args:
        row: cells as text; blank for nothing. Columns as in R-Super's table of Merlin.
        case_id: of the findings.
        report_sha256: of the report's text, or of nothing.
        kidney_certain: whether lesions of the kidneys are tumors.

    Raises:
        ValueError: a column is missing, or a cell is no number; the column is named.

    Source: the columns of R-Super's Merlin tables. Their location columns are blank in every row; filled ones
        are read.
    """
    findings: list[Finding] = []
    absent: list[Target] = []
    unmentioned: list[Target] = []
    for target in TARGETS:
        word = _COLUMN_WORDS[target]
        number = _number(row, f"number of {word} lesion instances")
        if number is None:
            unmentioned.append(target)
        elif number == 0:
            absent.append(target)
        else:
            size = _number(row, f"largest {word} lesion diameter (cm)")
            place = next(
                (cell for name, cell in row.items() if name.startswith(f"largest {word} lesion loc")), ""
            )
            findings.append(
                Finding(
                    organ=target,
                    segments=_segments(target, place),
                    diameters_mm=_possible([] if size is None else [10 * size]),
                    certain=target != "kidney" or kidney_certain,
                    count=int(number) if number <= MOST_TUMORS else None,
                )
            )
    return ReportFindings(
        case_id=case_id,
        report_sha256=report_sha256,
        extractor="table_per_ct",
        version=VERSION,
        findings=tuple(findings),
        absent=tuple(absent),
        unmentioned=tuple(unmentioned),
    )


def per_tumor_findings(
    rows: Sequence[Row], case_id: str, report_sha256: str, *, kidney_certain: bool = False
) -> ReportFindings:
    """Read the rows of one CT, each a tumor; an organ without a row has none.

    Args:
        rows: cells as text. Columns `Standardized Organ`, `Standardized Location`, `Tumor Size (mm)` ("23",
            "23 x 14", "u", "multiple"), `Unknow Tumor Size` (as the table spells it) and, where it is there,
            `Standardized Attenuation`. A CT without any tumor has one row whose organ is blank.
        case_id: of the findings.
        report_sha256: of the report's text, or of nothing.
        kidney_certain: whether lesions of the kidneys are tumors.

    Raises:
        ValueError: a column is missing.

    Source: the columns that R-Super's released reader uses.
    """
    findings = []
    for row in rows:
        organ = _cell(row, "Standardized Organ").lower()
        target = next((t for t in TARGETS if t in organ or _COLUMN_WORDS[t] in organ), None)
        size, unknown = _cell(row, "Tumor Size (mm)"), _cell(row, "Unknow Tumor Size")
        place = f"{organ} {_cell(row, 'Standardized Location')}"
        if target is None:
            continue
        numbers = [] if unknown.lower() in _YES else [float(n) for n in _NUMBER.findall(size)][:3]
        findings.append(
            Finding(
                organ=target,
                segments=_segments(target, place),
                diameters_mm=_possible(numbers),
                attenuation=_attenuation(row.get("Standardized Attenuation", "")),
                certain=target != "kidney" or kidney_certain,
                count=None if _SEVERAL.search(size) else 1,
            )
        )
    named = {finding.organ for finding in findings}
    return ReportFindings(
        case_id=case_id,
        report_sha256=report_sha256,
        extractor="table_per_tumor",
        version=VERSION,
        findings=tuple(findings),
        absent=tuple(target for target in TARGETS if target not in named),
    )


def _cell(row: Row, column: str) -> str:
    if column not in row:
        raise ValueError(f"there is no column '{column}'")
    return row[column].strip()


def _number(row: Row, column: str) -> float | None:
    cell = _cell(row, column)
    if not cell or cell.lower() == "nan":
        return None
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"column '{column}': '{cell}' is no number from 0 on")
    return number


def _possible(diameters_mm: Sequence[float]) -> tuple[float, ...]:
    """Diameters, largest first; none if one cannot be true."""
    if any(not 0 < diameter <= LARGEST_MM for diameter in diameters_mm):
        return ()
    return tuple(sorted(diameters_mm, reverse=True))


def _segments(target: Target, place: str) -> tuple[str, ...]:
    named = {
        segment for word, segment in _SEGMENT_WORDS.items() if re.search(rf"\b{word}\b", place, re.IGNORECASE)
    }
    return tuple(segment for segment in SEGMENTS[target] if segment in named)


def _attenuation(cell: str) -> str | None:
    start = cell.strip().lower()
    return next((name for word, name in _ATTENUATIONS if start.startswith(word)), None)
