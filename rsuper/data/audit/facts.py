"""What the audit measures on CTs and masks, one case at a time: memory holds one volume, never a cohort."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int, Shaped

from rsuper.data.audit.case_masks import TUMOR_SUFFIX, AuditedMasks
from rsuper.data.audit.journal import Journal, Row, measured_by
from rsuper.data.audit.paths import without_paths
from rsuper.data.store import bounding_box
from rsuper.data.volumes import AIR_HU, Grid, Spacing, read_volume
from rsuper.errors import DataError
from rsuper.metrics.dilation import dilated, reach_voxels
from rsuper.progress import tracked
from rsuper.schemas import AUDIT_FACTS

# A tumor may bulge out of the outline of an imperfect organ mask: so far, no farther.
MARGIN_MM = 5.0
# Whole HU that are told apart; beyond, only the extremes are known.
LOWEST_HU, HIGHEST_HU = -4096, 8191
# What scanners and converters put outside the field of view differs (-1024, -2000, -3024), and so does the
# ceiling: neither makes another image.
IMAGE_HU = (AIR_HU, 3071)
HIGH_SHARE = 0.999


def facts_frame(cohort: pd.DataFrame, journal: Journal | None = None, workers: int = 1) -> pd.DataFrame:
    """Measure every usable case of a data set; one row per CT and mask, in the order of the cohort.

    What cannot be read is a row with its problem; the other cases go on.

    Args:
        cohort: rows of cohort.csv.
        journal: what an earlier, perhaps killed, job measured; None measures everything.
        workers: processes that measure; each holds one volume in memory.

    Returns:
        Rows of AUDIT_FACTS.
    """
    usable = cohort[cohort["reason"] == ""].to_dict("records")
    known = journal.read() if journal is not None else {}
    pending = [row for row in usable if row["sha256"] not in known]
    measured = tracked(measured_by(workers, case_facts, pending), "audit", len(pending))
    for row, facts in zip(pending, measured, strict=True):
        known[str(row["sha256"])] = facts
        # What could not be read may be readable next time: a disk that was not there.
        if journal is not None and not any(fact["problem"] for fact in facts):
            journal.add(str(row["sha256"]), facts)
    if journal is not None:
        journal.keep(str(row["sha256"]) for row in usable)
    # The same files may be there under two ids, and were then measured under one of them.
    rows = [{**fact, "case_id": row["case_id"]} for row in usable for fact in known[str(row["sha256"])]]
    return pd.DataFrame(rows, columns=list(AUDIT_FACTS.columns))


def case_facts(case: Mapping[Any, object]) -> list[Row]:
    """Measure the CT and the masks of one row of cohort.csv, as rows of AUDIT_FACTS."""
    row: Row = {"case_id": case["case_id"], "file": "ct", "problem": ""}
    path = Path(str(case["ct"]))
    try:
        measured, grid = _ct_facts(path)
    except DataError as error:
        return [{**row, "problem": _problem(error, path)}]
    masks = AuditedMasks(case, grid)
    return [{**row, **measured}, *({**row, **mask} for mask in _mask_rows(masks))]


def _mask_rows(masks: AuditedMasks) -> Iterator[Row]:
    spacing_mm, targets = masks.ct.spacing_mm, masks.targets
    # Per target with a tumor mask: whatever is known to be its organ.
    organs: dict[str, Bool[np.ndarray, "x y z"]] = {}
    for name in (*masks.organs, *(f"{target}{TUMOR_SUFFIX}" for target in targets)):
        row: Row = {"file": name, "problem": ""}
        try:
            mask = masks.read(name)
        except DataError as error:
            yield {**row, "problem": _problem(error, masks.file(name))}
            continue
        target = name.split("_")[0]
        row |= mask_facts(mask, spacing_mm)
        if name.endswith(TUMOR_SUFFIX):
            if target in organs:
                row["inside"] = inside_share(mask, organs[target], spacing_mm)
        elif target in targets:
            organs[target] = mask | organs[target] if target in organs else mask
        yield row


def _problem(error: DataError, path: Path) -> str:
    """What went wrong, without where."""
    return without_paths(str(error).removeprefix(f"{path}: "), {str(path): "the file"})


def _ct_facts(path: Path) -> tuple[Row, Grid]:
    ct = read_volume(path)
    return {**intensity_facts(ct.array), "oblique_deg": oblique_deg(ct.grid)}, ct.grid


def intensity_facts(array: Shaped[np.ndarray, "x y z"]) -> Row:
    """Hash and count the values of a CT, plane by plane.

    The hash is of whole HU within the range of CT in RAS+ order, and of the shape: the same image has it
    again in another file order, type, compression or padding. Voxels that are not finite count as air.
    """
    digest = hashlib.sha256(" ".join(map(str, array.shape)).encode())
    counts = np.zeros(HIGHEST_HU - LOWEST_HU + 1, dtype=np.int64)
    low, high, not_finite = math.inf, -math.inf, 0
    for z in range(array.shape[2]):
        plane = array[:, :, z].astype(np.float64)
        finite = np.isfinite(plane)
        not_finite += plane.size - int(np.count_nonzero(finite))
        plane[~finite] = AIR_HU
        low, high = min(low, float(plane.min())), max(high, float(plane.max()))
        whole = np.rint(plane).clip(LOWEST_HU, HIGHEST_HU).astype(np.int32)
        counts += np.bincount((whole - LOWEST_HU).reshape(-1), minlength=counts.size)
        digest.update(whole.clip(*IMAGE_HU).astype("<i2").tobytes())
    return {
        "image": digest.hexdigest(),
        "hu_min": round(low, 3),
        "hu_median": _quantile(counts, 0.5),
        "hu_high": _quantile(counts, HIGH_SHARE),
        "hu_max": round(high, 3),
        "values": int(np.count_nonzero(counts)),
        "not_finite": not_finite,
    }


def _quantile(counts: Int[np.ndarray, " n"], share: float) -> int:
    """Lowest whole HU that at least this share of the voxels does not exceed."""
    return LOWEST_HU + int(np.searchsorted(counts.cumsum(), math.ceil(share * int(counts.sum()))))


def oblique_deg(grid: Grid) -> float:
    """Return the largest angle between an axis of the volume and the patient's axis that it stands for."""
    cosines = np.abs(np.diag(grid.affine[:3, :3])) / np.asarray(grid.spacing_mm)
    return round(float(np.degrees(np.arccos(np.clip(cosines.min(), 0, 1)))), 2)


