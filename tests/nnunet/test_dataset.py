import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from rsuper.errors import DataError
from rsuper.nnunet.dataset import labels_of, write_dataset
from rsuper.nnunet.names import DATASET

TARGETS = ("pancreas", "kidney")


@pytest.fixture
def cases(collection):
    return [collection.stored[f"tiny_{name}"] for name in ("M1", "M2", "M3")]


def without(case, target):
    """The case as if that target's tumors had not been annotated."""
    voxels = {name: found for name, found in case.index.tumor_voxels.items() if name != target}
    return replace(case, index=replace(case.index, tumor_voxels=voxels))


def counts(labels):
    return dict(zip(*(part.tolist() for part in np.unique(labels, return_counts=True)), strict=True))


def test_labels_by_hand(cases):
    size = 40 * 32 * 32
    assert [counts(labels_of(case, TARGETS, 3)) for case in cases] == [
        {0: size - 27, 1: 27},  # 3 x 3 x 3 voxels in the pancreatic head
        {0: size - 64, 2: 64},  # 4 x 4 x 4 in the left kidney
        {0: size},
    ]
    assert counts(labels_of(cases[1], ("kidney",), 2)) == {0: size - 64, 1: 64}


def test_an_organ_that_is_not_annotated_is_ignored_and_a_known_tumor_is_not(cases, boxes):
    labels = labels_of(without(cases[1], "pancreas"), TARGETS, 3)
    inside = np.zeros(labels.shape, dtype=bool)
    (low, high) = boxes["pancreas"]
    inside[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    assert np.array_equal(labels == 3, inside)
    assert (labels == 2).sum() == 64


def test_without_an_organ_mask_the_whole_ct_is_ignored(cases):
    case = without(cases[1], "pancreas")
    boxes = {name: box for name, box in case.index.boxes.items() if not name.startswith("pancreas")}
    labels = labels_of(replace(case, index=replace(case.index, boxes=boxes)), TARGETS, 3)
    assert counts(labels) == {2: 64, 3: labels.size - 64}
    # Of two kidneys one mask is not enough: the tumor may be in the other.
    case = without(cases[0], "kidney")
    boxes = {name: box for name, box in case.index.boxes.items() if name != "kidney_left"}
    labels = labels_of(replace(case, index=replace(case.index, boxes=boxes)), TARGETS, 3)
    assert counts(labels) == {1: 27, 3: labels.size - 27}


def test_files_as_nnunet_reads_them(cases, tmp_path):
    write_dataset(cases, TARGETS, tmp_path)
    root = tmp_path / DATASET
    names = {path.relative_to(root).as_posix() for path in root.rglob("*.nii.gz")}
    assert names == {
        f"{kind}/case_0000{number}{channel}.nii.gz"
        for number in range(3)
        for kind, channel in (("imagesTr", "_0000"), ("labelsTr", ""))
    }
    assert json.loads((root / "case_names.json").read_text())["tiny_M2"] == "case_00001"
    content = json.loads((root / "dataset.json").read_text())
    assert content["labels"] == {"background": 0, "pancreas": 1, "kidney": 2}
    assert (content["numTraining"], content["channel_names"]) == (3, {"0": "CT"})
    image = nib.load(root / "imagesTr" / "case_00001_0000.nii.gz")
    assert image.header.get_zooms() == (4, 4, 4)
    assert np.array_equal(np.asarray(image.dataobj), cases[1].ct((0, 0, 0), cases[1].index.shape))
    write_dataset([without(cases[0], "kidney")], TARGETS, tmp_path / "partly")
    content = json.loads((tmp_path / "partly" / DATASET / "dataset.json").read_text())
    assert content["labels"] == {"background": 0, "pancreas": 1, "kidney": 2, "ignore": 3}


def test_no_case(tmp_path):
    with pytest.raises(DataError, match="no CT-Mask pair"):
        write_dataset([], TARGETS, tmp_path)
