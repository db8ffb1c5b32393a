"""CT-Mask pairs of a run in nnU-Net's raw layout, under names of our own: a case id may hold anything."""

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from jaxtyping import UInt8

from rsuper.artifacts import write_json
from rsuper.data.cohort import TARGET_ORGANS
from rsuper.data.store import TUMOR_LABELS, StoredCase, structure_mask
from rsuper.errors import DataError
from rsuper.nnunet.names import DATASET

BACKGROUND, IGNORE = "background", "ignore"


def write_dataset(cases: Sequence[StoredCase], targets: Sequence[str], folder: Path) -> None:
    """Write CTs, labels and dataset.json as nnU-Net reads them; dataset.json is written last.

    A voxel is background or a tumor of one target. Where a case is not annotated for a target, its organ (the
    whole CT, where no organ mask tells where it is) has the label that nnU-Net ignores.

    Args:
        cases: from the store, on the experiment's grid.
        targets: their labels are 1, 2, ... in this order.
        folder: of the raw data sets; the data set's own folder is made in it.

    Raises:
        DataError: there is no case.
    """
    if not cases:
        raise DataError("no CT-Mask pair to train on: the cohort of this budget is empty")
    root = folder / DATASET
    numbers = {BACKGROUND: 0, **{target: number for number, target in enumerate(targets, start=1)}}
    ignored = len(targets) + 1
    names = {}
    for number, case in enumerate(cases):
        name = names[case.case_id] = f"case_{number:05}"
        labels = labels_of(case, targets, ignored)
        if ignored in labels:
            numbers[IGNORE] = ignored
        affine = np.diag([*case.index.spacing_mm, 1.0])
        ct = case.ct((0, 0, 0), case.index.shape)
        for array, path in ((ct, f"imagesTr/{name}_0000"), (labels, f"labelsTr/{name}")):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            nib.save(nib.Nifti1Image(array, affine), root / f"{path}.nii.gz")
    write_json(names, root / "case_names.json")
    content = {
        "channel_names": {"0": "CT"},
        "labels": numbers,
        "numTraining": len(cases),
        "file_ending": ".nii.gz",
    }
    write_json(content, root / "dataset.json")


def labels_of(case: StoredCase, targets: Sequence[str], ignored: int) -> UInt8[np.ndarray, "x y z"]:
    """Return one label per voxel: 0, the number of a target from 1 on, or the one that is ignored."""
    origin, shape = (0, 0, 0), case.index.shape
    tumors, organs = case.tumors(origin, shape), case.organs(origin, shape)
    labels = np.zeros(shape, dtype=np.uint8)
    for target in targets:
        if target not in case.index.tumor_voxels:
            known = [organ for organ in TARGET_ORGANS[target] if _has(case, organ)]
            everywhere = len(known) < len(TARGET_ORGANS[target])
            labels[np.ones(shape, dtype=bool) if everywhere else structure_mask(organs, known)] = ignored
    for number, target in enumerate(targets, start=1):
        if target in case.index.tumor_voxels:
            labels[tumors == TUMOR_LABELS[target]] = number
    return labels


def _has(case: StoredCase, organ: str) -> bool:
    return any(name.startswith(organ) for name in case.index.boxes)
