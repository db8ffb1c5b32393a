"""From the cohort's files to the store: one spacing, RAS+, organ and tumor labels beside the CT."""

from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Shaped, UInt8
from tqdm import tqdm

from rsuper.artifacts import write_lines
from rsuper.config.experiment import Preprocess
from rsuper.data.mask_sources import MASKS_COLUMN, TUMOR_FILES, CaseMasks, MaskSource, case_masks
from rsuper.data.masks import MaskReader
from rsuper.data.sources.raw_case import refuse
from rsuper.data.store import (
    INDEX,
    ORGAN_LABELS,
    TUMOR_LABELS,
    WITHHELD_FOLDER,
    CaseIndex,
    index_case,
    index_line,
    tumor_voxels,
    write_case,
    write_withheld,
)
from rsuper.data.volumes import AIR_AT_MOST_HU, read_grid, read_volume, resample
from rsuper.errors import DataError


def preprocess_cohort(
    cohort: pd.DataFrame, settings: Preprocess, folder: Path, mask_role: str, *, strict: bool = True
) -> pd.DataFrame:
    """Store every usable case and return the rows of volumes.csv; others keep their reason.

    Tumor labels are stored for the cases with role `mask_role` alone: what a method may not see is not there.
    Masks that a data set withholds (in the folder `withheld` of a case) are stored apart, for the ceiling
    control and for measuring where reports lead.

    Args:
        cohort: rows of cohort.csv.
        settings: spacing in mm and window in HU.
        folder: of the store.
        mask_role: the role whose tumor labels are stored.
        strict: a case that cannot be stored is an error; else a row with a reason, while the others go on.

    Raises:
        DataError: where strict, and else where no case is left: a CT or mask is missing, damaged or on
            another grid than its CT; a CT has voxels that are not finite, or shows nothing but air; the masks
            of a case have no voxel of any organ.
    """
    rows, lines, apart, problems = [], [], [], list[str]()
    withheld = folder.parent / WITHHELD_FOLDER
    for row in tqdm(cohort.to_dict("records"), desc="preprocess", mininterval=5):
        if row["reason"]:
            rows.append(_volumes_row(row, "", "", False))
            continue
        targets = row["annotated"].split() if row["role"] == mask_role else []
        masks = case_masks(row)
        try:
            index = _store_case(row["case_id"], Path(row["ct"]), masks, targets, settings, folder)
            hidden = (
                None if row.get(MASKS_COLUMN) else _store_withheld(index, Path(row["ct"]), settings, withheld)
            )
        except DataError as error:
            if strict:
                raise
            problems.append(f"{row['case_id']}: {error}")
            rows.append({**_volumes_row(row, "", "", False), "reason": str(error)})
            continue
        lines.append(index_line(index))
        if hidden is not None:
            apart.append(index_line(hidden))
        spacing_mm = " ".join(f"{length:.4g}" for length in index.spacing_mm)
        rows.append(_volumes_row(row, " ".join(map(str, index.shape)), spacing_mm, bool(targets)))
    if not lines:
        refuse(problems)
    write_lines(lines, folder / INDEX)
    if apart:
        write_lines(apart, withheld / INDEX)
    return pd.DataFrame(rows)


def _volumes_row(
    row: Mapping[Hashable, Any], shape: str, spacing_mm: str, has_tumors: bool
) -> dict[str, object]:
    return {
        "case_id": row["case_id"],
        "shape": shape,
        "spacing_mm": spacing_mm,
        "has_tumors": has_tumors,
        "reason": row["reason"],
    }


def _store_case(
    case_id: str,
    ct_file: Path,
    masks: CaseMasks,
    targets: list[str],
    settings: Preprocess,
    folder: Path,
) -> CaseIndex:
    ct = read_volume(ct_file)
    _require_body(ct_file, ct.array)
    reader = MaskReader(masks, ct.grid)
    labels = organ_labels({name: reader.organ(name) for name in masks.organs})
    if not labels.any():
        raise DataError(
            f"{case_id}: no voxel of any organ in {', '.join(map(str, masks.files))}; draw them anew"
        )
    tumors = tumor_labels(reader, targets) if targets else None
    for target in set(masks.tumors) - set(targets):
        reader.tumor(
            target
        )  # of a test set: not stored, but what cannot be read is better known before training
    del reader  # and with it the label maps that it keeps
    new = settings.spacing_mm
    resampled = np.asarray(ct.array, dtype=np.float32).clip(-1024, 3071)
    image = np.rint(resample(resampled, ct.spacing_mm, new, linear=True)).astype(np.int16)
    labels = resample(labels, ct.spacing_mm, new, linear=False)
    if tumors is not None:
        tumors = resample(tumors, ct.spacing_mm, new, linear=False)
    write_case(folder, case_id, image, labels, tumors)
    return index_case(case_id, image.clip(*settings.clip_hu), labels, tumors, targets, new)


def _require_body(path: Path, ct: Shaped[np.ndarray, "x y z"]) -> None:
    """Refuse voxels that no HU are made of, and a CT of which nothing can be learned."""
    highest = ct.max()  # NaN where any voxel is
    if not (np.isfinite(highest) and np.isfinite(ct.min())):
        raise DataError(f"{path}: voxels that are NaN or infinite; replace them by air, or drop the case")
    if highest <= AIR_AT_MOST_HU:
        raise DataError(
            f"{path}: nothing but air, at most {highest:g} HU; convert it again, or drop the case"
        )


def _store_withheld(index: CaseIndex, ct_file: Path, settings: Preprocess, folder: Path) -> CaseIndex | None:
    """Store the tumor labels that lie in the folder `withheld` of a case; None where there is none."""
    files = {
        target: ct_file.parent / WITHHELD_FOLDER / f"{name}.nii.gz" for target, name in TUMOR_FILES.items()
    }
    files = {target: path for target, path in files.items() if path.is_file()}
    if not files:
        return None
    ct = read_grid(ct_file)
    reader = MaskReader(CaseMasks({}, {target: MaskSource(path) for target, path in files.items()}), ct)
    tumors = resample(tumor_labels(reader, list(files)), ct.spacing_mm, settings.spacing_mm, linear=False)
    write_withheld(folder, index.case_id, tumors)
    return replace(index, tumor_voxels=tumor_voxels(tumors, list(files)))


def organ_labels(masks: Mapping[str, Bool[np.ndarray, "x y z"]]) -> UInt8[np.ndarray, "x y z"]:
    """Merge organ masks into one label map; segments win over the whole organ they are part of."""
    labels = np.zeros(next(iter(masks.values())).shape, dtype=np.uint8)
    for name in sorted(masks, key=lambda name: name != "pancreas"):
        labels[masks[name]] = ORGAN_LABELS[name]
    return labels


def tumor_labels(reader: MaskReader, targets: list[str]) -> UInt8[np.ndarray, "x y z"]:
    """Merge tumor masks into one label map, one label per target."""
    labels = np.zeros(reader.like.shape, dtype=np.uint8)
    for target in targets:
        labels[reader.tumor(target)] = TUMOR_LABELS[target]
    return labels
