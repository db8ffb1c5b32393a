"""Which cases the overlays show, by a rule that flatters nobody, and which slice of them."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from rsuper.config.experiment import Experiment
from rsuper.evaluate.calls import VALIDATION, scored_groups
from rsuper.metrics.overlap import MASK_THRESHOLD
from rsuper.publish.figures.shown_runs import Run

MEDIAN, WORST, TUMOR_FREE = "median", "worst", "tumor-free"
VIEW_MM = 120.0
_AROUND = 1.6  # side of a view at least, as a multiple of the tumor in it


@dataclass(frozen=True)
class Choice:
    """One case that is shown for a target, the same for every method."""

    target: str
    kind: str
    case_id: str
    test_set: str


def choose_cases(cases: pd.DataFrame, chooser: Run | None, experiment: Experiment) -> list[Choice]:
    """Choose up to three cases per target over all test sets from the results of one run.

    `median` and `worst` are about Dice among the cases with a tumor mask: the lower median; the lowest, of
    equals the largest tumor. A failed case has Dice 0. `tumor-free` is the case with the highest case score
    among those without such a tumor: the false positive that is hardest to explain. Of equals the first by
    name is taken. A case that is both median and worst stands there once, as median; what has no candidate
    is absent.

    Args:
        cases: columns of CASES with budget, method and seed.
        chooser: the run; see `choosing_run`. None chooses nothing.
        experiment: orders the targets and names the case score.
    """
    scored = scored_by(chooser, cases, experiment)
    return [
        choice
        for target in experiment.targets
        for choice in _of_target(scored[scored["target"] == target], target)
    ]


def scored_by(run: Run | None, cases: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """Return what cases are chosen by: one row per test case and target of a run; none without a run.

    Returns:
        case_id, test_set, target, truth (has such a tumor), truth_volume_mm3, dsc (0 where the case failed),
        score.
    """
    own = cases[cases["test_set"] != VALIDATION]
    for name, value in zip(("budget", "method", "seed"), run or ("", "", -1), strict=True):
        own = own[own[name] == value]
    parts = [
        group.frame[["case_id", "test_set", "target", "truth_volume_mm3"]].assign(
            truth=group.labels, dsc=group.mask_metric("dsc"), score=group.scores
        )
        for group in scored_groups(own, experiment.evaluation.score)
    ]
    columns = ["case_id", "test_set", "target", "truth_volume_mm3", "truth", "dsc", "score"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _of_target(scored: pd.DataFrame, target: str) -> list[Choice]:
    tumors, free = worst_first(scored)
    middle = (len(tumors) - 1) // 2
    found = [
        (MEDIAN, tumors.iloc[middle : middle + 1] if len(tumors) else tumors),
        (WORST, tumors.iloc[: min(middle, 1)] if len(tumors) else tumors),
        (TUMOR_FREE, free.iloc[:1]),
    ]
    return [
        Choice(target, kind, str(row["case_id"]), str(row["test_set"]))
        for kind, rows in found
        for _, row in rows.iterrows()
    ]


def worst_first(scored: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sort tumor cases with a mask by Dice, of equals the largest tumor first, and the others by score.

    Args:
        scored: rows of `scored_by` for one target.
    """
    truth = scored["truth"].astype(bool)
    tumors = scored[truth & scored["dsc"].notna()]
    return (
        tumors.sort_values(["dsc", "truth_volume_mm3", "case_id"], ascending=[True, False, True]),
        scored[~truth].sort_values(["score", "case_id"], ascending=[False, True]),
    )


@dataclass(frozen=True)
class View:
    """An axial slice, the middle of the view in it (voxels, RAS+) and the side of the view."""

    z: int
    x: float
    y: float
    side_mm: float


def best_view(
    truth: Bool[np.ndarray, "x y z"] | None,
    probability: Float[np.ndarray, "x y z"] | None,
    organ: Bool[np.ndarray, "x y z"] | None,
    spacing_mm: tuple[float, float, float],
) -> View:
    """Choose the axial slice to show, and the view in it.

    The slice has the largest cross-section of the first of these that is there: the true tumor, the
    prediction of the choosing run at 0.5, the voxels of its highest probability, the organ. Of equal slices
    the lowest is taken. The middle is the cross-section's center of mass; the side is `VIEW_MM`, and more
    around a large tumor.

    Raises:
        ValueError: none of the three is given with a voxel in it.
    """
    masks = [truth]
    if probability is not None:
        masks += [probability >= MASK_THRESHOLD, (probability == probability.max()) & (probability > 0)]
    for mask in [*masks, organ]:
        if mask is not None and mask.any():
            z = int(mask.sum(axis=(0, 1)).argmax())
            indices = np.nonzero(mask[:, :, z])
            x, y = (float(index.mean()) for index in indices)
            longest_mm = 0.0
            if mask is truth:
                sides = [(np.ptp(i) + 1) * step for i, step in zip(indices, spacing_mm[:2], strict=True)]
                longest_mm = float(max(sides))
            return View(z, x, y, max(VIEW_MM, _AROUND * longest_mm))
    raise ValueError("a view needs a tumor mask, a prediction or an organ mask with a voxel in it, got none")


def circle_radius_mm(diameter_mm: float, distance_mm: float) -> float:
    """Return the radius of the circle in which a slice cuts a ball; 0 where it passes the ball by."""
    return math.sqrt(max(0.0, (diameter_mm / 2) ** 2 - distance_mm**2))
