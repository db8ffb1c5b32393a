"""A quantile with an interval that assumes nothing of the distribution."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from rsuper.stats.interval import Interval, check_level


def quantile_interval(values: Sequence[float], share: float, level: float = 0.95) -> Interval:
    """Bound the quantile of the values' distribution by two of the values themselves.

    How many values lie below the true quantile is binomial, which says between which two ranks it lies.

    Args:
        values: independent draws, in any order and unit.
        share: of the distribution below the quantile, within (0, 1).
        level: of confidence.

    Returns:
        The quantile of the values (between two of them by linear interpolation), with bounds that hold it at
        least with the level; NaN as a bound that so few values cannot give.

    Raises:
        ValueError: there is no value, or the share or level is not within (0, 1).
    """
    check_level(level)
    if not len(values) or not 0 < share < 1:
        raise ValueError(f"needs values and a share within (0, 1), got {len(values)} and {share}")
    ordered, number, tail = sorted(values), len(values), (1 - level) / 2
    low, high = int(binom.ppf(tail, number, share)), int(binom.ppf(1 - tail, number, share)) + 1
    return Interval(
        value=float(np.quantile(ordered, share)),
        low=ordered[low - 1] if low >= 1 else math.nan,
        high=ordered[high - 1] if high <= number else math.nan,
        kind="order_statistics",
    )
