import pytest

from rsuper.config.experiment import Extraction
from rsuper.config.load import parse
from rsuper.errors import ConfigError, DataError
from rsuper.extraction.read import read_all
from rsuper.reports.findings import report_sha256

REPORTS = {"c1": "A mass in the pancreatic head.", "c2": "Normal.", "c3": ""}
COLUMNS = (
    "number of pancreatic lesion instances,largest pancreatic lesion diameter (cm),"
    "number of kidney lesion instances,largest kidney lesion diameter (cm)"
)


@pytest.fixture
def read(tmp_path):
    """`read(text, reports, **settings)`: what is found by a table with this text."""

    def factory(text, reports=REPORTS, **settings):
        path = tmp_path / "table.csv"
        path.write_text(text)
        section = Extraction(extractor="table", table=str(path), **settings)
        return read_all(reports, section, tmp_path / "none.sqlite")

    return factory


def test_reports_are_those_of_the_table(read, tmp_path):
    text = f"BDMAP ID,{COLUMNS}\nc2,0,0,0,0\nother,9,1,9,1\nc1,1,2.3,1,1.0\nc3,0,,2,\n"
    result = read(text)
    assert [found.case_id for found in result.findings] == ["c1", "c2", "c3"]
    first = result.findings[0]
    assert first.report_sha256 == report_sha256(REPORTS["c1"])
    assert [(f.organ, f.diameters_mm, f.certain) for f in first.findings] == [
        ("pancreas", (23.0,), True),
        ("kidney", (10.0,), False),
    ]
    assert result.ledger["status"].tolist() == ["parsed"] * 3
    assert set(result.ledger["read_by"]) == {"table"}
    assert read(text, kidney_lesions="tumors").findings[0].findings[1].certain
    assert not (tmp_path / "none.sqlite").exists()


def test_one_row_per_tumor(read):
    head = "case_id,Standardized Organ,Standardized Location,Tumor Size (mm),Unknow Tumor Size"
    text = f"{head}\nc1,pancreas,head,23 x 14,no\nc2,,,,\nc1,pancreas,tail,u,yes\nc3,liver,,9,no\n"
    result = read(text, form="per_tumor")
    assert [len(found.findings) for found in result.findings] == [2, 0, 0]
    assert result.findings[2].absent == ("pancreas", "kidney")


def test_a_report_that_the_table_lacks_is_as_if_there_were_none(read):
    text = f"case_id,{COLUMNS}\nc1,0,,0,\nc2,0,,0,\n"
    with pytest.raises(DataError, match=r"1 of 3 reports are not in it, 'c3' the first"):
        read(text)
    result = read(text, most_failed=0.5)
    assert [found.case_id for found in result.findings] == ["c1", "c2"]
    assert result.ledger["read_by"].tolist() == ["table", "table", "nobody"]
    assert result.ledger["reason"].tolist() == ["", "", "not in the table"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,x\nc1,1\n", r"table\.csv: no column of case ids, one of case_id, BDMAP_ID, BDMAP ID"),
        ("", "no column of case ids"),
        (f"case_id,{COLUMNS}\nc1,0,,0,\nc1,0,,0,\n", r"rows 2 and 3 are both of case 'c1'"),
        (
            f"case_id,{COLUMNS}\nc2,0,,0,\nc1,x,,0,\n",
            r"table\.csv, row 3, case 'c1': .* 'x' is no number from 0 on",
        ),
        (
            "case_id,a\nc1,0\n",
            r"row 2, case 'c1': there is no column 'number of pancreatic lesion instances'",
        ),
    ],
)
def test_a_table_that_is_wrong_says_where(read, text, message):
    with pytest.raises(DataError, match=message):
        read(text)


def test_no_table(tmp_path):
    section = Extraction(extractor="table", table=str(tmp_path / "x.csv"))
    with pytest.raises(DataError, match=r"there is no file .*x\.csv"):
        read_all(REPORTS, section, tmp_path / "none.sqlite")


@pytest.mark.parametrize("section", [{"extractor": "table"}, {"table": "x.csv"}])
def test_a_table_and_its_extractor_belong_together(section):
    with pytest.raises(ConfigError, match="key 'table' belongs to extractor table"):
        parse(Extraction, section, "x.yaml")
