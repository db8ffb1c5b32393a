"""From a probability map to one score per case, and from scores to AUC, thresholds and counts.

A case is called positive where its score is strictly above the threshold.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from rsuper.metrics.boxes import Window, islands, memory_order, union_window
from rsuper.metrics.dilation import dilated, reach_voxels
from rsuper.metrics.overlap import MASK_THRESHOLD, check_same_grid

CASE_SCORES = ("top_volume_mean", "max_probability", "volume_above")
# The paper does not define its case score. Ours fills the volume of a ball of 10 mm, the smallest tumors
# reported, near the organ: test-time organ masks are imperfect, hence the margin.
SCORE_BALL_DIAMETER_MM = 10.0
SCORE_VOLUME_MM3 = math.pi / 6 * SCORE_BALL_DIAMETER_MM**3
ORGAN_MARGIN_MM = 10.0

ThresholdRule = Literal["oracle_test", "validation"]
THRESHOLD_RULES: tuple[ThresholdRule, ...] = get_args(ThresholdRule)


def search_region(
    organ: Bool[np.ndarray, "x y z"],
    spacing_mm: tuple[float, float, float],
    margin_mm: float = ORGAN_MARGIN_MM,
) -> Bool[np.ndarray, "x y z"]:
    """Mark the voxels whose center is within a Euclidean distance of the nearest organ voxel's center.

    Raises:
        ValueError: the organ mask is empty, or a spacing is not positive.
    """
    window, near = search_window(organ, spacing_mm, margin_mm)
    region = np.zeros_like(organ)
    region[window] = near
    return region


def search_window(
    organ: Bool[np.ndarray, "x y z"],
    spacing_mm: tuple[float, float, float],
    margin_mm: float = ORGAN_MARGIN_MM,
) -> tuple[Window, Bool[np.ndarray, "u v w"]]:
    """Find the window of a `search_region`, and what it marks there; it marks nothing else.

    Raises:
        ValueError: the organ mask is empty, or a spacing is not positive.
    """
    if not all(math.isfinite(s) and s > 0 for s in spacing_mm):
        raise ValueError(f"spacing_mm must be three positive numbers, got {spacing_mm}")
    order = memory_order(organ)
    own_mm = (spacing_mm[order[0]], spacing_mm[order[1]], spacing_mm[order[2]])
    reach = reach_voxels(own_mm, margin_mm)
    stored = organ.transpose(order)
    # Far pieces (two kidneys, a stray voxel) one by one: their surroundings do not meet.
    boxes = islands(stored, gaps=(2 * reach[0] + 1, 2 * reach[1] + 1, 2 * reach[2] + 1))
    if not boxes:
        raise ValueError("organ must hold at least one voxel, got an empty mask")
    # Room for the margin even where the volume ends before it.
    around = union_window([[(a, b + 2 * r) for (a, b), r in zip(box, reach, strict=True)] for box in boxes])
    near = np.zeros([axis.stop - axis.start for axis in around], dtype=bool)
    for box in boxes:
        grown = dilated(np.ascontiguousarray(stored[union_window([box])]), own_mm, margin_mm)
        low = [a - axis.start for (a, _), axis in zip(box, around, strict=True)]
        near[tuple(slice(a, a + n) for a, n in zip(low, grown.shape, strict=True))] |= grown
    window = [
        slice(max(axis.start - r, 0), min(axis.stop - r, n))
        for axis, r, n in zip(around, reach, stored.shape, strict=True)
    ]
    inside = near[
        tuple(
            slice(cut.start + r - axis.start, cut.stop + r - axis.start)
            for cut, r, axis in zip(window, reach, around, strict=True)
        )
    ]
    x, y, z = np.argsort(order)
    return (window[x], window[y], window[z]), inside.transpose(x, y, z)


def case_scores(
    probability: Float[np.ndarray, "x y z"],
    organ: Bool[np.ndarray, "..."],
    spacing_mm: tuple[float, float, float],
) -> dict[str, float]:
    """Score the presence of a tumor in and around an organ, under each name of `CASE_SCORES`.

    `top_volume_mean` is the mean of the highest probabilities that together fill the volume of a ball of
    10 mm (to the nearest voxel, one at least; the whole region if it is smaller), `max_probability` the
    highest one, `volume_above` the volume in mm3 at a probability of at least 0.5.

    Args:
        probability: tumor probability in [0, 1] on the CT's grid.
        organ: organ mask as available at test time, on the same grid.
        spacing_mm: voxel size along x, y, z.

    Raises:
        ValueError: the grids differ, the organ mask is empty, or a probability is outside [0, 1].
    """
    check_same_grid(organ, probability)
    window, near = search_window(organ, spacing_mm)
    # Picked in memory order: against it, a full-size CT takes a hundred times as long.
    order = memory_order(probability)
    picked = probability[window].transpose(order)[near.transpose(order)]
    return region_scores(picked, math.prod(spacing_mm))


def region_scores(probabilities: Float[np.ndarray, " n"], voxel_volume_mm3: float) -> dict[str, float]:
    """Score the voxels of a search region; see `case_scores`. Runs that share a case share its region.

    Raises:
        ValueError: the region is empty, or a probability is outside [0, 1].
    """
    if probabilities.size == 0:
        raise ValueError("probabilities must hold at least one voxel, got none")
    # Written so that NaN fails as well.
    low, high = float(probabilities.min()), float(probabilities.max())
    if not (low >= 0 and high <= 1):
        raise ValueError(f"probabilities must lie in [0, 1], got {low} to {high}")
    count = min(max(1, round(SCORE_VOLUME_MM3 / voxel_volume_mm3)), probabilities.size)
    # Most are zero, and a partition of equal numbers takes ten times as long. The order of the top does not
    # matter: stored maps hold multiples of 2**-39, whose sums are exact in float64.
    held = probabilities[probabilities > 0]
    chosen = held if held.size >= count else probabilities
    top = np.partition(chosen, chosen.size - count)[-count:]
    return {
        "top_volume_mean": float(top.mean(dtype=np.float64)),
        "max_probability": float(top.max()),
        "volume_above": int(np.count_nonzero(probabilities >= MASK_THRESHOLD)) * voxel_volume_mm3,
    }


@dataclass(frozen=True)
class Confusion:
    """Counts of calls against truth. A rate whose denominator is zero is NaN."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN)."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def sensitivity(self) -> float:
        """Share of positives called positive."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float:
        """Share of negatives called negative."""
        return _ratio(self.tn, self.tn + self.fp)


@dataclass(frozen=True)
class RocCurve:
    """ROC points from (0, 0) to (1, 1), one per threshold, thresholds falling from inf to -inf."""

    false_positive_rate: Float[np.ndarray, " k"]
    sensitivity: Float[np.ndarray, " k"]
    thresholds: Float[np.ndarray, " k"]


def auc(labels: Shaped[np.ndarray, " n"], scores: Shaped[np.ndarray, "..."]) -> float:
    """Compute the area under the ROC curve; a tie between a positive and a negative counts one half.

    Raises:
        ValueError: a label is not 0 or 1, a class is missing, or a score is not finite.
    """
    from scipy.stats import rankdata  # half a second that jobs which only score cases need not pay

    positive, values = _checked(labels, scores)
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    rank_sum = float(rankdata(values)[positive].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def roc_curve(labels: Shaped[np.ndarray, " n"], scores: Shaped[np.ndarray, "..."]) -> RocCurve:
    """Trace sensitivity against false positive rate over all thresholds that change a call.

    Raises:
        ValueError: a label is not 0 or 1, a class is missing, or a score is not finite.
    """
    positive, values = _checked(labels, scores)
    thresholds, tp, fp = _operating_points(positive, values)
    return RocCurve(
        false_positive_rate=np.concatenate([[0.0], fp[::-1] / (~positive).sum()]),
        sensitivity=np.concatenate([[0.0], tp[::-1] / positive.sum()]),
        thresholds=np.concatenate([[np.inf], thresholds[::-1]]),
    )


def best_f1_threshold(labels: Shaped[np.ndarray, " n"], scores: Shaped[np.ndarray, "..."]) -> float:
    """Find the threshold with the highest F1 among -inf and the middles between neighboring distinct scores.

    Of several thresholds with that F1 the highest is taken, which has the highest specificity. A constant
    score leaves -inf alone: every case is called positive.

    Raises:
        ValueError: a label is not 0 or 1, a class is missing, or a score is not finite.

    Source: §3; the paper does not say among which thresholds, nor how ties are broken.
    """
    positive, values = _checked(labels, scores)
    thresholds, tp, fp = _operating_points(positive, values)
    # Equal fractions of integers give equal floats, so ties are exact.
    f1 = 2 * tp / (positive.sum() + tp + fp)
    return float(thresholds[np.flatnonzero(f1 == f1.max())[-1]])


def choose_threshold(
    rule: ThresholdRule,
    labels: Shaped[np.ndarray, " n"],
    scores: Shaped[np.ndarray, "..."],
    validation_labels: Shaped[np.ndarray, " m"],
    validation_scores: Shaped[np.ndarray, "..."],
) -> float:
    """Choose the threshold of highest F1 on the cases that a rule names; the other cases are not looked at.

    Args:
        rule: `oracle_test` (the test cases, as the paper reads) or `validation`.
        labels: truth of the test cases.
        scores: scores of the test cases.
        validation_labels: truth of the validation cases.
        validation_scores: scores of the validation cases.

    Raises:
        ValueError: no such rule, or the cases it names cannot be used (see `best_f1_threshold`).
    """
    if rule == "oracle_test":
        return best_f1_threshold(labels, scores)
    if rule == "validation":
        return best_f1_threshold(validation_labels, validation_scores)
    raise ValueError(f"rule must be one of {THRESHOLD_RULES}, got {rule!r}")


def confusion_at(
    labels: Shaped[np.ndarray, " n"], scores: Shaped[np.ndarray, "..."], threshold: float
) -> Confusion:
    """Count calls against truth, positive being a score strictly above the threshold.

    One class alone is legal here, as in a stratum.

    Raises:
        ValueError: a label is not 0 or 1, a score is not finite, or the threshold is NaN.
    """
    positive, values = _checked(labels, scores, both_classes=False)
    if math.isnan(threshold):
        raise ValueError("threshold must be a number or infinite, got nan")
    called = values > threshold
    tp, fp = int((called & positive).sum()), int((called & ~positive).sum())
    n_positive = int(positive.sum())
    return Confusion(tp=tp, fp=fp, fn=n_positive - tp, tn=positive.size - n_positive - fp)


def f1_all_positive(positives: int, negatives: int) -> float:
    """Compute the F1 of calling every case positive, 2P / (2P + N); NaN without any case."""
    return Confusion(tp=positives, fp=negatives, fn=0, tn=0).f1


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _checked(
    labels: Shaped[np.ndarray, " n"], scores: Shaped[np.ndarray, "..."], *, both_classes: bool = True
) -> tuple[Bool[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    if labels.shape != scores.shape:
        raise ValueError(f"labels and scores must be of one length, got {labels.shape} and {scores.shape}")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"labels must be 0 or 1, got {np.unique(labels)}")
    positive, values = labels.astype(bool), scores.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"scores must be finite, got {int((~np.isfinite(values)).sum())} that are not")
    if both_classes and (positive.all() or not positive.any()):
        raise ValueError(f"labels must hold both classes, got {positive.sum()} positives of {positive.size}")
    return positive, values


def _operating_points(
    positive: Bool[np.ndarray, " n"], values: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " k"], Int[np.ndarray, " k"], Int[np.ndarray, " k"]]:
    """List the thresholds from -inf upward, with the true and false positives above each."""
    distinct, level = np.unique(values, return_inverse=True)
    middles = distinct[:-1] + (distinct[1:] - distinct[:-1]) / 2
    # Between adjacent floats the middle rounds up to the higher score, which would then not be above it.
    middles = np.where(middles < distinct[1:], middles, distinct[:-1])
    above = [
        np.bincount(level[chosen], minlength=distinct.size)[::-1].cumsum()[::-1]
        for chosen in (positive, ~positive)
    ]
    return np.concatenate([[-np.inf], middles]), above[0], above[1]
