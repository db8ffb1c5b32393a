import numpy as np
import pytest

from rsuper.artifacts import read_table, write_lines
from rsuper.data.cohort import cohort_frame, read_findings
from rsuper.data.sources.abdomenatlas import raw_cases, read_reports
from rsuper.errors import ArtifactError, DataError
from rsuper.reports.extract import extract
from rsuper.schemas import COHORT

STATES = ["state_pancreas", "state_kidney_left", "state_kidney_right"]


@pytest.fixture
def dataset(tmp_path, write_dataset, tiny_cases):
    """Three cases of the tiny data set that a test may damage."""
    write_dataset(tmp_path, {case: tiny_cases[case] for case in ("M1", "M2", "R1")})
    return tmp_path


def frame_of(root, findings=None):
    return cohort_frame(list(raw_cases(root, "tiny", "metadata.csv")), findings or {}, "mask_train")


def test_rows(collection):
    cohort = read_table(collection.layout.cohort("tiny"), COHORT).set_index("case_id")
    row = cohort.loc["tiny_M2"]
    assert row["patient_id"] == "tiny_PM2"
    assert row["shape"] == "40 32 32"  # RAS+, whatever the file's own order
    assert row["spacing_mm"] == "4 4 4"
    assert row["annotated"] == "pancreas kidney"
    assert not row["has_report"]
    assert cohort.loc["tiny_R1", "annotated"] == ""


@pytest.mark.parametrize(
    ("case", "states"),
    [
        ("tiny_M1", ["annotated"] * 3),
        ("tiny_R1", ["positive_sized", "negative", "negative"]),
        ("tiny_R2", ["negative", "positive_sized", "positive_unsized"]),
        ("tiny_R3", ["negative"] * 3),
        ("tiny_T1", ["annotated"] * 3),
    ],
)
def test_states(collection, case, states):
    cohort = collection.cohort.set_index("case_id")
    assert cohort.loc[case, STATES].tolist() == states


def test_states_without_a_report_or_an_organ_mask(dataset):
    (dataset / "R1" / "segmentations" / "kidney_right.nii.gz").unlink()
    row = frame_of(dataset).set_index("case_id").loc["tiny_R1"]
    assert row[STATES].tolist() == ["unknown", "unknown", "absent"]


def test_a_missing_tumor_mask_is_not_an_empty_one(dataset):
    for name in ("pancreatic_lesion", "kidney_lesion"):
        (dataset / "M1" / "segmentations" / f"{name}.nii.gz").unlink()
    with pytest.raises(DataError, match="tiny_M1: role mask_train needs a tumor mask"):
        frame_of(dataset)


def test_no_organ_mask(dataset):
    for path in (dataset / "R1" / "segmentations").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="tiny_R1: no organ mask in"):
        frame_of(dataset)


def test_a_mask_on_another_grid_names_both(dataset, save_nifti):
    save_nifti(
        np.zeros((40, 32, 31), np.uint8), dataset / "M1" / "segmentations" / "kidney_left.nii.gz", "RAS"
    )
    with pytest.raises(DataError, match=r"kidney_left.*\(40, 32, 31\).*4 4 4.*\(40, 32, 32\)"):
        frame_of(dataset)


def test_a_mask_in_another_order_is_on_the_same_grid(dataset):
    lps = (dataset / "M2" / "segmentations" / "kidney_left.nii.gz").read_bytes()
    (dataset / "M1" / "segmentations" / "kidney_left.nii.gz").write_bytes(lps)
    assert len(frame_of(dataset)) == 3


def test_a_damaged_ct_and_a_missing_one(dataset):
    (dataset / "M1" / "ct.nii.gz").write_bytes(b"no CT")
    with pytest.raises(DataError, match=r"M1/ct.nii.gz: cannot be read"):
        frame_of(dataset)
    (dataset / "M1" / "ct.nii.gz").unlink()
    with pytest.raises(DataError, match=r"M1/ct.nii.gz: no such file"):
        frame_of(dataset)


def test_an_empty_cohort(dataset):
    header = (dataset / "metadata.csv").read_text().splitlines()[0]
    (dataset / "metadata.csv").write_text(header + "\n")
    with pytest.raises(DataError, match="the cohort is empty"):
        frame_of(dataset)
    with pytest.raises(DataError, match="the cohort is empty"):
        cohort_frame([], {}, "mask_train")


@pytest.mark.parametrize(("name", "row"), [("metadata", -1), ("reports", -1)])
def test_a_duplicated_id(dataset, name, row):
    path = dataset / f"{name}.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[row] + "\n")
    with pytest.raises(DataError, match=rf"{name}.csv: case id\(s\) \['R1'\] stand there more than once"):
        _ = list(raw_cases(dataset, "tiny", "metadata.csv")) and read_reports(dataset, "reports.csv")


def test_no_table_of_reports_is_no_report(tmp_path):
    assert read_reports(tmp_path, "reports.csv") == {}


def test_the_hash_follows_ct_masks_and_findings(dataset):
    first = frame_of(dataset).set_index("case_id")["sha256"]
    findings = {"tiny_R1": extract("tiny_R1", "A 14 mm mass in the pancreatic head.")}
    stated = frame_of(dataset, findings).set_index("case_id")["sha256"]
    findings = {"tiny_R1": extract("tiny_R1", "A 15 mm mass in the pancreatic head.")}
    larger = frame_of(dataset, findings).set_index("case_id")["sha256"]
    assert len({first["tiny_R1"], stated["tiny_R1"], larger["tiny_R1"]}) == 3
    assert first["tiny_M1"] == larger["tiny_M1"]
    masks = dataset / "M1" / "segmentations"
    (masks / "kidney_lesion.nii.gz").write_bytes((masks / "pancreatic_lesion.nii.gz").read_bytes())
    assert frame_of(dataset).set_index("case_id")["sha256"]["tiny_M1"] != first["tiny_M1"]


def test_a_report_of_no_case_is_named(dataset):
    ids = ["tiny_R1", *(f"tiny_X{number}" for number in range(7))]
    findings = {case: extract(case, "Normal.") for case in ids}
    named = r"reports of tiny_X0, tiny_X1, tiny_X2, tiny_X3, tiny_X4 \(and 2 more\): no row of the metadata"
    with pytest.raises(DataError, match=named):
        frame_of(dataset, findings)
    with pytest.raises(DataError, match="reports of tiny_X6: no row"):
        frame_of(dataset, {case: findings[case] for case in ("tiny_R1", "tiny_X6")})
    assert len(frame_of(dataset, {"tiny_R1": findings["tiny_R1"]})) == 3


def test_findings_that_are_none(tmp_path):
    line = extract("a", "Normal.").model_dump_json()
    write_lines([line, line], tmp_path / "twice.jsonl")
    with pytest.raises(ArtifactError, match="line 2: case 'a' stands there more than once"):
        read_findings(tmp_path / "twice.jsonl")
    write_lines([line, '{"case_id": 1}'], tmp_path / "bad.jsonl")
    with pytest.raises(ArtifactError, match=r"bad.jsonl: line 2"):
        read_findings(tmp_path / "bad.jsonl")
