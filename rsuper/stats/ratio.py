"""A share of counted things, with the cases that hold them as what is redrawn."""

import numpy as np
from jaxtyping import Float

from rsuper.stats.bootstrap import DRAWS
from rsuper.stats.interval import Interval, check_level
from rsuper.stats.two_levels import seed_weights, two_level_bounds


def ratio_interval(
    counts: Float[np.ndarray, "..."],
    totals: Float[np.ndarray, " n"],
    *,
    generator: np.random.Generator,
    draws: int = DRAWS,
    level: float = 0.95,
) -> Interval:
    """Bound sum(counts) / sum(totals) by the percentiles of its bootstrap over cases.

    Things of one case (tumors of one CT) are not independent: whole cases are redrawn. Where every resample
    gives the same value the kind is `degenerate`. With several seeds the value is the mean of their shares,
    and seeds are redrawn too, as in `stats.bootstrap` (kind `two_level`).

    Args:
        counts: per case, at most its total; or one row of counts per training seed.
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
    if totals.size == 0 or counts.ndim not in (1, 2) or counts.shape[-1:] != totals.shape:
        raise ValueError(f"counts and totals need the same cases, not none: {counts.shape}, {totals.shape}")
    if not ((totals > 0) & (counts >= 0) & (counts <= totals)).all():
        raise ValueError("each count must lie between 0 and its total, and each total be above 0")
    rows = np.atleast_2d(counts)
    picks = generator.integers(0, totals.size, (draws, totals.size))
    per_seed = np.stack([row[picks].sum(axis=1) / totals[picks].sum(axis=1) for row in rows], axis=1)
    value = float(rows.sum(axis=1).mean() / totals.sum())
    if len(rows) > 1:
        low, high = two_level_bounds(value, per_seed, seed_weights(len(rows), draws, generator), level)
        kind = "two_level"
    else:
        low, high = (float(q) for q in np.quantile(per_seed, [(1 - level) / 2, (1 + level) / 2]))
        kind = "percentile"
    return Interval(value, max(low, 0.0), min(high, 1.0), "degenerate" if low == high else kind)
