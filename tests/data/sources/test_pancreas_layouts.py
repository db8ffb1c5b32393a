"""MSD Task07 and PANORAMA."""

import numpy as np

from rsuper.config.experiment import Preprocess
from rsuper.data.shards import preprocess_cohort
from rsuper.data.store import open_store

SETTINGS = Preprocess(spacing_mm=(4.0, 4.0, 4.0), clip_hu=(-40.0, 200.0), normalize="window")


def test_msd_pancreas(tmp_path, body, origin_at, listed):
    for name in ("pancreas_001", "pancreas_004"):
        body.ct(tmp_path / "imagesTr" / f"{name}.nii.gz")
        parts = {1: ("pancreas",), 2: ("pancreatic_lesion",)}
        body.labels(tmp_path / "labelsTr" / f"{name}.nii.gz", parts)
        for folder in ("imagesTr", "labelsTr"):
            (tmp_path / folder / f"._{name}.nii.gz").write_bytes(b"stub")
    body.ct(tmp_path / "imagesTr" / "pancreas_005.nii.gz")
    body.ct(tmp_path / "imagesTs" / "pancreas_002.nii.gz")
    cohort = listed(origin_at(tmp_path, "msd_pancreas", role="mask_train"))
    assert list(cohort.index) == ["own_pancreas_001", "own_pancreas_004", "own_pancreas_005"]
    case = cohort.loc["own_pancreas_001"]
    assert case[["patient_id", "organs", "annotated"]].tolist() == [
        "own_pancreas_001",
        "pancreas",
        "pancreas",
    ]
    assert "labelsTr/pancreas_005.nii.gz: no such file" in cohort.loc["own_pancreas_005", "reason"]
    volumes = preprocess_cohort(cohort, SETTINGS, tmp_path / "volumes", "mask_train")
    volumes.to_csv(tmp_path / "volumes.csv")
    index = open_store(tmp_path / "volumes.csv")["own_pancreas_001"].index
    assert index.boxes["pancreas"] == body.boxes["pancreas"]  # its lesion included
    assert len(index.tumor_voxels["pancreas"]) == 27


def test_a_label_that_the_source_does_not_have(tmp_path, body, origin_at, listed):
    for name, lesion in (("pancreas_001", 2), ("pancreas_004", 3)):
        body.ct(tmp_path / "imagesTr" / f"{name}.nii.gz")
        parts = {1: ("pancreas",), lesion: ("pancreatic_lesion",)}
        body.labels(tmp_path / "labelsTr" / f"{name}.nii.gz", parts)
    reasons = listed(origin_at(tmp_path, "msd_pancreas", role="mask_train"))["reason"]
    assert reasons["own_pancreas_001"] == ""
    assert "pancreas_004.nii.gz: expected labels [1, 2], found [3.0]" in reasons["own_pancreas_004"]


def test_panorama(tmp_path, body, origin_at, listed):
    parts = {4: ("pancreas",), 5: ("pancreas_body",), 1: ("pancreatic_lesion",), 2: ("kidney_left",)}
    labels = tmp_path / "panorama_labels" / "manual_labels"
    for name, axes, dtype in (("100001_00001", "LPS", np.uint16), ("100001_00002", "RAS", np.float64)):
        body.labels(labels / f"{name}.nii.gz", parts, axes, dtype)
    body.ct(tmp_path / "images" / "100001_00001_0000.nii.gz", "LPS")
    body.ct(tmp_path / "images" / "100001_00002.nii.gz")
    roots = {"labels": str(labels)}
    cohort = listed(origin_at(tmp_path, "panorama", role="mask_train", roots=roots))
    assert set(cohort["patient_id"]) == {"own_100001"}
    assert set(cohort["reason"]) == {""}
    volumes = preprocess_cohort(cohort, SETTINGS, tmp_path / "volumes", "mask_train")
    volumes.to_csv(tmp_path / "volumes.csv")
    for stored in open_store(tmp_path / "volumes.csv").values():
        assert stored.index.boxes == {"pancreas": body.boxes["pancreas"]}  # lesion, parenchyma and duct
        assert len(stored.index.tumor_voxels["pancreas"]) == 27
