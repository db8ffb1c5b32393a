"""From the cohort's files to the store: one spacing, RAS+, organ and tumor labels beside the CT."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, UInt8
from tqdm import tqdm

from rsuper.artifacts import write_lines
from rsuper.config.experiment import Preprocess
from rsuper.data.sources.abdomenatlas import TUMOR_FILES
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
from rsuper.data.volumes import Grid, read_grid, read_mask, read_volume, resample


def preprocess_cohort(
    cohort: pd.DataFrame, settings: Preprocess, folder: Path, mask_role: str
) -> pd.DataFrame:
    """Store every usable case and return the rows of volumes.csv.

    Tumor labels are stored for the cases with role `mask_role` alone: what a method may not see is not there.
    Masks that a data set withholds (in the folder `withheld` of a case) are stored apart, for the ceiling
    control and for measuring where reports lead.

    Raises:
        DataError: a CT or mask is missing, damaged or on another grid than its CT.
    """
    rows, lines, apart = [], [], []
    withheld = folder.parent / WITHHELD_FOLDER
    for row in tqdm(list(cohort.itertuples(index=False)), desc="preprocess", mininterval=5):
        targets = str(row.annotated).split() if row.role == mask_role else []
        index = _store_case(
            str(row.case_id), Path(str(row.ct)), str(row.organs).split(), targets, settings, folder
        )
        lines.append(index_line(index))
        hidden = _store_withheld(index, Path(str(row.ct)), settings, withheld)
        if hidden is not None:
            apart.append(index_line(hidden))
        rows.append(
            {
                "case_id": row.case_id,
                "shape": " ".join(map(str, index.shape)),
                "spacing_mm": " ".join(f"{length:.4g}" for length in index.spacing_mm),
                "has_tumors": bool(targets),
                "reason": row.reason,
            }
        )
    write_lines(lines, folder / INDEX)
    if apart:
        write_lines(apart, withheld / INDEX)
    return pd.DataFrame(rows)


def _store_case(
    case_id: str,
    ct_file: Path,
    organs: Sequence[str],
    targets: Sequence[str],
    settings: Preprocess,
    folder: Path,
) -> CaseIndex:
    ct = read_volume(ct_file)
    segmentations = ct_file.parent / "segmentations"
    tumor_files = {target: segmentations / f"{TUMOR_FILES[target]}.nii.gz" for target in targets}
    labels = organ_labels(read_organs(ct.grid, segmentations, organs))
    tumors = tumor_labels(ct.grid, tumor_files) if targets else None
    new = settings.spacing_mm
    resampled = np.asarray(ct.array, dtype=np.float32).clip(-1024, 3071)
    image = np.rint(resample(resampled, ct.spacing_mm, new, linear=True)).astype(np.int16)
    labels = resample(labels, ct.spacing_mm, new, linear=False)
    if tumors is not None:
        tumors = resample(tumors, ct.spacing_mm, new, linear=False)
    write_case(folder, case_id, image, labels, tumors)
    return index_case(case_id, image.clip(*settings.clip_hu), labels, tumors, targets, new)


def _store_withheld(index: CaseIndex, ct_file: Path, settings: Preprocess, folder: Path) -> CaseIndex | None:
    """Store the tumor labels that lie in the folder `withheld` of a case; None where there is none."""
    files = {
        target: ct_file.parent / WITHHELD_FOLDER / f"{name}.nii.gz" for target, name in TUMOR_FILES.items()
    }
    files = {target: path for target, path in files.items() if path.is_file()}
    if not files:
        return None
    ct = read_grid(ct_file)
    tumors = resample(tumor_labels(ct, files), ct.spacing_mm, settings.spacing_mm, linear=False)
    write_withheld(folder, index.case_id, tumors)
    return replace(index, tumor_voxels=tumor_voxels(tumors, list(files)))


def read_organs(ct: Grid, segmentations: Path, names: Sequence[str]) -> dict[str, Bool[np.ndarray, "x y z"]]:
    """Read the named organ masks of a case.

    Raises:
        DataError: a mask is missing, damaged or on another grid.
    """
    return {name: read_mask(segmentations / f"{name}.nii.gz", ct) for name in names}


def organ_labels(masks: Mapping[str, Bool[np.ndarray, "x y z"]]) -> UInt8[np.ndarray, "x y z"]:
    """Merge organ masks into one label map; segments win over the whole organ they are part of."""
    labels = np.zeros(next(iter(masks.values())).shape, dtype=np.uint8)
    for name in sorted(masks, key=lambda name: name != "pancreas"):
        labels[masks[name]] = ORGAN_LABELS[name]
    return labels


def tumor_labels(ct: Grid, files: Mapping[str, Path]) -> UInt8[np.ndarray, "x y z"]:
    """Merge tumor masks into one label map, one label per target."""
    labels = np.zeros(ct.shape, dtype=np.uint8)
    for target, path in files.items():
        labels[read_mask(path, ct)] = TUMOR_LABELS[target]
    return labels
