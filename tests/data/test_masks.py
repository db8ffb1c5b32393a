from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rsuper.data.mask_sources import (
    CaseMasks,
    MaskSource,
    both_kidneys,
    case_masks,
    folder_masks,
    masks_from_text,
    masks_text,
)
from rsuper.data.masks import MaskReader
from rsuper.data.volumes import read_grid, read_labels
from rsuper.errors import DataError

SHAPE = (12, 4, 4)


@pytest.fixture
def labeled(tmp_path, save_nifti):
    """1 pancreas, 2 its tumor, 3 and 4 kidney with tumor, in 20 mm voxels, stored as LPS in float."""
    labels = np.zeros(SHAPE, np.float32)
    labels[5:7], labels[6, 0, 0] = 1, 2
    labels[1:3, 1:3], labels[9:11, 1:3] = 3, 3
    labels[9, 1, 1] = 4
    save_nifti(labels, tmp_path / "labels.nii.gz", "LPS", 20.0)
    save_nifti(np.zeros(SHAPE, np.int16), tmp_path / "ct.nii.gz", "RAS", 20.0)
    return tmp_path / "labels.nii.gz", labels


def test_labels_are_merged_and_kidneys_told_apart(labeled):
    path, labels = labeled
    kidneys = both_kidneys(MaskSource(path, (3, 4), (1, 2, 3, 4)))
    masks = CaseMasks(
        {"pancreas": MaskSource(path, (1, 2)), **kidneys},
        {"pancreas": MaskSource(path, (2,)), "kidney": MaskSource(path, (4,))},
    )
    reader = MaskReader(masks, read_grid(path.with_name("ct.nii.gz")))
    x = np.arange(12)[:, None, None]
    np.testing.assert_array_equal(reader.organ("pancreas"), np.isin(labels, [1, 2]))
    np.testing.assert_array_equal(reader.organ("kidney_left"), np.isin(labels, [3, 4]) & (x < 5))
    np.testing.assert_array_equal(reader.organ("kidney_right"), np.isin(labels, [3, 4]) & (x > 5))
    np.testing.assert_array_equal(reader.tumor("kidney"), labels == 4)
    reader.organ("kidney_left")[:] = True  # what a caller writes into a mask stays its own
    assert not reader.organ("kidney_left").all()
    with pytest.raises(DataError, match="no mask of 'pancreas_head'"):
        reader.organ("pancreas_head")


def test_a_file_that_is_another_is_noticed(labeled):
    path, _ = labeled
    grid = read_grid(path)
    with pytest.raises(DataError, match=r"labels.nii.gz: expected labels \[1, 2\], found \[3.0, 4.0\]"):
        read_labels(path, grid, (1, 2))
    with pytest.raises(DataError, match=r"labels.nii.gz: no kidney of at least 20 ml"):
        MaskReader(CaseMasks(both_kidneys(MaskSource(path, (2,)))), grid).organ("kidney_left")
    reader = MaskReader(CaseMasks({"kidney_left": MaskSource(path, (1, 2), side="left")}), grid)
    with pytest.raises(DataError, match=r"labels.nii.gz: one piece of kidney"):
        reader.organ("kidney_left")


@pytest.mark.parametrize("value", [-1, 256, 1.5, np.nan])
def test_labels_are_whole_numbers(tmp_path, save_nifti, value):
    labels = np.zeros(SHAPE, np.float32)
    labels[1, 1, 1] = value
    save_nifti(labels, tmp_path / "labels.nii.gz", "RAS")
    with pytest.raises(DataError, match="whole numbers up to 255 as labels, found"):
        read_labels(tmp_path / "labels.nii.gz", read_grid(tmp_path / "labels.nii.gz"))


def test_labels_on_another_grid_are_refused(labeled, tmp_path, save_nifti):
    save_nifti(np.zeros((12, 4, 5), np.uint8), tmp_path / "ct.nii.gz", "RAS", 20.0)
    with pytest.raises(DataError, match=r"labels.nii.gz: the mask is not on the grid of its CT"):
        read_labels(labeled[0], read_grid(tmp_path / "ct.nii.gz"))


def test_tumors_of_any_organ_are_given_by_overlap(labeled, tmp_path, save_nifti):
    path, labels = labeled
    tumors = np.isin(labels, [2, 4]).astype(np.uint8)
    tumors[0, 0, 0] = 1  # in no organ of ours
    save_nifti(tumors, tmp_path / "tumors.nii.gz", "RAS", 20.0)
    shared = {t: MaskSource(tmp_path / "tumors.nii.gz", holder=t) for t in ("pancreas", "kidney")}
    organs = {"pancreas": MaskSource(path, (1, 2)), **both_kidneys(MaskSource(path, (3, 4)))}
    reader = MaskReader(CaseMasks(organs, shared), read_grid(path))
    np.testing.assert_array_equal(reader.tumor("pancreas"), labels == 2)
    np.testing.assert_array_equal(reader.tumor("kidney"), labels == 4)
    alone = MaskReader(CaseMasks({"pancreas": organs["pancreas"]}, shared), read_grid(path))
    with pytest.raises(DataError, match="no organ mask to find tumors of the kidney by"):
        alone.tumor("kidney")


def test_descriptions_survive_the_cohort_table():
    masks = CaseMasks(
        {
            "pancreas": MaskSource(Path("a b/c.nii.gz")),
            **both_kidneys(MaskSource(Path("d"), (1, 2), (1, 2, 3))),
        },
        {"kidney": MaskSource(Path("d"), holder="kidney")},
    )
    assert masks_from_text(masks_text(masks)) == masks
    assert case_masks({"masks": masks_text(masks)}) == masks
    assert masks.files == [Path("a b/c.nii.gz"), Path("d")]


def test_without_a_description_a_case_is_in_the_usual_layout():
    row = {"ct": "x/ct.nii.gz", "organs": "pancreas kidney_left", "annotated": "kidney"}
    usual = folder_masks(Path("x/segmentations"), ["pancreas", "kidney_left"], ["kidney"])
    assert usual.tumors == {"kidney": MaskSource(Path("x/segmentations/kidney_lesion.nii.gz"))}
    # NaN: a table of another data set in the same frame had the column.
    for series in (row, pd.Series(row), pd.Series({**row, "masks": np.nan}), {**row, "masks": ""}):
        assert case_masks(series) == usual
    assert case_masks({**row, "segmentations": "y"}).files[0] == Path("y/pancreas.nii.gz")
