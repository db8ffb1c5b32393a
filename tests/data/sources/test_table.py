"""A site's own table of paths: the way data of any hospital come in."""

import numpy as np
import pandas as pd
import pytest

from rsuper.artifacts import read_table, write_table
from rsuper.config.experiment import Preprocess
from rsuper.data.mask_sources import case_masks
from rsuper.data.masks import MaskReader
from rsuper.data.shards import preprocess_cohort
from rsuper.data.sources.registry import case_tables, read_cases, read_reports, report_files
from rsuper.data.store import open_store
from rsuper.data.volumes import read_grid
from rsuper.errors import DataError
from rsuper.schemas import COHORT, VOLUMES

LABELS = {
    1: ("pancreas",),
    2: ("pancreatic_lesion",),
    3: ("kidney_left", "kidney_right"),
    4: ("kidney_lesion",),
}
SETTINGS = Preprocess(spacing_mm=(4.0, 4.0, 4.0), clip_hu=(-40.0, 200.0), normalize="window")
WHOLE = {"pancreas": "masks/A.nii.gz#1+2", "kidneys": "masks/A.nii.gz#3+4"}


def row(case_id="A", **cells):
    return {"case_id": case_id, "patient_id": "P1", "role": "mask_train", "ct": "cts/A.nii.gz", **cells}


@pytest.fixture
def site(tmp_path, body, origin_at):
    """`site(row, ...)`: CT and label map of case A, and a table of these rows."""
    body.ct(tmp_path / "cts" / "A.nii.gz", axes="LPS")
    body.labels(tmp_path / "masks" / "A.nii.gz", LABELS, axes="LPS")
    body.mask(tmp_path / "masks" / "empty.nii.gz")
    body.mask(tmp_path / "masks" / "tumors.nii.gz", "pancreatic_lesion", "kidney_lesion")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "A.txt").write_text(
        "\ufeffA 14 mm mass in the pancreatic head.\n", encoding="utf-8"
    )

    def write(*rows, **keys):
        pd.DataFrame(rows).to_csv(tmp_path / "cases.csv", index=False, encoding="utf-8-sig")
        return origin_at(tmp_path, "table", **keys)

    return write


def test_from_label_map_to_store(site, body, listed, tmp_path):
    origin = site(
        row(**WHOLE, pancreas_tumor="masks/A.nii.gz#2", kidney_tumor="masks/A.nii.gz#4", age="61", sex="male")
    )
    cohort = listed(origin)
    case = cohort.loc["own_A"]
    assert case["patient_id"] == "own_P1"
    assert case["organs"] == "pancreas kidney_left kidney_right"
    assert (case["annotated"], case["reason"], case["age"], case["sex"]) == ("pancreas kidney", "", 61, "M")
    assert case["state_kidney_left"] == "annotated"
    write_table(cohort, tmp_path / "cohort.csv", COHORT)
    volumes = preprocess_cohort(
        read_table(tmp_path / "cohort.csv", COHORT), SETTINGS, tmp_path / "volumes", "mask_train"
    )
    write_table(volumes, tmp_path / "volumes.csv", VOLUMES)
    stored = open_store(tmp_path / "volumes.csv")["own_A"]
    assert stored.index.boxes == {
        name: body.boxes[name] for name in ("pancreas", "kidney_left", "kidney_right")
    }
    tumors = stored.tumors((0, 0, 0), (40, 32, 32))
    np.testing.assert_array_equal(tumors, body.array("pancreatic_lesion") + 2 * body.array("kidney_lesion"))


def test_a_blank_cell_is_not_annotated_and_an_empty_mask_is_no_tumor(site, listed):
    origin = site(
        row("blank", **WHOLE, role="report_train"),
        row("empty", **WHOLE, pancreas_tumor="masks/empty.nii.gz"),
        row("none", **WHOLE),
    )
    cohort = listed(origin)
    assert cohort.loc["own_blank", ["annotated", "state_pancreas"]].tolist() == ["", "unknown"]
    assert cohort.loc["own_empty", "annotated"] == "pancreas"
    assert "needs a tumor mask" in cohort.loc["own_none", "reason"]


def test_tumors_of_any_organ_are_found_by_overlap(site, listed):
    case = listed(site(row(**WHOLE, tumors="masks/tumors.nii.gz"))).loc["own_A"]
    assert case["annotated"] == "pancreas kidney"
    organs = {"pancreas": "masks/A.nii.gz#1+2"}
    assert listed(site(row(**organs, tumors="masks/tumors.nii.gz"))).loc["own_A", "annotated"] == "pancreas"


def test_roles_come_from_the_table_or_the_experiment(site):
    rows = [row(**WHOLE, role="")]
    assert read_cases(site(*rows, role="test_x"))[0].role == "test_x"
    with pytest.raises(DataError, match=r"cases.csv: no case has a role"):
        read_cases(site(*rows))
    with pytest.raises(DataError, match="case 'B' has no role"):
        read_cases(site(row(**WHOLE), row("B", **WHOLE, role="")))
    with pytest.raises(DataError, match="has roles, and so has the experiment file"):
        read_cases(site(row(**WHOLE), role="test_x"))


