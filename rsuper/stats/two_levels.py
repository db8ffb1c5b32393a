"""Bounds of a mean over seeds, from resamples over seeds and cases.

A resample takes s - 1 of s seeds, with replacement, which makes the variance of their mean unbiased. But the
spread of two or three seeds is itself a guess, and percentiles of so few are no more than the seeds
themselves. So the bounds are Student's: the resamples give the standard error, and Satterthwaite's degrees of
freedom weigh the part of the variance that comes from seeds (s - 1 degrees) against that from cases (many).
"""

import math

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri, stdtrit

# Rounding of a sum over cases is no spread.
ROUNDING = 1e-12
MANY_DEGREES = 1e9


def multiplicities(
    size: int, draws: int, generator: np.random.Generator, picked: int | None = None
) -> Float[np.ndarray, "d k"]:
    """Draw how often each of `size` things occurs among `picked` (None: `size`) of them, per resample."""
    shape = (draws, size if picked is None else picked)
    picks = generator.integers(0, size, shape) + np.arange(draws)[:, None] * size
    return np.bincount(picks.ravel(), minlength=draws * size).reshape(draws, size).astype(np.float64)


def seed_weights(seeds: int, draws: int, generator: np.random.Generator) -> Float[np.ndarray, "d s"]:
    """Draw the share of each seed in each resample; a single seed takes no random number."""
    if seeds == 1:
        return np.ones((draws, 1))
    return multiplicities(seeds, draws, generator, picked=seeds - 1) / (seeds - 1)


def two_level_bounds(
    value: float, per_seed: Float[np.ndarray, "d s"], weights: Float[np.ndarray, "d s"], level: float
) -> tuple[float, float]:
    """Bound a mean over seeds; the value twice where no resample differs from another.

    Args:
        value: the mean over seeds, on the cases themselves.
        per_seed: the metric of each seed on each resample of the cases.
        weights: share of each seed in each resample, as by `seed_weights`.
        level: of the bounds.
    """
    resampled = (per_seed * weights).sum(axis=1)
    if np.ptp(resampled) < ROUNDING:
        return value, value
    variance = float(resampled.var())
    quantile = student_quantile(variance, float(per_seed.mean(axis=1).var()), per_seed.shape[1], level)
    return value - quantile * math.sqrt(variance), value + quantile * math.sqrt(variance)


def student_quantile(variance: float, variance_of_cases: float, seeds: int, level: float) -> float:
    """Give how many standard errors a two-sided bound is away; as by a normal where seeds add no variance.

    Args:
        variance: of the resamples over seeds and cases.
        variance_of_cases: of the resamples over cases alone.
        seeds: how many there are.
        level: of the bounds.
    """
    share = (1 + level) / 2
    of_seeds = variance - variance_of_cases
    if of_seeds <= 1e-12 * variance:
        return float(ndtri(share))
    degrees = (seeds - 1) * (variance / of_seeds) ** 2
    return float(stdtrit(degrees, share) if degrees < MANY_DEGREES else ndtri(share))
