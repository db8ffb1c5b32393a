import math
import zipfile

import pytest

from rsuper.data.sources.tables import number, read_columns, sex
from rsuper.errors import DataError

SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>Age</t></is></c></row>'
    '<row r="2"><c r="A2" t="s"><v>1</v></c><c r="C2"><v>61</v></c></row>'
    '<row r="3"><c r="C3"><v>7</v></c></row>'
    "</sheetData></worksheet>"
)
SHARED = (
    '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    "<si><t>study id</t></si><si><r><t>AC</t></r><r><t>42</t></r></si></sst>"
)


def excel(path, sheet=SHEET):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        archive.writestr("xl/sharedStrings.xml", SHARED)
    return path


def test_an_excel_file_by_hand(tmp_path):
    frame = read_columns(
        excel(tmp_path / "a.xlsx"), {"id": ("Study ID",)}, {"age": ("age",), "sex": ("sex",)}
    )
    assert frame.to_dict("list") == {"id": ["AC42", ""], "age": ["61", "7"], "sex": ["", ""]}


def test_headers_are_found_in_any_spelling_and_with_a_byte_order_mark(tmp_path):
    (tmp_path / "a.csv").write_text("\ufeffBDMAP ID, Report\nx, a \n", encoding="utf-8")
    frame = read_columns(tmp_path / "a.csv", {"id": ("BDMAP_ID", "BDMAP ID"), "text": ("Report",)})
    assert frame.to_dict("list") == {"id": ["x"], "text": ["a"]}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"no zip", "not readable as Excel file"),
        ("a.xlsx", None, "no such file"),
        ("a.csv", b"x\n1\n", r"no column id or ID; found \['x'\]"),
        ("a.csv", b"", "not readable as CSV"),
        ("a.csv", b"id\n\xf6\n", "not in UTF-8"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}: {message}"):
        read_columns(tmp_path / name, {"id": ("id", "ID")})


def test_an_empty_sheet(tmp_path):
    sheet = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData/></worksheet>'
    with pytest.raises(DataError, match="the first sheet is empty"):
        read_columns(excel(tmp_path / "a.xlsx", sheet), {"id": ("id",)})


def test_cells():
    assert number("042Y") == 42
    assert number(" 63.5 ") == 63.5
    assert math.isnan(number(""))
    assert math.isnan(number("unknown"))
    assert [sex(text) for text in ("M ", "female", "F", "other", "")] == ["M", "F", "F", "", ""]


@pytest.mark.real
def test_the_real_clinical_table_of_panorama(real):
    path = real / "panorama_2mm" / "clinical_information.xlsx"
    frame = read_columns(path, {"id": ("PANORAMA_study_id",), "label": ("label",)}, {"age": ("patient_age",)})
    assert len(frame) == frame["id"].nunique() == 2238
    assert frame["label"].value_counts().to_dict() == {"non-PDAC": 1562, "PDAC": 676}
    assert frame["age"].map(number).isna().sum() == 274  # scans of MSD and NIH, whose cells are blank
