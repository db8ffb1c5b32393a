"""An axis of numbers of cases: logarithmic, with the numbers themselves as ticks, and room for 0."""

import math
from collections.abc import Iterable, Mapping

from matplotlib.axes import Axes

_CLOSE, _MARGIN = 0.13, 0.12  # shares of the width: labels that would touch, room at both ends
_PLAIN = {"facecolor": "white", "edgecolor": "none", "pad": 0.3}


def places(numbers: Iterable[int]) -> dict[int, float]:
    """Place numbers of cases on a logarithmic axis; 0, which has no place there, stands left of the others.

    It stands as far from the smallest as the others are apart on average, and at least a factor of two.

    Returns:
        Decimal logarithms in ascending order; nothing for no number.
    """
    ordered = sorted(set(numbers))
    placed = {number: math.log10(number) for number in ordered if number > 0}
    if 0 in ordered:
        steps = list(placed.values()) or [0.0]
        gap = (steps[-1] - steps[0]) / max(len(steps) - 1, 1)
        return {0: steps[0] - max(gap, math.log10(2))} | placed
    return placed


def width_of(place: Mapping[int, float]) -> float:
    """Measure from the first to the last place; one number, or none, is as wide as a factor of two."""
    return max(max(place.values(), default=0) - min(place.values(), default=0), math.log10(2))


def number_ticks(axis: Axes, place: Mapping[int, float]) -> None:
    """Write the numbers below a horizontal axis, on a second line where two are close, and cut it after 0.

    Args:
        axis: panel whose horizontal axis counts cases.
        place: from `places`.
    """
    axis.grid(axis="y", color="0.9", linewidth=0.6)
    axis.set_axisbelow(True)
    if not place:
        return
    steps, width = list(place.values()), width_of(place)
    labels: list[str] = []
    for index, number in enumerate(place):
        close = index > 0 and steps[index] - steps[index - 1] < _CLOSE * width
        below = close and not labels[-1].startswith("\n")
        labels.append(f"\n{number:,}" if below else f"{number:,}")
    axis.set_xticks(steps, labels)
    axis.set_xlim(steps[0] - _MARGIN * width, steps[-1] + _MARGIN * width)
    if 0 in place and len(place) > 1:
        middle, across = (steps[0] + steps[1]) / 2, axis.get_xaxis_transform()
        axis.text(middle, 0, "//", transform=across, ha="center", va="center", fontsize=7, bbox=_PLAIN)
