"""Paired permutation test of the F1 of two methods on the same cases.

Null hypothesis: the two methods' calls are exchangeable within each case (within each patient, where a
patient has several CTs). The test is conditional on the calls, hence on the thresholds that led to them.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from rsuper.stats.samples import as_labels, as_rows

# Differences of F1 closer than this are the same fraction, reached by different sums.
TIE = 1e-12


@dataclass(frozen=True)
class PermutationResult:
    """F1 of a minus F1 of b, two-sided exact p, and the number of cases on which the calls differ."""

    difference: float
    p_value: float
    n_discordant: int


def paired_permutation_test(
    labels: Shaped[np.ndarray, " n"],
    calls_a: Shaped[np.ndarray, "..."],
    calls_b: Shaped[np.ndarray, "..."],
    clusters: Shaped[np.ndarray, "..."] | None = None,
) -> PermutationResult:
    """Test whether two methods' calls have the same F1 by swapping the methods case by case.

    F1 depends on the counts of true and false positives alone, and the swaps leave the sums over both
    methods as they are. So the null distribution is the joint one of method a's two counts: a product of
    two binomials over the discordant positives and negatives, widened by one convolution per patient with
    several discordant CTs. It is computed in full: exact for any number of cases, without random numbers.
    Without a discordant case p is 1.

    With several seeds a case's calls of all seeds are swapped together, and F1 is that of the counts summed
    over seeds. The test is then conditional on these trained networks.

    Args:
        labels: truth per case.
        calls_a: calls of method a, 0 or 1, or one row of calls per training seed.
        calls_b: calls of method b, of the same seeds.
        clusters: the patient of each case; a patient's cases are swapped together. None: each by itself.

    Raises:
        ValueError: lengths or numbers of seeds differ, a label or call is not 0 or 1, or no case is positive
            (F1 is undefined).
    """
    positive = as_labels(labels, positives=1)
    a, b = _as_calls("calls_a", calls_a, positive.size), _as_calls("calls_b", calls_b, positive.size)
    if len(a) != len(b):
        raise ValueError(f"calls_a and calls_b must hold equally many seeds, got {len(a)} and {len(b)}")
    counts_a, counts_b = (_patient_counts(positive, calls, clusters) for calls in (a, b))
    positives = len(a) * int(positive.sum())
    # Method a's counts start at the smaller of the two methods' per patient and gain what its swaps add.
    base = np.minimum(counts_a, counts_b).sum(axis=0)
    null = _null_distribution(counts_a, counts_b)
    both = (counts_a + counts_b).sum(axis=0)
    tp, fp = np.meshgrid(*(base[k] + np.arange(null.shape[k]) for k in (0, 1)), indexing="ij")
    differences = _f1(positives, tp, fp) - _f1(positives, both[0] - tp, both[1] - fp)
    own = counts_a.sum(axis=0) - base
    observed = float(differences[own[0], own[1]])
    p_value = float(null[np.abs(differences) >= abs(observed) - TIE].sum())
    return PermutationResult(observed, min(1.0, p_value), int((a != b).any(axis=0).sum()))


def _as_calls(name: str, calls: Shaped[np.ndarray, "..."], cases: int) -> Bool[np.ndarray, "s n"]:
    rows = as_rows(name, calls, cases)
    if not np.isin(rows, (0, 1)).all():
        raise ValueError(f"{name} must be calls of 0 or 1, got {np.unique(rows)[:5]}")
    return rows.astype(bool)


def _patient_counts(
    positive: Bool[np.ndarray, " n"],
    calls: Bool[np.ndarray, "s n"],
    clusters: Shaped[np.ndarray, "..."] | None,
) -> Int[np.ndarray, "patients 2"]:
    """Count true and false positives per patient, over all seeds."""
    hits = np.stack([(calls & positive).sum(axis=0), (calls & ~positive).sum(axis=0)], axis=1)
    if clusters is None:
        return hits
    if clusters.shape != positive.shape:
        raise ValueError(
            f"clusters must name the patient of {positive.size} cases, got shape {clusters.shape}"
        )
    names, patient = np.unique(clusters, return_inverse=True)
    totals = np.zeros((names.size, 2), dtype=np.int64)
    np.add.at(totals, patient, hits)
    return totals


def _null_distribution(
    counts_a: Int[np.ndarray, "patients 2"], counts_b: Int[np.ndarray, "patients 2"]
) -> Float[np.ndarray, "tp fp"]:
    """Give the probability of each gain in true and false positives of method a over random swaps."""
    gaps = counts_a - counts_b
    size = np.abs(gaps).sum(axis=1)
    single = np.abs(gaps[size == 1]).sum(axis=0)
    null = np.outer(_fair_binomial(int(single[0])), _fair_binomial(int(single[1])))
    for gap in gaps[size > 1]:
        tp, fp = np.abs(gap)
        wider = np.zeros((null.shape[0] + tp, null.shape[1] + fp))
        # A swap trades the patient's whole result: (tp, fp) together where one method leads in both counts,
        # else true positives against false ones.
        ends = ((0, 0), (tp, fp)) if gap[0] * gap[1] >= 0 else ((0, fp), (tp, 0))
        for i, j in ends:
            wider[i : i + null.shape[0], j : j + null.shape[1]] += null / 2
        null = wider
    return null


def _fair_binomial(trials: int) -> Float[np.ndarray, " k"]:
    # Division of Python's integers rounds once, whatever their size.
    return np.array([math.comb(trials, k) / 2**trials for k in range(trials + 1)], dtype=np.float64)


def _f1(positives: int, tp: Int[np.ndarray, "i j"], fp: Int[np.ndarray, "i j"]) -> Float[np.ndarray, "i j"]:
    return 2 * tp / (positives + tp + fp)
