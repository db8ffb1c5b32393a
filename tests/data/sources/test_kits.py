"""KiTS19 and KiTS23, and what all adapters do about roles and metadata."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from rsuper.artifacts import write_table
from rsuper.config.experiment import Preprocess
from rsuper.data.shards import preprocess_cohort
from rsuper.data.sources.registry import case_tables, read_cases
from rsuper.data.store import open_store
from rsuper.errors import ArtifactError, DataError
from rsuper.schemas import METADATA

KIDNEYS = ("kidney_left", "kidney_right")
SETTINGS = Preprocess(spacing_mm=(4.0, 4.0, 4.0), clip_hu=(-40.0, 200.0), normalize="window")


def kidneys_of_kits(body, case, axes="IPL", dtype=np.uint8):
    body.ct(case / "imaging.nii.gz", axes)
    parts = {1: KIDNEYS, 2: ("kidney_lesion",), 3: ("cyst",)}
    body.labels(case / "segmentation.nii.gz", parts, axes, dtype)


@pytest.fixture
def kits23(tmp_path, body):
    for name in ("case_00001", "case_00002", "case_00401"):
        kidneys_of_kits(body, tmp_path / "dataset" / name)
    instances = tmp_path / "dataset" / "case_00001" / "instances"
    instances.mkdir()
    for name in (
        "tumor_instance-1_annotation-1",
        "tumor_instance-1_annotation-2",
        "tumor_instance-2_annotation-1",
    ):
        (instances / f"{name}.nii.gz").touch()
    (instances / "kidney_instance-3_annotation-1.nii.gz").touch()
    (tmp_path / "dataset" / "case_00002" / "imaging.nii.gz").unlink()
    records = [
        {"case_id": "case_00001", "gender": "female", "age_at_nephrectomy": 46},
        {"case_id": "case_00002"},
    ]
    (tmp_path / "dataset" / "kits23.json").write_text(json.dumps(records))
    return tmp_path


def test_kits23(kits23, body, origin_at, listed):
    cohort = listed(origin_at(kits23, "kits23", role="mask_train"))
    case = cohort.loc["own_case_00001"]
    assert (case["sex"], case["age"], case["annotated"]) == ("F", 46, "kidney")
    assert case["organs"] == "kidney_left kidney_right"
    assert case["tumor_counts"] == "kidney:2"
    assert case["state_pancreas"] == "absent"
    assert cohort.loc["own_case_00401", "tumor_counts"] == ""  # instances not downloaded
    assert cohort.loc["own_case_00002", "reason"].endswith("case_00002/imaging.nii.gz: no such file")
    volumes = preprocess_cohort(cohort, SETTINGS, kits23 / "volumes", "mask_train")
    volumes.to_csv(kits23 / "volumes.csv")
    stored = open_store(kits23 / "volumes.csv")["own_case_00001"]
    assert stored.index.boxes == {name: body.boxes[name] for name in KIDNEYS}  # cysts are kidney
    tumors = stored.tumors((0, 0, 0), (40, 32, 32))
    np.testing.assert_array_equal(tumors, 2 * body.array("kidney_lesion"))  # and no tumor


def test_kits23_with_another_value_is_another_file(kits23, body, origin_at, listed):
    body.labels(kits23 / "dataset" / "case_00001" / "segmentation.nii.gz", {1: KIDNEYS, 4: ("cyst",)}, "IPL")
    case = listed(origin_at(kits23, "kits23", role="x")).loc["own_case_00001"]
    assert "segmentation.nii.gz: expected labels [1, 2, 3], found [4.0]" in case["reason"]


@pytest.mark.parametrize("content", ["{}", "[1]", "no"])
def test_damaged_records(kits23, origin_at, content):
    (kits23 / "dataset" / "kits23.json").write_text(content)
    with pytest.raises((DataError, ArtifactError), match=r"kits23.json"):
        read_cases(origin_at(kits23, "kits23", role="x"))


def test_kits19(tmp_path, body, origin_at, listed):
    for name in ("case_00015", "case_00016", "case_00210"):
        case = tmp_path / "data" / name
        body.ct(case / "imaging.nii.gz", "IPL")
        parts = {1: KIDNEYS, 2: ("kidney_lesion",)}
        body.labels(case / "segmentation.nii.gz", parts, "IPL", np.uint16)
    (tmp_path / "data" / "case_00210" / "segmentation.nii.gz").unlink()  # of the test: no labels
    (tmp_path / "data" / "case_00016" / "segmentation.nii.gz").unlink()  # missing
    (tmp_path / "data" / "kits.json").write_text(
        json.dumps([{"case_id": "case_00015", "gender": "male", "age_at_nephrectomy": None}])
    )
    cohort = listed(origin_at(tmp_path, "kits19", role="mask_train"))
    assert list(cohort.index) == ["own_case_00015", "own_case_00016"]
    assert cohort.loc["own_case_00015", ["sex", "annotated", "reason"]].tolist() == ["M", "kidney", ""]
    assert math.isnan(cohort.loc["own_case_00015", "age"])
    assert "case_00016/segmentation.nii.gz: no such file" in cohort.loc["own_case_00016", "reason"]


@pytest.mark.parametrize(
    "source", ["kits19", "kits23", "msd_pancreas", "panorama", "pants", "abdomenatlas3", "ct_rate"]
)
def test_an_empty_folder_is_no_data_set(tmp_path, origin_at, source):
    with pytest.raises(DataError, match=f"no case of source {source}; see docs/data.md"):
        read_cases(origin_at(tmp_path, source, role="x"))


def test_roles_are_needed(kits23, origin_at):
    with pytest.raises(
        DataError, match=r"metadata.csv: no such file; data set 'own' needs 'role' or 'splits'"
    ):
        read_cases(origin_at(kits23, "kits23"))


def test_the_metadata_table_chooses_cases_and_says_who_they_are(kits23, origin_at):
    row = {
        "case_id": "case_00001",
        "patient_id": "P7",
        "role": "x",
        "phase": "venous",
        "age": 50.0,
        "sex": "",
        "scanner": "",
    }
    write_table(pd.DataFrame([row]), kits23 / "metadata.csv", METADATA)
    origin = origin_at(kits23, "kits23")
    (case,) = read_cases(origin)
    assert (case.case_id, case.patient_id, case.role) == ("own_case_00001", "own_P7", "x")
    assert (case.phase, case.age, case.sex) == (
        "venous",
        50.0,
        "F",
    )  # what the table leaves blank is the layout's
    assert kits23 / "metadata.csv" in case_tables(origin)
    write_table(pd.DataFrame([row, row | {"case_id": "case_9"}]), kits23 / "metadata.csv", METADATA)
    with pytest.raises(DataError, match=r"metadata.csv: no files of case 'case_9'"):
        read_cases(origin)
    write_table(pd.DataFrame([row, row]), kits23 / "metadata.csv", METADATA)
    with pytest.raises(DataError, match="'case_00001' stands there more than once"):
        read_cases(origin)
