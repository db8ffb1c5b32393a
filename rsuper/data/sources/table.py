"""A site's own table of CTs: one row per CT with the paths of CT, masks and report.

Paths are relative to the data set's root. A mask is `file` (0 and 1) or `file#2` or `file#1+4+5`: the
values of a label map that make up the structure. A blank tumor cell means "not annotated", an empty mask
"no tumor".
"""

import difflib
import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from rsuper.data.mask_sources import STRUCTURES, CaseMasks, MaskSource, both_kidneys
from rsuper.data.sources.raw_case import Found, Origin, RawCase, assembled, id_problems, inside, refuse
from rsuper.data.sources.tables import number, read_columns, read_header, sex
from rsuper.errors import DataError

KIDNEYS = "kidneys"  # one mask of both
TUMORS = {"pancreas": "pancreas_tumor", "kidney": "kidney_tumor"}
ANY_TUMORS = "tumors"  # of any organ; assigned by overlap
NEEDED = ("case_id", "ct")
OPTIONAL = (
    *("patient_id", "role", "report", "report_file", "phase", "age", "sex", "scanner"),
    *(*STRUCTURES, KIDNEYS, *TUMORS.values(), ANY_TUMORS),
)


def cases(origin: Origin) -> list[RawCase]:
    """List the cases of the table.

    Raises:
        DataError: the table is missing or lacks a column; a column is misspelled, or ids or paths cannot be
            used (names up to ten); a case has a role both here and in the experiment file.
    """
    frame, path = _table(origin), _path(origin)
    if frame.empty:
        raise DataError(f"{path}: no row; expected one per CT")
    problems = [*_misspelled(path), *id_problems(frame["case_id"], path)]
    if origin.settings.role and (frame["role"] != "").any():
        problems.append(f"{path}: has roles, and so has the experiment file ('role'); leave one of them out")
    found = []
    for row in frame.to_dict("records"):
        cells = {str(key): str(value) for key, value in row.items()}
        try:
            found.append(_found(origin, cells))
        except DataError as error:
            problems.append(f"{path}: case '{cells['case_id']}': {error}")
    refuse(problems)
    if not origin.settings.role and (frame["role"] == "").all():
        raise DataError(f"{path}: no case has a role; fill the column 'role' or set 'role' in the experiment")
    return assembled(origin, found)


def _misspelled(path: Path) -> list[str]:
    """Columns that would pass for further ones of the site's, but are nearly one of ours, or one twice."""
    known, header = (*NEEDED, *OPTIONAL), read_header(path)
    counts = Counter(
        re.sub(r"\.\d+$", "", name.casefold()) for name in header
    )  # pandas says ct.1 for a second ct
    twice = [name for name in known if counts[name] > 1]
    others = [name for name in header if re.sub(r"\.\d+$", "", name.casefold()) not in known]
    near = {name: difflib.get_close_matches(name.casefold(), known, 1, 0.8) for name in others}
    return [
        *(f"{path}: column '{name}' stands there more than once; keep one" for name in twice),
        *(f"{path}: column '{name}': do you mean '{ours[0]}'?" for name, ours in near.items() if ours),
    ]


def _found(origin: Origin, cells: Mapping[str, str]) -> Found:
    if not cells["ct"]:
        raise DataError("column 'ct' is blank")
    if cells["age"] and math.isnan(number(cells["age"])):
        raise DataError(f"column 'age': {cells['age']!r}: expected years, or nothing where it is not known")
    return Found(
        source_id=cells["case_id"],
        ct=_below(origin, cells["ct"]),
        masks=_masks(origin, cells),
        patient=cells["patient_id"],
        role=cells["role"],
        phase=cells["phase"],
        age=number(cells["age"]),
        sex=sex(cells["sex"]),
        scanner=cells["scanner"],
    )


def _masks(origin: Origin, cells: Mapping[str, str]) -> CaseMasks:
    organs_later = origin.settings.segment_organs
    organs = {name: _source(origin, name, cells[name]) for name in STRUCTURES if cells[name]}
    if cells[KIDNEYS]:
        if "kidney_left" in organs or "kidney_right" in organs:
            raise DataError("'kidneys' stands beside 'kidney_left' or 'kidney_right'; give one or the other")
        organs |= both_kidneys(_source(origin, KIDNEYS, cells[KIDNEYS]))
    tumors = {target: _source(origin, name, cells[name]) for target, name in TUMORS.items() if cells[name]}
    if cells[ANY_TUMORS]:
        if tumors:
            raise DataError("'tumors' (of any organ) stands beside a column of one organ's; give one of them")
        shared = _source(origin, ANY_TUMORS, cells[ANY_TUMORS])
        targets = [t for t in TUMORS if organs_later or any(name.startswith(t) for name in organs)]
        tumors = {t: MaskSource(shared.path, shared.labels, holder=t) for t in targets}
    return CaseMasks(organs, tumors)


def _below(origin: Origin, text: str) -> Path:
    return inside(origin.root, text, follow_links=origin.settings.follow_links)


def _source(origin: Origin, column: str, text: str) -> MaskSource:
    file, mark, values = text.rpartition("#")
    if not mark:
        return MaskSource(_below(origin, text))
    labels = [value.strip() for value in values.split("+")]
    if not all(label.isascii() and label.isdigit() and 0 < int(label) < 256 for label in labels):
        raise DataError(
            f"column '{column}': {text!r}: expected labels from 1 to 255 after '#', as in 'file#1+4+5'"
        )
    return MaskSource(_below(origin, file), tuple(int(label) for label in labels))


def reports(origin: Origin) -> dict[str, str]:
    """Read the reports, from the column `report` or from the text files that `report_file` names (UTF-8).

    Raises:
        DataError: a file is missing, is not UTF-8 or leads out of the root, or a case has both (up to ten).
    """
    frame, texts, problems = _table(origin), {}, []
    for row in frame[["case_id", "report", "report_file"]].itertuples(index=False):
        case, text, file = str(row.case_id), str(row.report), str(row.report_file)
        try:
            if text and file:
                raise DataError("has both 'report' and 'report_file'")
            text = text or (_text(_below(origin, file)) if file else "")
        except DataError as error:
            problems.append(f"{_path(origin)}: case '{case}': {error}")
        if text:
            texts[case] = text
    refuse(problems)
    return texts


def report_tables(origin: Origin) -> list[Path]:
    """Name the table."""
    return [_path(origin)]


def report_files(origin: Origin) -> list[Path]:
    """Name the text files that the table names."""
    return [origin.root / file for file in _table(origin)["report_file"] if file]


def tables(origin: Origin) -> list[Path]:
    """Name the table."""
    return [_path(origin)]


def _path(origin: Origin) -> Path:
    return origin.root / origin.settings.table


def _table(origin: Origin) -> pd.DataFrame:
    return read_columns(
        _path(origin), {name: (name,) for name in NEEDED}, {name: (name,) for name in OPTIONAL}
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").strip()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not in UTF-8; save the report as UTF-8 text") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; name a text file") from None
