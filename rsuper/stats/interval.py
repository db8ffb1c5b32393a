"""A value with its interval, and the interval of a share."""

import math
from dataclasses import dataclass

from scipy.special import ndtri


@dataclass(frozen=True)
class Interval:
    """A value with lower and upper bound; `kind` names how the bounds were made.

    `degenerate` as kind: every resample gave the same value, so the bounds say nothing about precision.
    """

    value: float
    low: float
    high: float
    kind: str


def check_level(level: float) -> None:
    """Refuse a confidence level outside (0, 1).

    Raises:
        ValueError: the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")


def wilson_interval(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Bound a share by Wilson's score interval, which has a width at shares of 0 and 1 too.

    Raises:
        ValueError: there is no trial, or the number of successes does not fit it.
    """
    check_level(level)
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"successes must lie between 0 and trials >= 1, got {successes} of {trials}")
    z2 = float(ndtri((1 + level) / 2)) ** 2
    share = successes / trials
    center = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    reach = math.sqrt(z2 * share * (1 - share) / trials + (z2 / (2 * trials)) ** 2) / (1 + z2 / trials)
    low = 0.0 if successes == 0 else center - reach
    high = 1.0 if successes == trials else center + reach
    return Interval(share, low, high, "wilson")
