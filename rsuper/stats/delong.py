"""Variance of the AUC, and the test of two AUCs on the same cases, after DeLong et al. (1988).

The AUC is a mean over positives of their placements (the share of negatives below, ties one half) and equally
a mean over negatives. The spread of the placements gives its variance. Mid-ranks give all placements in
O(n log n).
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Shaped
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from rsuper.stats.interval import Interval, check_level
from rsuper.stats.samples import as_labels, as_values


@dataclass(frozen=True)
class DelongResult:
    """Outcome of a test of two AUCs; `difference` is a minus b, `p_value` is two-sided.

    `degenerate` marks a difference of variance zero, where z has no distribution.
    """

    auc_a: float
    auc_b: float
    difference: float
    standard_error: float
    z: float
    p_value: float
    degenerate: bool


def delong_test(
    labels: Shaped[np.ndarray, " n"], scores_a: Shaped[np.ndarray, "..."], scores_b: Shaped[np.ndarray, "..."]
) -> DelongResult:
    """Test whether two scores on the same cases have the same AUC.

    The difference has variance zero if all positives agree on it and all negatives do. It is then degenerate:
    with equal AUCs (identical scores, or two perfect ones) z is 0 and p is 1. With different AUCs (one
    score perfect, the other constant) z is NaN and p is that of a sign-flip test. Exchangeable methods give
    each positive's gap, and each negative's, either sign with probability one half; all gaps of a class are
    alike, so only 2 of its 2^n patterns of signs are as extreme. p is the larger one of both classes,
    2^(1 - min(P, N)).

    Raises:
        ValueError: a label is not 0 or 1, a score is not finite, or a class has fewer than two cases.
    """
    positive = as_labels(labels, positives=2, negatives=2)
    a = _placements(positive, as_values("scores_a", scores_a, positive.size))
    b = _placements(positive, as_values("scores_b", scores_b, positive.size))
    auc_a, auc_b = _auc(a), _auc(b)
    gaps = (a[0] - b[0], a[1] - b[1])
    if _is_constant(gaps):
        different = bool(gaps[0][0] != 0)
        p_value = min(1.0, 2.0 ** (1 - min(gaps[0].size, gaps[1].size))) if different else 1.0
        z = math.nan if different else 0.0
        return DelongResult(auc_a, auc_b, auc_a - auc_b, 0.0, z, p_value, degenerate=True)
    error = _standard_error(gaps)
    z = (auc_a - auc_b) / error
    return DelongResult(auc_a, auc_b, auc_a - auc_b, error, z, float(2 * ndtr(-abs(z))), degenerate=False)


def auc_interval(
    labels: Shaped[np.ndarray, " n"], scores: Shaped[np.ndarray, "..."], level: float = 0.95
) -> Interval:
    """Bound an AUC by its DeLong standard error, cut to [0, 1] (kind `delong`).

    An AUC of 1 or 0 has standard error zero. Its bound (kind `clopper_pearson`) is the exact binomial one
    of min(P, N) disjoint pairs of a positive and a negative, all ordered alike: valid, if wide.
    A constant score has AUC 0.5 by definition: the interval is that point (kind `degenerate`).

    Raises:
        ValueError: a label is not 0 or 1, a score is not finite, a class has fewer than two cases, or the
            level is not between 0 and 1.
    """
    check_level(level)
    positive = as_labels(labels, positives=2, negatives=2)
    counts = _placements(positive, as_values("scores", scores, positive.size))
    value = _auc(counts)
    if _is_constant(counts):
        bound = ((1 - level) / 2) ** (1 / min(counts[0].size, counts[1].size))
        if value == 1:
            return Interval(value, bound, 1.0, "clopper_pearson")
        if value == 0:
            return Interval(value, 0.0, 1 - bound, "clopper_pearson")
        return Interval(value, value, value, "degenerate")
    reach = float(ndtri((1 + level) / 2)) * _standard_error(counts)
    return Interval(value, max(0.0, value - reach), min(1.0, value + reach), "delong")


Placements = tuple[Float[np.ndarray, " p"], Float[np.ndarray, " q"]]


def _placements(positive: Bool[np.ndarray, " n"], scores: Float[np.ndarray, " n"]) -> Placements:
    """Count the negatives below each positive and the positives above each negative, ties one half.

    Multiples of one half are exact in floating point, so that a spread of zero is recognized exactly.
    """
    ranks = rankdata(scores)
    below = ranks[positive] - rankdata(scores[positive])
    above = positive.sum() - (ranks[~positive] - rankdata(scores[~positive]))
    return below, above


def _auc(counts: Placements) -> float:
    return float(counts[0].sum()) / (counts[0].size * counts[1].size)


def _is_constant(counts: Placements) -> bool:
    return bool(np.ptp(counts[0]) == 0 and np.ptp(counts[1]) == 0)


def _standard_error(counts: Placements) -> float:
    positives, negatives = counts[0].size, counts[1].size
    over_positives = float(np.var(counts[0] / negatives, ddof=1)) / positives
    over_negatives = float(np.var(counts[1] / positives, ddof=1)) / negatives
    return math.sqrt(over_positives + over_negatives)
