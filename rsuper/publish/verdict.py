"""When a claim holds, when it is contradicted, and when nothing can be said."""

import math
from collections.abc import Sequence

HOLDS, CONTRADICTED, UNDECIDED, NOT_TESTABLE = "holds", "contradicted", "undecided", "not testable"


def verdict(ci_low: float, ci_high: float, p_value: float = math.nan, *, significance: float = 0.05) -> str:
    """Judge a claim "above" by the interval of the difference and, where there is a test, by its p-value too.

    An interval that touches 0 decides nothing, nor does one of width zero: every resample gave the same
    difference, which says nothing about precision. With few tumors bootstraps of F1, DSC and NSD alone leave
    0 out in 8 to 10 % of comparisons of equals; with the test it is at most 6 % (`benchmarks/calibration.py`,
    `benchmarks/calibration_means.py`). NaN bounds are not testable.
    """
    if math.isnan(ci_low) or math.isnan(ci_high):
        return NOT_TESTABLE
    if ci_low == ci_high or p_value >= significance:  # NaN: no test
        return UNDECIDED
    if ci_low > 0:
        return HOLDS
    return CONTRADICTED if ci_high < 0 else UNDECIDED


def verdict_over(verdicts: Sequence[str]) -> str:
    """Judge a claim about every alternative from the verdicts on each.

    One contradicted is enough to contradict it. It holds only where it holds for all; an alternative that
    cannot be tested leaves it undecided, unless none can.
    """
    if not verdicts or all(item == NOT_TESTABLE for item in verdicts):
        return NOT_TESTABLE
    if CONTRADICTED in verdicts:
        return CONTRADICTED
    return HOLDS if all(item == HOLDS for item in verdicts) else UNDECIDED