def test_without_patients_every_case_is_one(site):
    (case,) = read_cases(site({"case_id": "A", "ct": "cts/A.nii.gz", "role": "r", **WHOLE}))
    assert case.patient_id == "own_A"


def test_reports_from_cells_and_files(site, tmp_path):
    origin = site(
        row("A", report_file="reports/A.txt"), row("B", report="Both kidneys are normal."), row("C")
    )
    assert read_reports(origin) == {
        "A": "A 14 mm mass in the pancreatic head.",
        "B": "Both kidneys are normal.",
    }
    assert report_files(origin) == [tmp_path / "cases.csv", tmp_path / "reports" / "A.txt"]
    assert tmp_path / "cases.csv" in case_tables(origin)


def test_bad_reports_are_named_together(site, tmp_path):
    (tmp_path / "reports" / "latin.txt").write_bytes("Kn\xf6tchen".encode("latin-1"))
    origin = site(
        row("A", report_file="reports/none.txt"),
        row("B", report_file="reports/latin.txt"),
        row("C", report_file="../secret.txt"),
        row("D", report_file="reports/A.txt", report="Normal."),
    )
    with pytest.raises(DataError) as caught:
        read_reports(origin)
    for part in (
        "case 'A'",
        "none.txt: no such file",
        "case 'B'",
        "not in UTF-8",
        "case 'C'",
        "leads out of",
    ):
        assert part in str(caught.value)
    assert "case 'D': has both" in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"ct": "../A.nii.gz"}, r"case 'A': path '../A.nii.gz' leads out of"),
        ({"ct": "/data/A.nii.gz"}, "leads out of"),
        ({"ct": "cts\\A.nii.gz"}, "write it with '/'"),
        ({"ct": "C:/cts/A.nii.gz"}, "write it with '/'"),
        ({"ct": ""}, "column 'ct' is blank"),
        ({"case_id": "../A"}, r"case id '../A' is not usable"),
        ({"case_id": "a b"}, "is not usable"),
        ({"case_id": ""}, "is not usable"),
        ({"pancreas": "masks/A.nii.gz#"}, "expected labels from 1 to 255"),
        ({"pancreas": "masks/A.nii.gz#0"}, "expected labels from 1 to 255"),
        ({"pancreas": "masks/A.nii.gz#x"}, "expected labels from 1 to 255"),
        ({"pancreas": "../A.nii.gz#1"}, "leads out of"),
        ({"kidney_left": "masks/A.nii.gz#3", "kidneys": "masks/A.nii.gz#3"}, "give one or the other"),
        ({"tumors": "masks/tumors.nii.gz", "kidney_tumor": "masks/A.nii.gz#4"}, "give one of them"),
    ],
)
def test_what_a_row_must_not_hold(site, cells, message):
    with pytest.raises(DataError, match=message):
        read_cases(site(row(**cells)))


def test_all_that_is_wrong_is_named_at_once(site):
    with pytest.raises(DataError, match=r"'A' stands there more than once.*case 'B'.*case 'C'"):
        read_cases(site(row(), row(), row("B", ct=""), row("C", ct="../x")))


def test_a_case_that_cannot_be_used_does_not_stop_the_others(site, body, tmp_path, listed):
    body.labels(tmp_path / "masks" / "one.nii.gz", {3: ("kidney_left",)})
    body.labels(tmp_path / "masks" / "fused.nii.gz", {3: ("pancreas",)})
    body.save(np.zeros((40, 32, 31), np.uint8), tmp_path / "masks" / "short.nii.gz", "RAS")
    (tmp_path / "cts" / "cut.nii.gz").write_bytes((tmp_path / "cts" / "A.nii.gz").read_bytes()[:100])
    tumor = {"role": "test_x"}
    frame = listed(
        site(
            row("good", **WHOLE, **tumor),
            row("no_ct", **WHOLE, **tumor | {"ct": "cts/none.nii.gz"}),
            row("no_mask", pancreas="masks/none.nii.gz", **tumor),
            row("no_organ", **tumor),
            row("grid", pancreas="masks/short.nii.gz", **tumor),
            row("cut", **WHOLE, **tumor | {"ct": "cts/cut.nii.gz"}),
            row("fused", kidneys="masks/fused.nii.gz#3", **tumor),
            row("one", kidneys="masks/one.nii.gz#3", **tumor),
        )
    )
    reasons = frame["reason"].to_dict()
    assert reasons.pop("own_good") == reasons.pop("own_one") == ""
    assert frame.loc["own_one", ["organs", "state_kidney_right"]].tolist() == ["kidney_left", "absent"]
    expected = {
        "no_ct": "cts/none.nii.gz: no such file",
        "no_mask": "masks/none.nii.gz: no such file",
        "no_organ": "no organ mask",
        "grid": "is not on the grid of its CT",
        "cut": "",
        "fused": "fused.nii.gz: one piece of kidney",
    }
    for case, text in expected.items():
        assert text in reasons.pop(f"own_{case}"), case
    assert reasons == {}


