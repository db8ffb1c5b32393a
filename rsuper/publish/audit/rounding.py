"""Exact arithmetic on printed percentages: which counts may stand behind a rounded number.

A percentage p may have been rounded half up or half to even. Half up sends p - 1/2 to p; half to even sends
both p - 1/2 and p + 1/2 to an even p. So the values printed as p are [p - 1/2, p + 1/2], without the upper
end where p is odd. Counts and fractions alone are used: a float would decide the ends by accident.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Span:
    """All numbers from `low` to `high`, ends included."""

    low: Fraction
    high: Fraction

    def __add__(self, other: "Span") -> "Span":
        """Return the span of all sums."""
        return Span(self.low + other.low, self.high + other.high)

    def times(self, factor: Fraction | int) -> "Span":
        """Return the span multiplied by a number of either sign."""
        ends = (self.low * factor, self.high * factor)
        return Span(min(ends), max(ends))

    def meets(self, other: "Span") -> bool:
        """Tell whether the two have a number in common."""
        return self.low <= other.high and other.low <= self.high

    def contains(self, value: Fraction | int) -> bool:
        """Tell whether a number lies in the span."""
        return self.low <= value <= self.high


def rounds_to(count: int, total: int, percent: int) -> bool:
    """Tell whether `count` of `total` may be printed as `percent`; False for a total of zero."""
    if total <= 0:
        return False
    above = 200 * count - (2 * percent - 1) * total  # 200 x distance from p - 1/2, in units of 1 / total
    return 0 <= above < 2 * total or (above == 2 * total and percent % 2 == 0)


@cache
def counts_printed_as(percent: int, total: int) -> range:
    """Return every count of `total` that may be printed as `percent`; empty where none can.

    Raises:
        ValueError: `total` is negative.
    """
    if total < 0:
        raise ValueError(f"total must be at least 0, got {total}")
    start = max(-(-(2 * percent - 1) * total // 200), 0)
    stop = start
    while stop <= total and rounds_to(stop, total, percent):
        stop += 1
    return range(start, stop)


def span_of(percent: int) -> Span:
    """Return the percentages that may be printed as `percent`, its ends taken in and cut to 0 to 100."""
    return Span(max(percent - HALF, Fraction(0)), min(percent + HALF, Fraction(100)))


def span_of_text(value: str) -> Span:
    """Return what a printed decimal may stand for: half a unit of its last digit to either side.

    Raises:
        ValueError: `value` is not a decimal number.
    """
    step = Fraction(1, 10 ** len(value.partition(".")[2]))
    return Span(Fraction(value) - step / 2, Fraction(value) + step / 2)


def percent_text(low: Fraction, high: Fraction | None = None) -> str:
    """Write a percentage, or a range of them, with one decimal."""
    ends = dict.fromkeys(f"{float(value):.1f}" for value in (low, low if high is None else high))
    return " to ".join(ends)


def whole_text(numbers: Iterable[int]) -> str:
    """Write whole numbers as runs, such as `47, 50-52`; "none" for no number."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{a}-{b}" if b > a else str(a) for a, b in runs) or "none"
