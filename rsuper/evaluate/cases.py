"""From one case's arrays to its rows of the table of cases."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from rsuper.config.experiment import Target
from rsuper.metrics import detection, overlap, strata, surface
from rsuper.metrics.boxes import Box, bounding_box, memory_order, union_window
from rsuper.metrics.lesions import lesion_counts
from rsuper.schemas import CASES

Row = dict[str, object]
# Columns beside the NSDs that need a truth mask and a prediction.
_MASK_COLUMNS = ("dsc", "tumors_found", "false_positives")
Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class TargetInput:
    """What is known about one target of a case; all arrays lie on the CT's own grid.

    Attributes:
        probability: predicted tumor probability, or None where the prediction failed.
        organ: organ mask from the same imperfect source as in training, or None where that source failed.
        truth: tumor mask, all false for an annotated tumor-free case; None where nobody annotated the case.
        reported_presence: whether the report states the tumor; None where it does not tell.
        reported_diameter_mm: largest diameter in the report; None where it gives no size.
        reason: why the prediction or the organ mask is missing.
    """

    probability: Float[np.ndarray, "x y z"] | None
    organ: Bool[np.ndarray, "u v w"] | None
    truth: Bool[np.ndarray, "r s t"] | None = None
    reported_presence: bool | None = None
    reported_diameter_mm: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class CaseInput:
    """One case of a test set. `targets` holds those whose organ is in the field of view, and no others."""

    case_id: str
    patient_id: str
    test_set: str
    spacing_mm: Spacing
    targets: Mapping[Target, TargetInput]


def nsd_columns(tolerances_mm: Sequence[float]) -> dict[tuple[surface.Boundary, float], str]:
    """Name the NSD columns, one per boundary element and tolerance."""
    return {
        (boundary, tolerance_mm): f"nsd_{boundary}_{tolerance_mm:g}mm"
        for boundary in surface.BOUNDARIES
        for tolerance_mm in tolerances_mm
    }


def score_case(
    case: CaseInput, *, tolerances_mm: Sequence[float], size_source: str = "report"
) -> dict[str, Row]:
    """Score every target of a case.

    A mask decides the truth where there is one, else the report does; a target of which neither tells has no
    truth to be scored against and gets no row. Whatever cannot be scored (no prediction, grids that differ,
    probabilities outside [0, 1], an empty organ mask) is a row with a reason and NaN for scores, never left
    out. DSC and NSD follow the convention `all_cases`; like the numbers of tumors found and of false pieces
    (`metrics.lesions`, mask at the threshold of `metrics.overlap`) they are NaN without a truth mask.

    Args:
        case: arrays and report of the case.
        tolerances_mm: tolerances of the NSD columns.
        size_source: `report` or `mask`; which diameter decides the stratum where both are known. The other
            one serves where the first is missing; `diameter_source` says which it was.

    Returns:
        Row per target, with the columns of CASES and one per NSD.

    Raises:
        ValueError: `size_source` has no such name.
    """
    if size_source not in ("report", "mask"):
        raise ValueError(f"size_source must be 'report' or 'mask', got {size_source!r}")
    rows: dict[str, Row] = {}
    for target, item in case.targets.items():
        truth_box = None if item.truth is None else bounding_box(item.truth)
        truth = item.reported_presence if item.truth is None else truth_box is not None
        if truth is not None:
            start = {"case_id": case.case_id, "patient_id": case.patient_id, "test_set": case.test_set}
            cut = None if item.truth is None else item.truth[union_window([truth_box])]
            known = _known(replace(item, truth=cut), truth, case.spacing_mm, size_source)
            scores = _scores(item, truth_box, case.spacing_mm, tolerances_mm)
            rows[target] = start | {"target": target} | known | scores
    return rows


def cases_frame(rows: Iterable[Mapping[str, object]], tolerances_mm: Sequence[float]) -> pd.DataFrame:
    """Collect rows of `score_case` as the table of cases; no rows give an empty frame with all columns."""
    return pd.DataFrame(list(rows), columns=[*CASES.columns, *nsd_columns(tolerances_mm).values()])


def _known(item: TargetInput, truth: bool, spacing_mm: Spacing, size_source: str) -> Row:
    """Columns that do not depend on the prediction, from a truth cut to its box; failures have them too."""
    diameter_mm, source = _diameter(item, spacing_mm, size_source) if truth else (None, "")
    voxels = math.nan if item.truth is None else float(np.count_nonzero(item.truth))
    return {
        "truth": truth,
        "truth_source": "report" if item.truth is None else "mask",
        "largest_diameter_mm": math.nan if diameter_mm is None else diameter_mm,
        "diameter_source": source,
        "stratum": strata.stratum(diameter_mm) if truth else "",
        "truth_volume_mm3": voxels * math.prod(spacing_mm),
        "tumors": _tumors(item.truth, spacing_mm),
    }


def _tumors(truth: Bool[np.ndarray, "x y z"] | None, spacing_mm: Spacing) -> float:
    """Count the true tumors; NaN where nobody annotated them."""
    if truth is None:
        return math.nan
    return float(lesion_counts(truth, np.zeros_like(truth), spacing_mm).tumors)


def _diameter(item: TargetInput, spacing_mm: Spacing, size_source: str) -> tuple[float | None, str]:
    for source in (size_source, "mask" if size_source == "report" else "report"):
        if source == "report":
            diameter_mm = item.reported_diameter_mm
        else:
            diameter_mm = (
                None if item.truth is None else strata.longest_axial_diameter_mm(item.truth, spacing_mm)
            )
        if diameter_mm is not None and not math.isnan(diameter_mm):
            return diameter_mm, source
    return None, ""


def _scores(
    item: TargetInput, truth_box: Box | None, spacing_mm: Spacing, tolerances_mm: Sequence[float]
) -> Row:
    """Columns that depend on the prediction; NaN and a reason where there is none to be used."""
    names = nsd_columns(tolerances_mm)
    reason = _trouble(item)
    if reason or item.probability is None or item.organ is None:
        scored = [f"score_{name}" for name in detection.CASE_SCORES]
        return dict.fromkeys([*scored, "predicted_volume_mm3", *_MASK_COLUMNS, *names.values()], math.nan) | {
            "reason": reason
        }
    # All masks are cut to the box around truth and prediction: a CT is hundreds of times as large.
    window = union_window([truth_box, _box_above(item.probability, overlap.MASK_THRESHOLD)])
    predicted = item.probability[window] >= overlap.MASK_THRESHOLD
    scores = detection.case_scores(item.probability, item.organ, spacing_mm)
    return (
        {f"score_{name}": value for name, value in scores.items()}
        | {"predicted_volume_mm3": int(np.count_nonzero(predicted)) * math.prod(spacing_mm)}
        | _mask_metrics(None if item.truth is None else item.truth[window], predicted, spacing_mm, names)
        | {"reason": ""}
    )


def _box_above(probability: Float[np.ndarray, "x y z"], threshold: float) -> Box | None:
    """Find the box around the voxels at or above a threshold; no mask as large as the map is made."""
    slowest = memory_order(probability)[0]
    ordered = np.moveaxis(probability, slowest, 0)
    planes = np.flatnonzero([plane.max(initial=0.0) >= threshold for plane in ordered])
    if planes.size == 0:
        return None
    low, high = int(planes[0]), int(planes[-1]) + 1
    box = bounding_box(np.moveaxis(ordered[low:high] >= threshold, 0, slowest))
    assert box is not None
    box[slowest] = (low, high)
    return box


def _trouble(item: TargetInput) -> str:
    """Say why a target cannot be scored; "" where it can."""
    if item.probability is None:
        return item.reason or "no prediction"
    if item.organ is None:
        return item.reason or "no organ mask"
    for name, mask in (("organ mask", item.organ), ("truth mask", item.truth)):
        if mask is not None and mask.shape != item.probability.shape:
            return f"{name} has shape {mask.shape}, the prediction {item.probability.shape}"
    if not item.organ.any():
        return "the organ mask is empty"
    lowest, highest = float(item.probability.min()), float(item.probability.max())
    if not (lowest >= 0 and highest <= 1):  # written so that NaN fails as well
        return f"probabilities lie outside [0, 1]: {lowest:g} to {highest:g}"
    return ""


def _mask_metrics(
    truth: Bool[np.ndarray, "x y z"] | None,
    predicted: Bool[np.ndarray, "x y z"],
    spacing_mm: Spacing,
    names: Mapping[tuple[surface.Boundary, float], str],
) -> Row:
    if truth is None:
        return dict.fromkeys([*_MASK_COLUMNS, *names.values()], math.nan)
    # Twice the largest tolerance: far enough to tell "within" from "beyond", and much cheaper than no cap.
    cap_mm = 2 * max(tolerance_mm for _, tolerance_mm in names) + surface.ROUNDING_MM
    distances = {
        boundary: surface.surface_distances(truth, predicted, spacing_mm, boundary=boundary, cap_mm=cap_mm)
        for boundary in surface.BOUNDARIES
    }
    lesions = lesion_counts(truth, predicted, spacing_mm)
    values: Row = {
        "dsc": overlap.dsc(truth, predicted),
        "tumors_found": lesions.found,
        "false_positives": lesions.false_positives,
    }
    return values | {
        name: surface.nsd_from_distances(distances[boundary], tolerance_mm)
        for (boundary, tolerance_mm), name in names.items()
    }
