"""Tumors and their sizes in every cohort, from masks where there are any and from reports."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool
from scipy.ndimage import label

from rsuper.data.mask_sources import case_masks
from rsuper.data.masks import MaskReader
from rsuper.data.volumes import Spacing, read_grid
from rsuper.metrics.strata import longest_axial_diameter_mm
from rsuper.progress import tracked
from rsuper.publish.figures.tables import SIZES
from rsuper.reports.findings import ReportFindings
from rsuper.reports.supervision import case_truth, largest_diameter_mm

YES, NO, UNKNOWN = "yes", "no", "unknown"


def sizes_frame(
    cohort: pd.DataFrame, findings: Mapping[str, ReportFindings], targets: Sequence[str]
) -> pd.DataFrame:
    """List per case and target whether there is a tumor, how many, and the largest diameters.

    A mask decides where there is one, else the report; where neither tells, the tumor is `unknown`. A target
    whose organ is not in the field of view has no row, nor has a case that cannot be used. Only tumor masks
    are read, no CT.

    Args:
        cohort: columns of COHORT.
        findings: what the reports say, by case id.
        targets: tumor types of the experiment.

    Raises:
        DataError: a mask is damaged or on another grid than its CT.
    """
    usable = cohort[cohort["reason"] == ""]
    rows = [
        row
        for _, case in tracked(usable.iterrows(), "sizes", len(usable))
        for row in _rows(case, findings.get(case["case_id"]), targets)
    ]
    return pd.DataFrame(rows, columns=list(SIZES.columns))


def _rows(
    case: pd.Series, findings: ReportFindings | None, targets: Sequence[str]
) -> Iterator[dict[str, object]]:
    for target in targets:
        if not any(name.startswith(target) for name in case["organs"].split()):
            continue
        start = {"case_id": case["case_id"], "target": target}
        reported_mm = largest_diameter_mm(findings, target)
        known = {"report_diameter_mm": math.nan if reported_mm is None else reported_mm}
        if target in case["annotated"].split():
            grid = read_grid(Path(case["ct"]))
            mask = MaskReader(case_masks(case), grid).tumor(target)
            yield start | known | by_mask(mask, grid.spacing_mm)
        else:
            yield start | known | by_report(findings, target)


def by_mask(mask: Bool[np.ndarray, "x y z"], spacing_mm: Spacing) -> dict[str, object]:
    """Count and measure the tumors of a mask; a tumor is a 26-connected component."""
    diameter_mm = longest_axial_diameter_mm(mask, spacing_mm)
    return {
        "tumor": NO if diameter_mm is None else YES,
        "source": "mask",
        "n_tumors": 0 if diameter_mm is None else label(mask, structure=np.ones((3, 3, 3)))[1],
        "mask_diameter_mm": math.nan if diameter_mm is None else diameter_mm,
    }


def by_report(findings: ReportFindings | None, target: str) -> dict[str, object]:
    """Count the tumors that a report is sure of; "multiple" without a number counts as two, the least."""
    presence = case_truth(findings, target)
    certain = [item for item in findings.of(target) if item.certain] if findings else []
    return {
        "tumor": {True: YES, False: NO, None: UNKNOWN}[presence],
        "source": "" if presence is None else "report",
        "n_tumors": math.nan if presence is None else sum(item.count or 2 for item in certain),
        "mask_diameter_mm": math.nan,
    }
