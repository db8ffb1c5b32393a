"""Tables as data sets ship them: CSV or Excel, with headers that differ from release to release."""

import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd

from rsuper.artifacts import short_row
from rsuper.errors import DataError
from rsuper.files import require_whole

_NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_MOST_COLUMNS = 16_384  # of a sheet, by Excel's own limits
_MOST_BYTES = 2**30  # of a sheet's content: a small file can claim any amount of it
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, ElementTree.ParseError, EOFError, OSError),
    *(KeyError, IndexError, ValueError, RuntimeError),  # no sheet; a false reference; a password
)


def read_columns(
    path: Path, needed: Mapping[str, Sequence[str]], optional: Mapping[str, Sequence[str]] | None = None
) -> pd.DataFrame:
    """Read some columns of a CSV (UTF-8) or Excel file (first sheet), as text without blanks around it.

    Args:
        path: `.csv` or `.xlsx`.
        needed: our name of a column -> the headers that it has in one release or another; case and blanks
            around a header do not count.
        optional: the same, for columns that may be missing: then their cells are "".

    Raises:
        DataError: the file is missing or damaged, is in another encoding, or lacks a needed column.
    """
    frame = _excel(path) if path.suffix.lower() == ".xlsx" else _csv(path)
    frame.columns = [str(name).strip() for name in frame.columns]
    headers = {name.casefold(): name for name in reversed(list(frame.columns))}
    chosen: dict[str, pd.Series] = {}
    for name, spellings in {**needed, **(optional or {})}.items():
        header = next((headers[s.casefold()] for s in spellings if s.casefold() in headers), None)
        if header is not None:
            column = frame[header]
            chosen[name] = (column.iloc[:, 0] if isinstance(column, pd.DataFrame) else column).str.strip()
        elif name in needed:
            raise DataError(f"{path}: no column {' or '.join(spellings)}; found {list(frame.columns)}")
        else:
            chosen[name] = pd.Series("", index=frame.index, dtype=str)
    return pd.DataFrame(chosen, index=frame.index)


def read_header(path: Path) -> list[str]:
    """Read the headers of all columns of a CSV file.

    Raises:
        DataError: as `read_columns`.
    """
    return [str(name).strip() for name in _csv(path).columns]


def _csv(path: Path) -> pd.DataFrame:
    require_whole(path)
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not in UTF-8 ({error}); save it as CSV in UTF-8") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, OSError) as error:
        raise DataError(f"{path}: not readable as CSV: {str(error).strip()}") from None
    if not isinstance(frame.index, pd.RangeIndex):  # pandas would take the first cells as row names
        raise DataError(f"{path}: not readable as CSV: rows have more cells than the header")
    _require_cells(frame, path)
    return frame


def _require_cells(frame: pd.DataFrame, path: Path) -> None:
    """Refuse what pandas would pass over: another delimiter, rows that end early."""
    only = str(frame.columns[0])
    for delimiter, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(frame.columns) == 1 and delimiter in only:
            raise DataError(f"{path}: cells are separated by {name}; save it with commas (CSV in UTF-8)")
    short = short_row(path)
    if short:
        raise DataError(f"{path}: {short}")


def _excel(path: Path) -> pd.DataFrame:
    try:
        with zipfile.ZipFile(path) as archive:
            shared = _shared_texts(archive)
            rows = list(_sheet_rows(_part(archive, "xl/worksheets/sheet1.xml"), shared))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except _DAMAGED as error:
        raise DataError(
            f"{path}: not readable as Excel file ({error}); save it as CSV in UTF-8 and name that"
        ) from None
    if not rows:
        raise DataError(f"{path}: the first sheet is empty")
    width = max(map(max, (row for row in rows if row)), default=0) + 1
    cells = [[row.get(column, "") for column in range(width)] for row in rows]
    return pd.DataFrame(cells[1:], columns=cells[0], dtype=str)


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    size = archive.getinfo(name).file_size
    if size > _MOST_BYTES:
        raise ValueError(f"{name} claims {size} bytes")
    return archive.read(name)


def _shared_texts(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    root = ElementTree.fromstring(_part(archive, "xl/sharedStrings.xml"))
    return ["".join(text.text or "" for text in item.iter(f"{_NS}t")) for item in root.iter(f"{_NS}si")]


def _sheet_rows(xml: bytes, shared: Sequence[str]) -> Iterator[dict[int, str]]:
    """Column number -> text, for each row of a sheet; blank cells are left out."""
    for row in ElementTree.fromstring(xml).iter(f"{_NS}row"):
        cells: dict[int, str] = {}
        for position, cell in enumerate(row.iter(f"{_NS}c")):
            place = re.match(r"[A-Z]+", cell.get("r", ""))
            cells[_column_number(place.group()) if place else position] = _cell_text(cell, shared)
        yield cells


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    if number > _MOST_COLUMNS:
        raise ValueError(f"a column '{letters:.20}'")
    return number - 1


def _cell_text(cell: ElementTree.Element, shared: Sequence[str]) -> str:
    if cell.get("t") == "inlineStr":
        return "".join(text.text or "" for text in cell.iter(f"{_NS}t"))
    value = cell.findtext(f"{_NS}v", default="")
    return shared[int(value)] if cell.get("t") == "s" and value else value


def number(text: str) -> float:
    """Return the number in a cell such as 63, 63.0 or 063Y (an age in DICOM); NaN where there is none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*[Yy]?", text.strip())
    return float(match.group(1)) if match else math.nan


def sex(text: str) -> str:
    """Return F or M for a cell such as female, F or 'M '; blank for anything else."""
    return {"f": "F", "female": "F", "m": "M", "male": "M"}.get(text.strip().casefold(), "")


def first_file(folder: Path, *names: str) -> Path | None:
    """Return the first of some files that a folder has; None where it has none."""
    return next((folder / name for name in names if (folder / name).is_file()), None)
