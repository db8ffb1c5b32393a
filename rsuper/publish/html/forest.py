"""A chart of differences with intervals: one line per row of the table, one panel per target and test set."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rsuper.config.experiment import Experiment
from rsuper.publish.figures.style import in_order, measured_groups
from rsuper.publish.html.answer import side_of
from rsuper.publish.html.differences import NAMES, Difference
from rsuper.publish.html.grid import points
from rsuper.publish.rows import Card, label_of

PANEL, LABELS, GAP, LINE, TOP, BOTTOM = 170.0, 190.0, 46.0, 26.0, 44.0, 34.0  # pixels
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # between two ticks, as shares


@dataclass(frozen=True)
class Bar:
    """One comparison: where its interval and its point are drawn, and what is said of it."""

    y: float
    x: float
    left: float
    right: float
    side: str
    text: str


@dataclass(frozen=True)
class Panel:
    """One target and test set."""

    title: tuple[str, str]
    x: float
    zero: float
    ticks: Sequence[tuple[float, str]]
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Forest:
    """The chart of one number at one budget."""

    name: str
    metric: str
    title: str
    width: float
    height: float
    lines: Sequence[tuple[float, str]]
    panels: Sequence[Panel]


def forest(
    found: Sequence[Difference], budget: str, metric: str, experiment: Experiment, cards: Sequence[Card]
) -> Forest | None:
    """Lay out the differences of one number at one budget; None where there is none.

    All panels have the same scale, wide enough for every interval; 0 is always in it.
    """
    own = [e for e in found if e.budget == budget and e.metric == metric and not math.isnan(e.value)]
    if not own:
        return None
    reference = label_of(experiment.evaluation.reference, cards)
    others = in_order(sorted({each.other for each in own}), experiment)
    low, high, step = _scale(own)
    unit = PANEL / (high - low)

    def at(start: float, value: float) -> float:
        return round(start + (value - low) * unit, 1)

    heights = {other: TOP + LINE * (k + 0.5) for k, other in enumerate(others)}
    panels = []
    for k, (target, test_set) in enumerate(measured_groups(experiment)):
        start = LABELS + k * (PANEL + GAP)
        bars = [
            _bar(each, heights[each.other], start, at, label_of(each.other, cards))
            for each in own
            if (each.target, each.test_set) == (target, test_set)
        ]
        ticks = [
            (at(start, step * n), _tick(step * n)) for n in range(_whole(low, step), _whole(high, step) + 1)
        ]
        title = (target, experiment.test_sets[test_set].label)
        panels.append(Panel(title, start, at(start, 0.0), ticks, bars))
    return Forest(
        name=f"forest-{budget}-{metric}",
        metric=metric,
        title=f"{reference} less each other row: {NAMES[metric]}, budget {budget}",
        width=LABELS + len(panels) * (PANEL + GAP),
        height=TOP + LINE * len(others) + BOTTOM,
        lines=[(heights[other], label_of(other, cards)) for other in others],
        panels=panels,
    )


def _bar(each: Difference, y: float, start: float, at: object, label: str) -> Bar:
    assert callable(at)
    known = not math.isnan(each.low)
    low, high = (each.low, each.high) if known else (each.value, each.value)
    told = f"{points(each.value)} points" + (f" ({points(low)} to {points(high)})" if known else "")
    p_value = "" if math.isnan(each.p_value) else f", p = {each.p_value:.2g}"
    return Bar(
        y, at(start, each.value), at(start, low), at(start, high), side_of(each), f"{label}: {told}{p_value}"
    )


def _scale(found: Sequence[Difference]) -> tuple[float, float, float]:
    """Bounds and step of an axis that holds all intervals and 0, in at most six steps where one allows it."""
    ends = [0.0, *(end for e in found for end in (e.low, e.high, e.value) if not math.isnan(end))]
    low, high = min(ends), max(ends)
    step = next((each for each in _STEPS if (high - low) / each <= 5), _STEPS[-1])
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return (low, high, step) if low < high else (-step, step, step)


def _tick(value: float) -> str:
    return points(value).removesuffix(".0")


def _whole(bound: float, step: float) -> int:
    return round(bound / step)
