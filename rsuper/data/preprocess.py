"""From a case's files to the store: one spacing, RAS+, organ and tumor labels beside the CT.

One volume of the file's size is in memory at a time: the CT in its own type, then mask after mask.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt8

from rsuper.config.experiment import Preprocess
from rsuper.data.headers import Grid, Spacing
from rsuper.data.mask_sources import MASKS_COLUMN, TUMOR_FILES, CaseMasks, MaskSource, case_masks
from rsuper.data.masks import MaskReader
from rsuper.data.resample import resample, resample_hu, resampled_shape
from rsuper.data.store import (
    ORGAN_LABELS,
    TUMOR_LABELS,
    WITHHELD_FOLDER,
    CaseIndex,
    array_hashes,
    index_case,
    tumor_voxels,
    write_case,
    write_withheld,
)
from rsuper.data.volumes import AIR_AT_MOST_HU, read_ct
from rsuper.errors import DataError

Row = Mapping[Any, Any]  # of cohort.csv, by column


@dataclass(frozen=True)
class Stored:
    """What became of a case: its index, and that of its withheld tumors; or why it is not in the store."""

    index: CaseIndex | None = None
    withheld: CaseIndex | None = None
    has_tumors: bool = False
    reason: str = ""


def store_case(row: Row, settings: Preprocess, folder: Path, mask_role: str) -> Stored:
    """Store one case.

    Tumor labels are stored where the case has the role `mask_role`: what a method may not see is not there.
    Masks that a data set withholds (in the folder `withheld` of a case) are stored apart, for the ceiling
    control and for measuring where reports lead.

    Args:
        row: of cohort.csv, of a case that can be used.
        settings: spacing in mm and window in HU.
        folder: of the store.
        mask_role: the role whose tumor labels are stored.

    Raises:
        DataError: a CT or mask is missing, damaged or on another grid than its CT; a CT has voxels that are
            not finite, or shows nothing but air; the masks have no voxel of any organ.
    """
    ct_file, masks = Path(row["ct"]), case_masks(row)
    targets = row["annotated"].split() if row["role"] == mask_role else []
    new = settings.spacing_mm
    image, grid = _image(ct_file, new)
    reader = MaskReader(masks, grid)
    labels = organ_labels(reader, new)
    if labels is None:
        raise DataError(
            f"{row['case_id']}: no voxel of any organ in {', '.join(map(str, masks.files))}; draw them anew"
        )
    tumors = tumor_labels(reader, targets, new) if targets else None
    for target in set(masks.tumors) - set(targets):
        # Of a test set: not stored, but what cannot be read is better known before training.
        reader.tumor(target)
    del reader  # and with it the label maps that it keeps
    ends = write_case(folder, row["case_id"], image, labels, tumors)
    index = index_case(row["case_id"], image, labels, tumors, targets, new, settings.clip_hu)
    index = replace(index, ends=ends, sha256=array_hashes(folder, row["case_id"]))
    hidden = None if row.get(MASKS_COLUMN) else _store_withheld(index, ct_file, grid, folder)
    return Stored(index, hidden, bool(targets))


def _image(path: Path, new: Spacing) -> tuple[Shaped[np.ndarray, "x y z"], Grid]:
    ct = read_ct(path)
    _require_body(path, ct.array)
    return resample_hu(ct.array, ct.spacing_mm, new), ct.grid


def _require_body(path: Path, ct: Shaped[np.ndarray, "x y z"]) -> None:
    """Refuse voxels that no HU are made of, and a CT of which nothing can be learned."""
    highest = ct.max()  # NaN where any voxel is
    if not (np.isfinite(highest) and np.isfinite(ct.min())):
        raise DataError(f"{path}: voxels that are NaN or infinite; replace them by air, or drop the case")
    if highest <= AIR_AT_MOST_HU:
        raise DataError(
            f"{path}: nothing but air, at most {highest:g} HU; convert it again, or drop the case"
        )


def _store_withheld(index: CaseIndex, ct_file: Path, grid: Grid, folder: Path) -> CaseIndex | None:
    """Store the tumor labels that lie in the folder `withheld` of a case; None where there is none."""
    files = {
        target: ct_file.parent / WITHHELD_FOLDER / f"{name}.nii.gz" for target, name in TUMOR_FILES.items()
    }
    files = {target: path for target, path in files.items() if path.is_file()}
    if not files:
        return None
    reader = MaskReader(CaseMasks({}, {target: MaskSource(path) for target, path in files.items()}), grid)
    tumors = tumor_labels(reader, list(files), index.spacing_mm)
    apart = folder.parent / WITHHELD_FOLDER
    ends = {**index.ends, "tumors": write_withheld(apart, index.case_id, tumors)}
    hashes = array_hashes(apart, index.case_id)
    return replace(index, tumor_voxels=tumor_voxels(tumors, list(files)), ends=ends, sha256=hashes)


def organ_labels(reader: MaskReader, new: Spacing) -> UInt8[np.ndarray, "u v w"] | None:
    """Merge organ masks into one label map on a new spacing; segments win over the organ they are part of.

    Returns:
        None where no mask has a voxel.
    """
    labels = np.zeros(resampled_shape(reader.like.shape, reader.like.spacing_mm, new), dtype=np.uint8)
    found = False
    for name in sorted(reader.masks.organs, key=lambda name: name != "pancreas"):
        mask = reader.organ(name)
        found = found or bool(mask.any())
        labels[resample(mask, reader.like.spacing_mm, new, linear=False)] = ORGAN_LABELS[name]
    return labels if found else None


def tumor_labels(reader: MaskReader, targets: list[str], new: Spacing) -> UInt8[np.ndarray, "u v w"]:
    """Merge tumor masks into one label map on a new spacing, one label per target."""
    labels = np.zeros(resampled_shape(reader.like.shape, reader.like.spacing_mm, new), dtype=np.uint8)
    for target in targets:
        mask = resample(reader.tumor(target), reader.like.spacing_mm, new, linear=False)
        labels[mask] = TUMOR_LABELS[target]
    return labels
