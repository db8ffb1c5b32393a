"""Paired permutation test of a mean per-case value, such as DSC or NSD, of two methods on the same cases.

Null hypothesis: the two methods' values are exchangeable within each case (within each patient, where a
patient has several CTs). To swap them is to flip the sign of their difference.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from rsuper.stats.samples import as_rows

# Differences of a mean closer than this share of the largest possible one are equal, summed in another order.
TIE = 1e-12
DRAWS = 1000


@dataclass(frozen=True)
class SignFlipResult:
    """Mean of a minus mean of b, two-sided p, and whether p is exact or from random flips."""

    difference: float
    p_value: float
    exact: bool


def paired_mean_test(
    values_a: Shaped[np.ndarray, "..."],
    values_b: Shaped[np.ndarray, "..."],
    clusters: Shaped[np.ndarray, "..."] | None = None,
    *,
    generator: np.random.Generator,
    draws: int = DRAWS,
) -> SignFlipResult:
    """Test whether two methods' values have the same mean by swapping the methods case by case.

    All patterns of swaps are counted where there are no more than `draws`; else so many random ones, with
    the observed pattern as one more, so that p is never 0. Cases without a difference play no part; where no
    case has one, p is 1. With several seeds a case's values of all seeds are swapped together, which takes
    the trained networks as given.

    Args:
        values_a: values of method a, or one row of them per training seed.
        values_b: values of method b, of the same cases and seeds.
        clusters: the patient of each case; a patient's cases are swapped together. None: each by itself.
        generator: source of random swaps; same state, same p.
        draws: number of random patterns.

    Raises:
        ValueError: there is no case, shapes differ, a value is not finite, or draws is less than 1.
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    cases = values_a.shape[-1] if values_a.ndim else 0
    a, b = as_rows("values_a", values_a, cases), as_rows("values_b", values_b, cases)
    if len(a) != len(b):
        raise ValueError(f"values_a and values_b must hold equally many seeds, got {len(a)} and {len(b)}")
    gaps = _patient_gaps((a - b).mean(axis=0), clusters)
    observed, reach = abs(float(gaps.sum())), float(np.abs(gaps).sum())
    free = gaps[np.abs(gaps) > TIE]
    exact = 2.0**free.size <= draws
    signs = _all_signs(free.size) if exact else 2.0 * generator.integers(0, 2, (draws, free.size)) - 1
    extreme = int((np.abs(signs @ free) >= observed - TIE * reach).sum())
    p_value = extreme / len(signs) if exact else (extreme + 1) / (draws + 1)
    return SignFlipResult(float(gaps.sum()) / cases, p_value, exact)


def _patient_gaps(
    gaps: Float[np.ndarray, " n"], clusters: Shaped[np.ndarray, "..."] | None
) -> Float[np.ndarray, " patients"]:
    """Sum the differences of each patient."""
    if clusters is None:
        return gaps
    if clusters.shape != gaps.shape:
        raise ValueError(f"clusters must name the patient of {gaps.size} cases, got shape {clusters.shape}")
    names, patient = np.unique(clusters, return_inverse=True)
    return np.bincount(patient, weights=gaps, minlength=names.size)


def _all_signs(size: int) -> Float[np.ndarray, "patterns n"]:
    patterns = np.arange(2**size)[:, None] >> np.arange(size) & 1
    return 2.0 * patterns - 1
