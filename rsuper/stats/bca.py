"""Bias-corrected and accelerated (BCa) bootstrap bounds, after Efron (1987), for stratified resamples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, ndtri

# A resample this close to the value repeats it: the rest is rounding of sums over cases.
TIE = 1e-12
Undefined = Literal["", "bias", "acceleration"]


@dataclass(frozen=True)
class BcaShares:
    """Which quantiles of the resamples bound the value.

    `undefined` names what has no number there, in which case the shares are those of the percentile interval:
    `bias` (every resample lies on one side of the value, so z0 is infinite) or `acceleration` (leaving out
    single cases changes nothing, or not by a finite amount, or the correction runs past its pole).
    """

    low: float
    high: float
    undefined: Undefined = ""


def bca_shares(
    value: float,
    resampled: Float[np.ndarray, " d"],
    jackknife: Sequence[Float[np.ndarray, "..."]],
    level: float,
) -> BcaShares:
    """Correct the percentile interval for bias and for a spread that changes with the value.

    Args:
        value: the metric on the cases themselves.
        resampled: the metric on each resample.
        jackknife: per stratum, the metric without each of its cases in turn; strata of one case are left out.
        level: share of resamples inside the bounds.
    """
    plain = ((1 - level) / 2, (1 + level) / 2)
    below = np.mean(resampled < value - TIE) + np.mean(np.abs(resampled - value) <= TIE) / 2
    z0 = float(ndtri(below))
    if not math.isfinite(z0):
        return BcaShares(*plain, "bias")
    a = acceleration(jackknife)
    reached = [z0 + float(ndtri(share)) for share in plain]
    if not math.isfinite(a) or any(1 - a * z <= 0 for z in reached):
        return BcaShares(*plain, "acceleration")
    low, high = (float(ndtr(z0 + z / (1 - a * z))) for z in reached)
    return BcaShares(low, high)


def acceleration(jackknife: Sequence[Float[np.ndarray, "..."]]) -> float:
    """Sixth of the skewness of the metric, from leaving out cases, each stratum on its own.

    NaN if a value is not finite, or if leaving out a case changes nothing.
    """
    cubes = squares = 0.0
    for values in jackknife:
        if not np.isfinite(values).all():
            return math.nan
        influence = (values.size - 1) * (values.mean() - values)
        cubes += float((influence**3).sum()) / values.size**3
        squares += float((influence**2).sum()) / values.size**2
    return cubes / (6 * squares**1.5) if squares > TIE**2 else math.nan
