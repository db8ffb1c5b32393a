"""Variance of the AUC, and the test of two AUCs on the same cases, after DeLong et al. (1988).

The AUC is a mean over positives of their placements (the share of negatives below, ties one half) and equally
a mean over negatives. The spread of the placements gives its variance. Mid-ranks give all placements in
O(n log n). The mean AUC of several training seeds is such a mean as well, of the seeds' mean placements.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Shaped
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from rsuper.stats.interval import Interval, check_level
from rsuper.stats.samples import as_labels, as_rows, as_values


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

    With several seeds the AUCs are means over them. The test then asks about these trained networks on other
    cases; that other seeds would give other networks is not in its standard error.

    Args:
        labels: truth per case.
        scores_a: scores of method a, or one row of scores per training seed.
        scores_b: scores of method b, of as many seeds.

    Raises:
        ValueError: a label is not 0 or 1, a score is not finite, a class has fewer than two cases, or the
            numbers of seeds differ.
    """
    positive = as_labels(labels, positives=2, negatives=2)
    a = _placements(positive, as_rows("scores_a", scores_a, positive.size))
    b = _placements(positive, as_rows("scores_b", scores_b, positive.size))
    if a.seeds != b.seeds:
        raise ValueError(f"scores_a and scores_b must hold equally many seeds, got {a.seeds} and {b.seeds}")
    auc_a, auc_b = a.mean, b.mean
    gaps = _Placements(a.of_positives - b.of_positives, a.of_negatives - b.of_negatives, a.seeds)
    if gaps.constant:
        different = bool(gaps.of_positives[0] != 0)
        p_value = min(1.0, 2.0 ** (1 - gaps.smaller_class)) if different else 1.0
        z = math.nan if different else 0.0
        return DelongResult(auc_a, auc_b, auc_a - auc_b, 0.0, z, p_value, degenerate=True)
    error = gaps.standard_error
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
    placements = _placements(positive, as_values("scores", scores, positive.size)[None])
    value = placements.mean
    if placements.constant:
        bound = ((1 - level) / 2) ** (1 / placements.smaller_class)
        if value == 1:
            return Interval(value, bound, 1.0, "clopper_pearson")
        if value == 0:
            return Interval(value, 0.0, 1 - bound, "clopper_pearson")
        return Interval(value, value, value, "degenerate")
    reach = float(ndtri((1 + level) / 2)) * placements.standard_error
    return Interval(value, max(0.0, value - reach), min(1.0, value + reach), "delong")


@dataclass(frozen=True)
class _Placements:
    """Negatives below each positive and positives above each negative, ties one half, summed over seeds.

    Multiples of one half are exact in floating point, so that a spread of zero is recognized exactly.
    """

    of_positives: Float[np.ndarray, " p"]
    of_negatives: Float[np.ndarray, " q"]
    seeds: int

    @property
    def smaller_class(self) -> int:
        return min(self.of_positives.size, self.of_negatives.size)

    @property
    def constant(self) -> bool:
        return bool(np.ptp(self.of_positives) == 0 and np.ptp(self.of_negatives) == 0)

    @property
    def mean(self) -> float:
        """The AUC, or the difference of two."""
        pairs = self.of_positives.size * self.of_negatives.size
        return float(self.of_positives.sum()) / (self.seeds * pairs)

    @property
    def standard_error(self) -> float:
        positives, negatives = self.of_positives.size, self.of_negatives.size
        over_positives = float(np.var(self.of_positives / (self.seeds * negatives), ddof=1)) / positives
        over_negatives = float(np.var(self.of_negatives / (self.seeds * positives), ddof=1)) / negatives
        return math.sqrt(over_positives + over_negatives)


def _placements(positive: Bool[np.ndarray, " n"], rows: Float[np.ndarray, "s n"]) -> _Placements:
    of_positives, of_negatives = np.zeros(positive.sum()), np.zeros((~positive).sum())
    for scores in rows:
        ranks = rankdata(scores)
        of_positives += ranks[positive] - rankdata(scores[positive])
        of_negatives += positive.sum() - (ranks[~positive] - rankdata(scores[~positive]))
    return _Placements(of_positives, of_negatives, len(rows))
