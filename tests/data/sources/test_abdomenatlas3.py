"""AbdomenAtlas 1.x without a table, and 3.0."""

import pandas as pd
import pytest

from rsuper.data.sources.registry import read_cases, read_reports
from rsuper.errors import DataError

KIDNEYS = ("kidney_left", "kidney_right")


@pytest.fixture
def atlas3(tmp_path, body):
    for number in (1, 2, 3):
        name = f"BDMAP_{number:08d}"
        body.ct(tmp_path / "image_only" / name / "ct.nii.gz")
        for mask in ("pancreas", *KIDNEYS, "pancreatic_lesion", "kidney_lesion"):
            body.mask(tmp_path / "mask_only" / name / "segmentations" / f"{mask}.nii.gz", mask)
    (tmp_path / "TrainTestIDS").mkdir()
    ids = tmp_path / "TrainTestIDS"
    (ids / "IID_train.csv").write_text("BDMAP ID\nBDMAP_00000001\nBDMAP_00000002\n")
    (ids / "IID_test.csv").write_text("BDMAP_00000003\n")
    (ids / "OOD_test.csv").write_text("BDMAP_00000002\n")
    rows = [
        {
            "BDMAP ID": "BDMAP_00000001",
            "sex": "F",
            "age": "50",
            "contrast": "venous",
            "narrative report": "A mass.",
        },
        {"BDMAP ID": "BDMAP_00000002"},
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "AbdomenAtlas3.0MiniWithMeta.csv", index=False)
    return tmp_path


def test_abdomenatlas3(atlas3, origin_at, listed):
    splits = {"IID_train": "mask_train", "IID_test": "test_x"}
    origin = origin_at(atlas3, "abdomenatlas3", splits=splits)
    cohort = listed(origin)
    assert cohort["role"].tolist() == ["mask_train", "mask_train", "test_x"]
    case = cohort.loc["own_BDMAP_00000001"]
    assert case[["sex", "age", "phase"]].tolist() == ["F", 50, "venous"]
    assert case["annotated"] == "pancreas kidney"
    assert read_reports(origin) == {"BDMAP_00000001": "A mass."}


def test_abdomenatlas3_images_and_masks_may_lie_apart(atlas3, tmp_path_factory, origin_at, listed):
    elsewhere = tmp_path_factory.mktemp("masks") / "m"
    (atlas3 / "mask_only").rename(elsewhere)
    (elsewhere / "BDMAP_00000002" / "segmentations").rename(elsewhere / "BDMAP_00000002" / "gone")
    cohort = listed(origin_at(atlas3, "abdomenatlas3", role="x", roots={"masks": str(elsewhere)}))
    assert cohort.loc["own_BDMAP_00000001", "reason"] == ""
    assert "BDMAP_00000002/segmentations: no organ mask" in cohort.loc["own_BDMAP_00000002", "reason"]


def test_abdomenatlas3_splits_that_overlap_or_are_missing(atlas3, origin_at):
    with pytest.raises(DataError, match=r"'BDMAP_00000002' is in splits .* of roles \['a', 'b'\]"):
        read_cases(origin_at(atlas3, "abdomenatlas3", splits={"IID_train": "a", "OOD_test": "b"}))
    with pytest.raises(DataError, match=r"OOD_train.csv: no such file, but .* split 'OOD_train' a role"):
        read_cases(origin_at(atlas3, "abdomenatlas3", splits={"OOD_train": "a"}))
    (atlas3 / "TrainTestIDS" / "OOD_train.csv").write_text("id\n1\n")
    with pytest.raises(DataError, match="no id of the form BDMAP_00000001"):
        read_cases(origin_at(atlas3, "abdomenatlas3", splits={"OOD_train": "a"}))


def test_abdomenatlas_1_without_a_metadata_table(atlas3, origin_at, listed, tmp_path_factory):
    root = tmp_path_factory.mktemp("atlas1")
    for name in ("BDMAP_00000001", "BDMAP_00000002"):
        (atlas3 / "image_only" / name).rename(root / name)
        (atlas3 / "mask_only" / name / "segmentations").rename(root / name / "segmentations")
    (root / "BDMAP_00000002" / "ct.nii.gz").unlink()
    cohort = listed(origin_at(root, "abdomenatlas", role="x"))
    assert cohort.loc["own_BDMAP_00000001", ["role", "reason"]].tolist() == ["x", ""]
    assert cohort.loc["own_BDMAP_00000002", "reason"].endswith("ct.nii.gz: no such file")
    assert "masks" not in cohort.columns  # the usual layout needs no description
