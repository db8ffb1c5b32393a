import csv
import os
from pathlib import Path

import pytest

from rsuper.reports.findings import Finding, report_sha256
from rsuper.reports.supervision import State, regions
from rsuper.reports.tables import per_ct_findings, per_tumor_findings

REAL = Path(os.environ.get("RSUPER_REAL_DATA", Path(__file__).parents[2].parent / "shared" / "real"))
MERLIN = REAL / "metadata" / "Merlin_pancreas_training_cases.csv"


def per_ct(pancreas=("0", "", ""), kidney=("0", "", ""), **options):
    row = {}
    for word, place, (number, size, where) in (
        ("pancreatic", "(head, body, tail)", pancreas),
        ("kidney", "(left, right)", kidney),
    ):
        row[f"number of {word} lesion instances"] = number
        row[f"largest {word} lesion diameter (cm)"] = size
        row[f"largest {word} lesion location {place}"] = where
    return per_ct_findings(row, "a", "x", **options)


def test_a_ct_without_lesions():
    assert per_ct(kidney=("0", "0.0", "")).absent == ("pancreas", "kidney")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("1", "2.3", ""), Finding(organ="pancreas", diameters_mm=(23.0,))),
        (("1", "2.3", "tail"), Finding(organ="pancreas", diameters_mm=(23.0,), segments=("tail",))),
        (
            ("1", "2.3", "body, head"),
            Finding(organ="pancreas", diameters_mm=(23,), segments=("head", "body")),
        ),
        (("1.0", "", ""), Finding(organ="pancreas")),
        (("1", "nan", ""), Finding(organ="pancreas")),
        (("2", "2.3", ""), Finding(organ="pancreas", diameters_mm=(23.0,), count=2)),
        # What a language model invents: no size, not no tumor.
        (("1", "0.0", ""), Finding(organ="pancreas")),
        (("1", "60.5", ""), Finding(organ="pancreas")),
        (("14", "1.0", ""), Finding(organ="pancreas", diameters_mm=(10.0,), count=None)),
    ],
)
def test_a_cts_row(cells, expected):
    found = per_ct(pancreas=cells)
    assert found.findings == (expected,)
    assert found.absent == ("kidney",)


def test_a_blank_number_says_nothing():
    found = per_ct(pancreas=("", "", ""))
    assert (found.findings, found.absent, found.unmentioned) == ((), ("kidney",), ("pancreas",))


def test_a_kidneys_lesion_may_be_a_cyst():
    doubtful = per_ct(kidney=("1", "2.0", "left"))
    states = {region.structures: region.state for region in regions(doubtful)}
    assert states["kidney_left",] == State.UNKNOWN
    certain = per_ct(kidney=("1", "2.0", "left"), kidney_certain=True)
    states = {region.structures: region.state for region in regions(certain)}
    assert states["kidney_left",] == State.POSITIVE_SIZED
    assert states["kidney_right",] == State.NEGATIVE


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"number of pancreatic lesion instances": "many"}, "'many' is no number from 0 on"),
        ({"number of pancreatic lesion instances": "-1"}, "'-1' is no number from 0 on"),
        (
            {"number of pancreatic lesion instances": "1"},
            r"no column 'largest pancreatic lesion diameter \(cm\)'",
        ),
        ({}, "no column 'number of pancreatic lesion instances'"),
    ],
)
def test_a_cts_row_that_is_wrong(row, message):
    with pytest.raises(ValueError, match=message):
        per_ct_findings(row, "a", "x")


def tumor(organ, place="", size="", unknown="no", attenuation=""):
    return {
        "Standardized Organ": organ,
        "Standardized Location": place,
        "Tumor Size (mm)": size,
        "Unknow Tumor Size": unknown,
        "Standardized Attenuation": attenuation,
    }


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (tumor("pancreas", "head", "23"), Finding(organ="pancreas", segments=("head",), diameters_mm=(23,))),
        (tumor("pancreas", "uncinate process", "14 x 23"),
         Finding(organ="pancreas", segments=("head",), diameters_mm=(23, 14))),
        (tumor("pancreas", "body / tail", "23 x 14 x 10", attenuation="Hypoattenuating"),
         Finding(organ="pancreas", segments=("body", "tail"), diameters_mm=(23, 14, 10), attenuation="hypo")),
        (tumor("Pancreas", "", "u"), Finding(organ="pancreas")),
        (tumor("pancreas", "", "23", unknown="yes"), Finding(organ="pancreas")),
        (tumor("pancreas", "", "0.0 x 14"), Finding(organ="pancreas")),
        (tumor("pancreas", "", "multiple"), Finding(organ="pancreas", count=None)),
        (tumor("left kidney", "upper pole", "9.5", attenuation="mixed"),
         Finding(organ="kidney", segments=("left",), diameters_mm=(9.5,), attenuation="heterogeneous",
                 certain=False)),
    ],
)  # fmt: skip
def test_a_tumors_row(row, expected):
    found = per_tumor_findings([row], "a", "x")
    assert found.findings == (expected,)
    assert found.absent == tuple({"pancreas", "kidney"} - {expected.organ})


def test_tumors_of_one_ct_and_of_other_organs():
    rows = [tumor("pancreas", "head", "23"), tumor("liver", "segment 4", "9"), tumor("pancreas", "tail", "u")]
    found = per_tumor_findings(rows, "a", "x", kidney_certain=True)
    assert [finding.segments for finding in found.findings] == [("head",), ("tail",)]
    assert found.absent == ("kidney",)
    assert per_tumor_findings([tumor("")], "a", "x").absent == ("pancreas", "kidney")
    with pytest.raises(ValueError, match=r"no column 'Tumor Size \(mm\)'"):
        per_tumor_findings([{"Standardized Organ": "pancreas"}], "a", "x")


@pytest.mark.real
def test_every_row_of_the_published_table_is_read():
    """Counts against the table itself; its statistics are those of 3,696 training CTs, half with a lesion."""
    if not MERLIN.is_file():
        pytest.skip(f"no {MERLIN}; set RSUPER_REAL_DATA")
    with MERLIN.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = [per_ct_findings(row, row["BDMAP ID"], report_sha256("")) for row in rows]
    positive = [float(row["number of pancreatic lesion instances"] or 0) > 0 for row in rows]
    assert [bool(each.of("pancreas")) for each in found] == positive
    assert sum(positive) == 1851
    assert not any(finding.segments for each in found for finding in each.findings)
    assert all(not each.of("kidney") or not each.of("kidney")[0].certain for each in found)
    assert max(f.diameters_mm[0] for each in found for f in each.findings if f.diameters_mm) <= 300