def test_unusable_cases_are_rows_of_the_store_too(site, tmp_path, listed):
    cohort = listed(site(row(**WHOLE, role="x"), row("B", **WHOLE, ct="none.nii.gz", role="x")))
    volumes = preprocess_cohort(cohort, SETTINGS, tmp_path / "volumes", "mask_train").set_index("case_id")
    assert volumes.loc["own_A", "shape"] == "40 32 32"
    assert volumes.loc["own_B", "shape"] == ""
    assert "none.nii.gz: no such file" in volumes.loc["own_B", "reason"]


def test_nothing_usable_is_an_error(site, listed):
    with pytest.raises(DataError, match=r"own_A: .*none.nii.gz: no such file"):
        listed(site(row(ct="none.nii.gz", **WHOLE)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"case_id,path\nA,a\n", "no column ct"),
        (b"", "not readable as CSV"),
        (b"case_id,ct\n", "no row"),
        ("case_id,ct\nKn\xf6,a\n".encode("latin-1"), "not in UTF-8"),
        (b"case_id,ct\nA,a,b,c\n", "not readable as CSV"),
    ],
)
def test_tables_that_are_none(tmp_path, origin_at, content, message):
    (tmp_path / "cases.csv").write_bytes(content)
    with pytest.raises(DataError, match=f"cases.csv: {message}"):
        read_cases(origin_at(tmp_path, "table"))
    (tmp_path / "cases.csv").unlink()
    with pytest.raises(DataError, match=r"cases.csv: no such file"):
        read_cases(origin_at(tmp_path, "table"))


@pytest.mark.parametrize("name", ["kidney_tumour", "Pancreas_Tumors", "kidney left", "patientid"])
def test_a_misspelled_column_is_not_passed_over(site, name):
    with pytest.raises(DataError, match=f"column '{name}': do you mean"):
        read_cases(site(row(**WHOLE, **{name: ""})))
    assert read_cases(site(row(**WHOLE, accession="7")))  # a column of the site's own


def test_a_binary_mask_of_both_kidneys(site, body, tmp_path, listed):
    body.mask(tmp_path / "masks" / "kidneys.nii.gz", "kidney_left", "kidney_right", axes="PSL")
    case = listed(site(row(kidneys="masks/kidneys.nii.gz", role="x"))).loc["own_A"]
    reader = MaskReader(case_masks(case), read_grid(tmp_path / "cts" / "A.nii.gz"))
    for name in ("kidney_left", "kidney_right"):
        np.testing.assert_array_equal(reader.organ(name), body.array(name) > 0)


def test_organs_outside_the_scan_are_absent(site, listed):
    parts = {"pancreas": "masks/A.nii.gz#1+2", "kidneys": "masks/A.nii.gz#9"}
    frame = listed(site(row(**parts, role="x"), row("none", pancreas="masks/A.nii.gz#9", role="x")))
    case = frame.loc["own_A"]
    assert case[["organs", "state_kidney_left", "reason"]].tolist() == ["pancreas", "absent", ""]
    assert "own_none: no voxel of any organ in" in frame.loc["own_none", "reason"]


@pytest.mark.real
def test_the_header_trap_of_a_real_ct(real, tmp_path, origin_at, listed):
    """The slab's labels repeat the origin of the whole CT: they belong to the slab, and to nothing else."""
    for name in ("example_ct", "example_ct_sm", "example_seg"):
        (tmp_path / f"{name}.nii.gz").symlink_to(real / "ct_totalsegmentator" / f"{name}.nii.gz")
    origin = origin_at(tmp_path, "table", role="test_x", follow_links=True)
    masks = {"pancreas": "example_seg.nii.gz#7"}
    rows = [
        {"case_id": "slab", "ct": "example_ct_sm.nii.gz", **masks},
        {"case_id": "whole", "ct": "example_ct.nii.gz", **masks},
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "cases.csv", index=False)
    cohort = listed(origin)
    assert cohort.loc["own_slab", "reason"] == ""
    assert "(122, 101, 30)" in cohort.loc["own_whole", "reason"]
    preprocess_cohort(cohort, Preprocess(spacing_mm=(3.0, 3.0, 3.0)), tmp_path / "volumes", "mask_train")
    (tmp_path / "volumes.csv").write_text("")
    stored = open_store(tmp_path / "volumes.csv")["own_slab"]
    assert int((stored.organs((0, 0, 0), stored.index.shape) == 4).sum()) == 644  # the whole pancreas, 17 ml