def mask_facts(mask: Bool[np.ndarray, "x y z"], spacing_mm: Spacing) -> Row:
    """Measure volume, center and longest edge of a mask; an empty one has a volume of 0 and nothing else."""
    box = bounding_box(mask)
    if box is None:
        return {"volume_ml": 0.0}
    inside = mask[tuple(slice(low, high) for low, high in zip(*box, strict=True))]
    voxels = np.count_nonzero(inside)
    centers = [
        float((inside.sum(axis=(1 - axis, 2)) * (np.arange(n) + start)).sum() / voxels * spacing_mm[axis])
        for axis, (n, start) in enumerate(zip(inside.shape[:2], box[0][:2], strict=True))
    ]
    return {
        "volume_ml": round(voxels * math.prod(spacing_mm) / 1000, 3),
        "center_x_mm": round(centers[0], 2),
        "center_y_mm": round(centers[1], 2),
        "extent_mm": round(max(n * edge for n, edge in zip(inside.shape, spacing_mm, strict=True)), 2),
    }


def inside_share(
    tumor: Bool[np.ndarray, "x y z"],
    organ: Bool[np.ndarray, "x y z"],
    spacing_mm: Spacing,
    margin_mm: float = MARGIN_MM,
) -> float | None:
    """Return the share of a tumor's voxels within the organ grown by a margin; None for an empty tumor."""
    box = bounding_box(tumor)
    if box is None:
        return None
    reach = reach_voxels(spacing_mm, margin_mm)
    around = tuple(
        slice(max(low - r, 0), high + r) for low, high, r in zip(box[0], box[1], reach, strict=True)
    )
    part = organ[around]
    grown = dilated(part, spacing_mm, margin_mm)
    kept = grown[tuple(slice(r, r + n) for r, n in zip(reach, part.shape, strict=True))]
    return round(float(np.count_nonzero(kept & tumor[around]) / np.count_nonzero(tumor)), 4)
