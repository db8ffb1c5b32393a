"""Files of findings that others extracted: rows grouped by CT, each read once."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from rsuper.errors import DataError
from rsuper.reports.findings import ReportFindings, report_sha256
from rsuper.reports.tables import Row, per_ct_findings, per_tumor_findings

Form = Literal["per_ct", "per_tumor"]
_IDS = ("case_id", "BDMAP_ID", "BDMAP ID")


def read_table_findings(
    path: Path, form: Form, reports: Mapping[str, str], *, kidney_certain: bool
) -> dict[str, ReportFindings]:
    """Read the findings of the reports that the table has; it may have more cases, and lack some.

    Args:
        path: CSV with a column case_id, BDMAP_ID or "BDMAP ID".
        form: one row per CT or one per tumor; see `rsuper.reports.tables`.
        reports: text by case id, blank where there is none.
        kidney_certain: whether lesions of the kidneys are tumors; in these tables they include cysts.

    Raises:
        DataError: there is no such file, no column of ids, a case has several rows where it must have one, or
            a row cannot be read; file, row and column are named.
    """
    found: dict[str, ReportFindings] = {}
    for case, rows in _rows_by_case(path).items():
        if case not in reports:
            continue
        numbers, cells = [number for number, _ in rows], [row for _, row in rows]
        if form == "per_ct" and len(rows) > 1:
            raise DataError(f"{path}: rows {numbers[0]} and {numbers[1]} are both of case '{case}'")
        sha256 = report_sha256(reports[case])
        try:
            if form == "per_ct":
                found[case] = per_ct_findings(cells[0], case, sha256, kidney_certain=kidney_certain)
            else:
                found[case] = per_tumor_findings(cells, case, sha256, kidney_certain=kidney_certain)
        except ValueError as error:
            raise DataError(f"{path}, row {numbers[0]}, case '{case}': {error}") from None
    return found


def _rows_by_case(path: Path) -> dict[str, list[tuple[int, Row]]]:
    """Rows with their number in the file, the head being row 1."""
    if not path.is_file():
        raise DataError(f"extraction.table: there is no file {path}")
    cases: dict[str, list[tuple[int, Row]]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            column = next((name for name in _IDS if name in (reader.fieldnames or ())), None)
            if column is None:
                raise DataError(f"{path}: no column of case ids, one of {', '.join(_IDS)}")
            for number, row in enumerate(reader, start=2):
                cells = {name: cell or "" for name, cell in row.items() if isinstance(name, str)}
                cases.setdefault(cells[column].strip(), []).append((number, cells))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not readable as CSV in UTF-8: {error}") from None
    return cases
