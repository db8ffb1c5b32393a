"""Merlin and CT-RATE: CTs with reports, and masks of organs alone."""

import pandas as pd
import pytest

from rsuper.data.sources.registry import read_cases, read_listed_reports, read_reports, report_tables
from rsuper.errors import DataError

KIDNEYS = ("kidney_left", "kidney_right")


@pytest.fixture
def merlin(tmp_path, body):
    """AC1 and AC2 of one patient; AC2's masks lie under another id; AC3 has none; AC4 has no patient."""
    for name in ("AC1", "AC2", "AC3", "AC4"):
        body.ct(tmp_path / "merlin_data" / f"{name}.nii.gz")
    for name in ("AC1", "BDMAP_00159977", "AC4"):
        for mask in ("pancreas", *KIDNEYS):
            body.mask(tmp_path / "merlin_per_voxel_masks" / name / "segmentations" / f"{mask}.nii.gz", mask)
    rows = [
        {"study id": "AC1", "Findings": "Pancreas: A 2 cm mass in the head.", "Split": "train"},
        {"study id": "AC2", "Findings": "Pancreas: Normal.", "Split": "Test"},
        {"study id": "AC3", "Findings": "", "Split": "train"},
        {"study id": "AC4", "Findings": "Normal.", "Split": "train"},
        {"study id": "AC5", "Findings": "Normal.", "Split": "train"},
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "reports_final.csv", index=False)
    (tmp_path / "merlin_longitudinal_metadata.csv").write_text(
        "Encrypted Accession Number,Patient ID,Age,Gender,manufacturer,manufacturermodelname,phase\n"
        "AC1,P1,60,Female,GE,L16,Portal venous\nAC2,P1,61,Female,GE,L16,Portal venous\n"
        "AC3,P3,,,,,\nAC5,P5,,,,,\n"
    )
    (tmp_path / "mapping_merlin.csv").write_text("Encrypted Accession Number,BDMAP_ID\nAC2,BDMAP_00159977\n")
    return tmp_path


def test_merlin(merlin, origin_at, listed):
    origin = origin_at(merlin, "merlin", splits={"train": "report_train", "test": "test_merlin"})
    cohort = listed(origin)
    assert cohort.loc["own_AC1", ["patient_id", "role", "sex", "scanner"]].tolist() == [
        "own_P1",
        "report_train",
        "F",
        "GE L16",
    ]
    assert cohort.loc["own_AC2", ["patient_id", "role", "reason"]].tolist() == ["own_P1", "test_merlin", ""]
    assert cohort.loc["own_AC1", "annotated"] == ""  # no tumor masks: not "no tumor"
    assert "AC3/segmentations: no organ mask" in cohort.loc["own_AC3", "reason"]
    assert "no patient of CT 'AC4'" in cohort.loc["own_AC4", "reason"]
    assert cohort.loc["own_AC5", "reason"]
    assert read_reports(origin) == {
        "AC1": "Pancreas: A 2 cm mass in the head.",
        "AC2": "Pancreas: Normal.",
        "AC4": "Normal.",
        "AC5": "Normal.",
    }
    assert merlin / "reports_final.csv" in report_tables(origin)
    trained = origin_at(merlin, "merlin", splits={"train": "report_train"})
    assert set(read_listed_reports(trained)) == {"AC1", "AC4", "AC5"}  # AC2 is of another split


def test_merlin_masks_stay_below_their_folder(merlin, origin_at):
    (merlin / "mapping_merlin.csv").write_text("Encrypted Accession Number,BDMAP_ID\nAC2,../elsewhere\n")
    with pytest.raises(DataError, match=r"mapping_merlin.csv: case id '../elsewhere' is not usable"):
        read_cases(origin_at(merlin, "merlin", role="x"))


def test_merlin_needs_patients_and_reports(merlin, origin_at):
    (merlin / "merlin_longitudinal_metadata.csv").unlink()
    with pytest.raises(DataError, match=r"merlin_longitudinal_metadata.csv: no such file"):
        read_cases(origin_at(merlin, "merlin", role="x"))
    (merlin / "reports_final.csv").unlink()
    with pytest.raises(DataError, match=r"no reports_final_updated.xlsx or reports_final.xlsx"):
        read_reports(origin_at(merlin, "merlin", role="x"))
    with pytest.raises(DataError, match=r"no mine.csv; download it, or name the file"):
        read_reports(origin_at(merlin, "merlin", role="x", reports="mine.csv"))


@pytest.fixture
def ct_rate(tmp_path, body):
    for name, part in (
        ("train_1_a_1", "train_fixed"),
        ("valid_2_a_1", "valid_fixed"),
        ("valid_2_a_2", "valid_fixed"),
    ):
        patient, scan = name.rsplit("_", 2)[0], name.rsplit("_", 1)[0]
        body.ct(tmp_path / "dataset" / part / patient / scan / f"{name}.nii.gz")
    for place in ("train_1_a_1", "valid_2_a_1/segmentations"):
        body.mask(tmp_path / "masks" / place / "pancreas.nii.gz", "pancreas")
    reports = tmp_path / "dataset" / "radiology_text_reports"
    reports.mkdir()
    header = "VolumeName,Findings_EN,Impressions_EN\n"
    (reports / "train_reports.csv").write_text(header + "train_1_a_1.nii.gz,Pancreas is normal.,No mass.\n")
    (reports / "validation_reports.csv").write_text(header + "valid_2_a_1.nii.gz,Normal.,\n")
    return tmp_path


def test_ct_rate(ct_rate, origin_at, listed):
    origin = origin_at(ct_rate, "ct_rate", splits={"train": "report_train", "valid": "test_x"})
    cohort = listed(origin)
    assert cohort["patient_id"].tolist() == ["own_train_1", "own_valid_2", "own_valid_2"]
    assert cohort["role"].tolist() == ["report_train", "test_x", "test_x"]
    assert cohort.loc[["own_train_1_a_1", "own_valid_2_a_1"], "reason"].tolist() == ["", ""]
    assert "masks/valid_2_a_2: no organ mask" in cohort.loc["own_valid_2_a_2", "reason"]
    assert read_reports(origin) == {"train_1_a_1": "Pancreas is normal.\nNo mass.", "valid_2_a_1": "Normal."}


def test_ct_rate_without_a_usable_spacing(ct_rate, origin_at):
    (ct_rate / "dataset" / "train_fixed").rename(ct_rate / "dataset" / "train")
    with pytest.raises(DataError, match=r"raw values without a usable spacing; download 'train_fixed'"):
        read_cases(origin_at(ct_rate, "ct_rate", role="x"))
