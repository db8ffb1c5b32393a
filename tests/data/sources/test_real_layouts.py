"""Untouched files of public data sets, as their adapters list and read them; their CTs are blank ones."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from rsuper.data.mask_sources import case_masks
from rsuper.data.masks import MaskReader
from rsuper.data.placing import by_overlap
from rsuper.data.volumes import read_grid, read_volume

pytestmark = pytest.mark.real


def blank_ct(label: Path, path: Path) -> None:
    """A CT on the grid of a real label file; the CTs themselves are not here."""
    image = nib.load(label)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine), path)


def kits_tree(real_cases: Path, folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / name).mkdir(parents=True)
        for path in (real_cases / name).iterdir():
            (folder / name / path.name).symlink_to(path)
        blank_ct(real_cases / name / "segmentation.nii.gz", folder / name / "imaging.nii.gz")


def centers_x_mm(reader: MaskReader) -> dict[str, float]:
    affine = reader.like.affine
    found = {}
    for name in ("kidney_left", "kidney_right"):
        voxels = np.argwhere(reader.organ(name))
        found[name] = float((voxels.mean(axis=0) @ affine[:3, :3].T + affine[:3, 3])[0])
    return found


@pytest.mark.slow
def test_kits19_with_qform_alone_and_slices_first(real, tmp_path, origin_at, listed):
    real_cases = real / "kits19_raw" / "data"
    names = ("case_00015", "case_00157")
    kits_tree(real_cases, tmp_path / "data", names)
    (tmp_path / "data" / "kits.json").symlink_to(real_cases / "kits.json")
    cohort = listed(origin_at(tmp_path, "kits19", role="mask_train"))
    assert cohort["reason"].tolist() == ["", ""]
    assert cohort["organs"].tolist() == ["kidney_left kidney_right"] * 2
    assert set(cohort["sex"]) <= {"F", "M"}
    assert cohort["age"].between(18, 95).all()
    for name in names:
        path = real_cases / name / "segmentation.nii.gz"
        image = nib.load(path)
        assert nib.aff2axcodes(image.affine) == ("I", "P", "L")
        assert (image.get_data_dtype(), int(image.header["sform_code"])) == (np.uint16, 0)
        labels = read_volume(path)
        row = cohort.loc[f"own_{name}"]
        assert row["shape"] == " ".join(map(str, labels.shape))
        reader = MaskReader(case_masks(row), labels.grid)
        x_mm = centers_x_mm(reader)
        assert x_mm["kidney_right"] - x_mm["kidney_left"] > 80
        both = reader.organ("kidney_left") | reader.organ("kidney_right")
        assert not (reader.organ("kidney_left") & reader.organ("kidney_right")).any()
        assert both.sum() == np.count_nonzero(labels.array)
        np.testing.assert_array_equal(reader.tumor("kidney"), labels.array == 2)


def test_kits23_counts_tumors_and_knows_their_side(real, tmp_path, origin_at, listed):
    real_cases = real / "kits23_raw" / "dataset"
    kits_tree(real_cases, tmp_path / "dataset", ("case_00041", "case_00262"))
    (tmp_path / "dataset" / "kits23.json").symlink_to(real_cases / "kits23.json")
    cohort = listed(origin_at(tmp_path, "kits23", role="mask_train"))
    assert cohort["reason"].tolist() == ["", ""]
    known = pd.read_csv(real / "kits23_multitumor_2mm" / "instances.csv").groupby("case_id")
    for name in ("case_00041", "case_00262"):
        row, rows = cohort.loc[f"own_{name}"], known.get_group(name)
        assert row["tumor_counts"] == f"kidney:{len(rows)}"
        reader = MaskReader(case_masks(row), read_grid(Path(row["ct"])))
        sides = by_overlap(
            reader.tumor("kidney"), {side: reader.organ(f"kidney_{side}") for side in ("left", "right")}
        )
        volume_mm3 = float(np.prod(reader.like.spacing_mm))
        for side, mask in sides.items():
            expected = rows.loc[rows["tumor_side"] == side, "volume_mm3"].sum()
            assert mask.sum() * volume_mm3 == pytest.approx(expected, rel=0.05), (name, side)


def twice_as_fine(label: Path, path: Path) -> None:
    """A few slices of a real label, 1024 voxels in-plane: some scans have that many, none of those here."""
    image = nib.load(label)
    array = np.asarray(image.dataobj)
    z = int(np.argwhere(array == 1)[:, 2].mean())
    fine = np.repeat(np.repeat(array[:, :, z : z + 4], 2, axis=0), 2, axis=1)
    affine = image.affine @ np.diag([0.5, 0.5, 1.0, 1.0])
    nib.save(nib.Nifti1Image(fine, affine), path)


@pytest.mark.slow
def test_panorama_in_lps_with_both_types_and_fine_in_plane(real, tmp_path, origin_at, listed):
    real_labels = sorted((real / "panorama_raw" / "manual_labels").glob("*.nii.gz"))
    labels = tmp_path / "manual_labels"
    labels.mkdir()
    (tmp_path / "clinical_information.xlsx").symlink_to(real / "panorama_2mm" / "clinical_information.xlsx")
    for path in real_labels:
        (labels / path.name).symlink_to(path)
    assert {nib.load(path).get_data_dtype().name for path in real_labels} == {"uint16", "float64"}
    twice_as_fine(real_labels[0], labels / "fine_00001.nii.gz")
    for path in labels.iterdir():
        blank_ct(path, tmp_path / "images" / path.name.replace(".nii.gz", "_0000.nii.gz"))
    cohort = listed(origin_at(tmp_path, "panorama", role="mask_train"))
    assert cohort["reason"].tolist() == [""] * 3
    assert cohort.loc["own_fine_00001", "shape"] == "1024 1024 4"
    people = cohort.drop("own_fine_00001")
    assert set(people["sex"]) <= {"F", "M"}
    assert people["age"].between(18, 95).all()
    for _, row in cohort.iterrows():
        label = labels / f"{row['case_id'].removeprefix('own_')}.nii.gz"
        assert nib.aff2axcodes(nib.load(label).affine) == ("L", "P", "S")
        volume = read_volume(label)
        reader = MaskReader(case_masks(row), volume.grid)
        np.testing.assert_array_equal(reader.tumor("pancreas"), volume.array == 1)
        np.testing.assert_array_equal(reader.organ("pancreas"), np.isin(volume.array, [1, 4, 5]))
        assert reader.tumor("pancreas").any()


def test_a_table_joins_files_of_two_sources(real, tmp_path, origin_at, listed):
    """An AI-made organ mask and a hand-drawn tumor of the same scan."""
    pairs = real / "msd_pancreas_pairs"
    (tmp_path / "pairs").symlink_to(pairs)
    pair = pd.read_csv(pairs / "pairs.csv", dtype=str).iloc[0]
    organ = f"difftumor_ai_pancreas/{pair['msd_case']}.nii.gz"
    tumor = f"panorama_manual_label/{pair['panorama_study']}.nii.gz"
    blank_ct(pairs / tumor, tmp_path / "ct.nii.gz")
    cells = {"pancreas": f"pairs/{organ}", "pancreas_tumor": f"pairs/{tumor}#1"}
    row = {"case_id": pair["msd_case"], "ct": "ct.nii.gz", "role": "mask_train", **cells}
    pd.DataFrame([row]).to_csv(tmp_path / "cases.csv", index=False)
    (case,) = (row for _, row in listed(origin_at(tmp_path, "table", follow_links=True)).iterrows())
    assert case["reason"] == ""
    reader = MaskReader(case_masks(case), read_grid(tmp_path / "ct.nii.gz"))
    inside = reader.organ("pancreas")[reader.tumor("pancreas")].mean()
    assert inside > 0.9
