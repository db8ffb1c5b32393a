"""A share of counted things, with the cases that hold them as what is redrawn."""

import numpy as np
from jaxtyping import Float

from rsuper.stats.bootstrap import DRAWS
from rsuper.stats.interval import Interval, check_level


def ratio_interval(
    counts: Float[np.ndarray, " n"],
    totals: Float[np.ndarray, " n"],
    *,
    generator: np.random.Generator,
    draws: int = DRAWS,
    level: float = 0.95,
) -> Interval:
    """Bound sum(counts) / sum(totals) by the percentiles of its bootstrap over cases.

    Things of one case (tumors of one CT) are not independent: whole cases are redrawn. Where every resample
    gives the same value the kind is `degenerate`.

    Args:
        counts: per case, at most its total.
        totals: per case, above 0.
        generator: source of the resamples; same state, same interval.
        draws: number of resamples.
        level: share of resamples inside the bounds.

    Raises:
        ValueError: there is no case, shapes differ, a count or total is out of range, or draws or level are.
    """
    check_level(level)
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    if counts.shape != totals.shape or counts.size == 0:
        raise ValueError(f"counts and totals need one shape, not empty: {counts.shape}, {totals.shape}")
    if not ((totals > 0) & (counts >= 0) & (counts <= totals)).all():
        raise ValueError("each count must lie between 0 and its total, and each total be above 0")
    picks = generator.integers(0, counts.size, (draws, counts.size))
    resampled = counts[picks].sum(axis=1) / totals[picks].sum(axis=1)
    low, high = (float(q) for q in np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2]))
    kind = "degenerate" if resampled.min() == resampled.max() else "percentile"
    return Interval(float(counts.sum() / totals.sum()), low, high, kind)
