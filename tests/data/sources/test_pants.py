"""PanTS."""

import pytest

from rsuper.data.sources.registry import read_cases

KIDNEYS = ("kidney_left", "kidney_right")


@pytest.fixture
def pants(tmp_path, body):
    for number, part in ((1, "Tr"), (2, "Tr"), (9001, "Te")):
        name = f"PanTS_{number:08d}"
        body.ct(tmp_path / f"Image{part}" / name / "ct.nii.gz")
        for mask in ("pancreas", "pancreas_head", *KIDNEYS, "pancreatic_lesion"):
            drawn = () if (number, mask) == (2, "pancreatic_lesion") else (mask,)
            body.mask(tmp_path / f"Label{part}" / name / "segmentations" / f"{mask}.nii.gz", *drawn)
    text = "BDMAP ID,ct phase,sex,age,manufacturer,manufacturer model\n"
    text += "PanTS_00000001,Non-contrast,M ,66,SIEMENS,S16\n"
    (tmp_path / "metadata_pants.csv").write_text("\ufeff" + text, encoding="utf-8")
    return tmp_path


def test_pants(pants, origin_at, listed):
    cohort = listed(origin_at(pants, "pants", splits={"train": "mask_train", "test": "test_pants"}))
    assert cohort["role"].tolist() == ["mask_train", "mask_train", "test_pants"]
    case = cohort.loc["own_PanTS_00000001"]
    assert case[["sex", "age", "phase", "scanner"]].tolist() == ["M", 66, "Non-contrast", "SIEMENS S16"]
    assert case["annotated"] == "pancreas"  # kidney lesions are not annotated in PanTS
    assert case["state_kidney_left"] == "unknown"
    assert cohort.loc["own_PanTS_00000002", "annotated"] == "pancreas"  # empty: no tumor
    only = listed(origin_at(pants, "pants", splits={"test": "test_pants"}))
    assert list(only.index) == ["own_PanTS_00009001"]


def test_pants_without_a_mask_folder(pants, body, origin_at, listed):
    body.ct(pants / "ImageTr" / "PanTS_00000003" / "ct.nii.gz")
    cohort = listed(origin_at(pants, "pants", splits={"train": "mask_train"}))
    reason = cohort.loc["own_PanTS_00000003", "reason"]
    assert reason.endswith("LabelTr/PanTS_00000003/segmentations: no organ mask")


def test_the_prefix_keeps_data_sets_apart(pants, origin_at):
    (case, *_) = read_cases(origin_at(pants, "pants", splits={"train": "x"}))
    assert (case.case_id, case.patient_id) == ("own_PanTS_00000001", "own_PanTS_00000001")
