"""What the audit measures, against truths computed by hand."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from rsuper.artifacts import read_table, write_table
from rsuper.data.audit.facts import (
    facts_frame,
    inside_share,
    intensity_facts,
    mask_facts,
    oblique_deg,
)
from rsuper.data.audit.journal import Journal
from rsuper.data.audit.known import Known
from rsuper.data.audit.registry import audit_frame
from rsuper.data.volumes import Grid
from rsuper.schemas import AUDIT_FACTS, COHORT


def box(*spans):
    mask = np.zeros((20, 20, 20), dtype=bool)
    mask[tuple(slice(low, high) for low, high in spans)] = True
    return mask


def test_a_box():
    # x voxels 2 to 5, y 10 to 11, z 0 to 9: 4 * 2 * 10 = 80 voxels of 1 * 2 * 3 mm.
    facts = mask_facts(box((2, 6), (10, 12), (0, 10)), (1.0, 2.0, 3.0))
    assert facts == {"volume_ml": 0.48, "center_x_mm": 3.5, "center_y_mm": 21.0, "extent_mm": 30.0}
    assert mask_facts(np.zeros((3, 3, 3), dtype=bool), (1.0, 1.0, 1.0)) == {"volume_ml": 0.0}


def test_share_inside_the_grown_organ():
    organ = box((0, 10), (0, 20), (0, 20))
    tumor = box((8, 18), (10, 11), (10, 11))  # x 8 and 9 within the organ
    assert inside_share(tumor, organ, (1.0, 1.0, 1.0)) == 0.7  # and 10 to 14 within 5 mm of x 9
    assert inside_share(tumor, organ, (5.0, 1.0, 1.0)) == 0.3
    assert inside_share(tumor, organ, (6.0, 6.0, 6.0)) == 0.2
    assert inside_share(tumor, np.zeros_like(organ), (1.0, 1.0, 1.0)) == 0.0
    assert inside_share(np.zeros_like(organ), organ, (1.0, 1.0, 1.0)) is None


def test_intensities():
    array = np.full((10, 10, 20), -1000, dtype=np.int16)
    array[:, :, 9:] = 40  # 1,100 of 2,000 voxels
    array[0, 0, 0], array[0, 0, 1] = 3000, 2000
    facts = intensity_facts(array)
    assert (facts["hu_min"], facts["hu_median"], facts["hu_max"]) == (-1000.0, 40, 3000.0)
    assert facts["hu_high"] == 40  # 0.999 * 2,000 = 1,998 voxels are not above
    assert (facts["values"], facts["not_finite"]) == (4, 0)
    broken = array.astype(np.float32)
    broken[5, 5, 5], broken[5, 5, 6] = np.nan, np.inf
    facts = intensity_facts(broken)
    assert (facts["not_finite"], facts["hu_min"], facts["hu_max"]) == (2, -1024.0, 3000.0)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(-1024, 2000, (6, 7, 8)).astype(np.int16)


def test_the_same_image_has_the_same_hash(image):
    own = intensity_facts(image)["image"]
    assert intensity_facts(image.astype(np.float64) + 0.2)["image"] == own
    assert intensity_facts(np.asfortranarray(image))["image"] == own
    padded = image.copy()
    padded[image == image.min()] = -1024
    outside = padded.copy()
    outside[padded == -1024] = -3024
    assert intensity_facts(padded)["image"] == intensity_facts(outside)["image"]


def test_another_image_has_another_hash(image):
    own = intensity_facts(image)["image"]
    changed = image.copy()
    changed[3, 3, 3] += 1
    others = [changed, image[::-1], image[:, :, :-1], image.reshape(7, 6, 8)]
    assert own not in {intensity_facts(other)["image"] for other in others}


def test_tilt():
    turn = np.eye(4)
    cos, sin = np.cos(np.radians(20)), np.sin(np.radians(20))
    turn[1:3, 1:3] = [[cos, -sin], [sin, cos]]
    affine = turn @ np.diag([0.8, 0.8, 3.0, 1.0])
    assert oblique_deg(Grid((4, 4, 4), affine, affine)) == pytest.approx(20, abs=0.01)
    upright = np.diag([0.8, 0.8, 3.0, 1.0])
    assert oblique_deg(Grid((4, 4, 4), upright, upright)) == 0


@pytest.fixture
def tiny(collection, tmp_path, write_dataset, tiny_cases):
    """M1 (pancreatic tumor) and M2 (LPS, kidney tumor) in files that a test may damage, and their rows."""
    write_dataset(tmp_path, {case: tiny_cases[case] for case in ("M1", "M2")})
    cohort = read_table(collection.layout.cohort("tiny"), COHORT).iloc[:2].copy()
    for case in ("M1", "M2"):
        cohort.loc[cohort["case_id"] == f"tiny_{case}", "ct"] = str(tmp_path / case / "ct.nii.gz")
        segmentations = str(tmp_path / case / "segmentations")
        cohort.loc[cohort["case_id"] == f"tiny_{case}", "segmentations"] = segmentations
    return tmp_path, cohort


def by_file(frame, case):
    return frame[frame["case_id"] == case].set_index("file")


def test_a_case(tiny, tmp_path):
    _, cohort = tiny
    path = tmp_path / "facts.csv"
    write_table(facts_frame(cohort), path, AUDIT_FACTS)
    frame = read_table(path, AUDIT_FACTS)
    rows = by_file(frame, "tiny_M2")  # stored as LPS
    assert (rows["problem"] == "").all()
    # The left kidney: voxels 4 to 9, 18 to 24, 10 to 19 of 4 mm; 420 voxels of 64 mm3.
    left = rows.loc["kidney_left", ["volume_ml", "center_x_mm", "center_y_mm", "extent_mm"]]
    assert left.tolist() == [26.88, 26.0, 84.0, 40.0]
    tumor = rows.loc["kidney_tumor", ["volume_ml", "extent_mm", "inside"]]
    assert tumor.tolist() == [4.096, 16.0, 1.0]
    empty = rows.loc["pancreas_tumor"]
    assert empty["volume_ml"] == 0
    assert empty[["extent_mm", "inside"]].isna().all()
    assert rows.loc["ct", "oblique_deg"] == 0
    again = tmp_path / "again.csv"
    write_table(facts_frame(cohort), again, AUDIT_FACTS)
    assert path.read_bytes() == again.read_bytes()


def test_the_same_ct_in_another_file(tiny):
    root, cohort = tiny
    saved = nib.load(root / "M1" / "ct.nii.gz")
    turned = nib.Nifti1Image(np.asarray(saved.dataobj, dtype=np.float32), saved.affine)
    path = root / "M2" / "ct.nii.gz"
    lps = nib.orientations.axcodes2ornt("LPS")
    ras = nib.orientations.axcodes2ornt("RAS")
    nib.save(turned.as_reoriented(nib.orientations.ornt_transform(ras, lps)), path)
    frame = facts_frame(cohort)
    images = frame.loc[frame["file"] == "ct", "image"].tolist()
    assert len(images) == 2
    assert images[0] == images[1]


def test_damaged_files_are_rows_without_a_path(tiny, experiment):
    root, cohort = tiny
    ct = root / "M1" / "ct.nii.gz"
    ct.write_bytes(ct.read_bytes()[:-20])
    mask = root / "M2" / "segmentations" / "kidney_lesion.nii.gz"
    saved = nib.load(mask)
    nib.save(nib.Nifti1Image(2 * np.asarray(saved.dataobj), saved.affine), mask)
    (root / "M2" / "segmentations" / "pancreas.nii.gz").unlink()
    frame = facts_frame(cohort)
    assert by_file(frame, "tiny_M1").index.tolist() == ["ct"]
    problems = by_file(frame, "tiny_M2")["problem"]
    assert problems["kidney_tumor"] == "expected a mask of 0 and 1, found [2.0]"
    assert problems["pancreas"] == "no such file"
    assert problems["ct"] == ""
    assert not frame["problem"].str.contains(root.name).any()
    found = audit_frame(Known(experiment, cohort, frame.fillna({"image": ""}), {}))
    assert set(found.loc[found["severity"] == "stop", "check"]) == {"damaged_files"}


def test_a_color_picture_is_no_ct(tiny):
    root, cohort = tiny
    saved = nib.load(root / "M1" / "ct.nii.gz")
    colors = np.zeros(saved.shape, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(colors, saved.affine), root / "M1" / "ct.nii.gz")
    assert (
        by_file(facts_frame(cohort), "tiny_M1")
        .loc["ct", "problem"]
        .startswith("expected one number per voxel")
    )


def test_cases_with_a_reason_are_not_read(tiny):
    _, cohort = tiny
    assert facts_frame(cohort.assign(reason="damaged", ct="nowhere")).empty


def test_a_tumor_beside_its_organ(tiny, save_nifti, experiment):
    root, cohort = tiny
    mask = np.zeros((40, 32, 32), dtype=np.uint8)
    mask[33:36, 2:5, 2:5] = 1  # far from the pancreas
    save_nifti(mask, root / "M1" / "segmentations" / "pancreatic_lesion.nii.gz", "RAS")
    frame = facts_frame(cohort)
    assert by_file(frame, "tiny_M1").loc["pancreas_tumor", "inside"] == 0
    found = audit_frame(Known(experiment, cohort, frame, {}))
    assert found.loc[found["check"] == "tumors_outside_their_organ", "cases"].tolist() == ["tiny_M1"]


def test_a_killed_job_goes_on(tiny, tmp_path):
    root, cohort = tiny
    cohort = cohort.assign(sha256=["one", "two"])
    path = tmp_path / "facts.jsonl"
    whole = facts_frame(cohort)
    facts_frame(cohort[:1], Journal(path, "v1"))
    path.write_text(path.read_text(encoding="utf-8") + '{"version": "v1", "sha', encoding="utf-8")
    (root / "M1" / "ct.nii.gz").unlink()  # is not read again
    pd.testing.assert_frame_equal(facts_frame(cohort, Journal(path, "v1")), whole)
    assert set(Journal(path, "v1").read()) == {"one", "two"}
    again = facts_frame(cohort, Journal(path, "v2"))  # other code measures anew
    assert by_file(again, "tiny_M1").loc["ct", "problem"] == "no such file"
    assert set(Journal(path, "v1").read()) == set()
    assert set(Journal(path, "v2").read()) == {"two"}  # what could not be read is tried again


def test_several_processes_measure_the_same(tiny):
    _, cohort = tiny
    pd.testing.assert_frame_equal(facts_frame(cohort, workers=2), facts_frame(cohort))
