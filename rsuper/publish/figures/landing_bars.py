"""Bars of what became of the reports, one per method."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from rsuper.publish.figures import style
from rsuper.publish.figures.report_counts import ORGANS, REGIONS

# Outcome -> its name, color and hatch: used ones are blue and plain, what was left out is hatched.
_OUTCOMES = {
    "positive": ("tumor with size", "#0072B2", ""),
    "negative": ("said to be free of tumor", "#9CCBE8", ""),
    "no size": ("no size", "#E69F00", "///"),
    "side not said": ("side not said", "#CC79A7", "\\\\\\"),
    "unknown": ("unknown", "#DDDDDD", "..."),
    "no organ mask": ("no organ mask", "#999933", "xxx"),
    "not fully in the patch": ("not fully in the patch", "#D55E00", "---"),
    "organ larger than the patch": ("organ larger than the patch", "#882255", "+++"),
}
_OTHER = ("#777777", "ooo")


def bars(part: SubFigure, counts: pd.DataFrame, labels: Mapping[str, str], targets: Sequence[str]) -> None:
    """Draw the organs of the report cases per target, and the regions of the patches drawn, as shares.

    A bar is a method, seeds added up, with its number at the end; a method without counts has none. Without
    any count a panel says so.

    Args:
        part: where to draw.
        counts: from `report_counts`, of one budget.
        labels: of the methods, from top to bottom.
        targets: from left to right.
    """
    methods = list(labels)
    panels = part.subplots(1, len(targets) + 1, sharey=True, squeeze=False)[0]
    for axis, target in zip(panels, targets, strict=False):
        own = counts[(counts["kind"] == ORGANS) & (counts["target"] == target)]
        _panel(axis, own, methods)
        axis.set_title(f"organs of the report cases, {target}", fontsize=9)
    _panel(panels[-1], counts[counts["kind"] == REGIONS], methods)
    panels[-1].set_title("regions of the patches drawn", fontsize=9)
    panels[0].set_yticks(range(len(methods)), list(labels.values()))
    panels[0].set_ylim(len(methods) - 0.4, -0.6)
    handles = {
        label: handle
        for axis in panels
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    if handles:
        part.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, frameon=False)


def _panel(axis: Axes, counts: pd.DataFrame, methods: Sequence[str]) -> None:
    totals = counts.groupby("method")["n"].sum()
    present = [outcome for outcome in _OUTCOMES if (counts["outcome"] == outcome).any()]
    present += sorted(set(counts["outcome"]).difference(_OUTCOMES))
    places = {method: place for place, method in enumerate(methods) if totals.get(method, 0) > 0}
    left = dict.fromkeys(places, 0.0)
    for outcome in present:
        label, color, hatch = _OUTCOMES.get(outcome, (outcome, *_OTHER))
        numbers = counts[counts["outcome"] == outcome].groupby("method")["n"].sum()
        widths = {method: 100 * numbers.get(method, 0) / totals[method] for method in places}
        axis.barh(
            list(places.values()),
            list(widths.values()),
            left=list(left.values()),
            height=0.72,
            color=color,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.4,
            label=label,
        )
        left = {method: left[method] + widths[method] for method in places}
    for method, place in places.items():
        axis.text(101, place, f"{totals[method]:,}", va="center", fontsize=7, color="0.3")
    if not places:
        style.say_empty(axis, "no counts")
    axis.set(xlim=(0, 112), xticks=[0, 25, 50, 75, 100], xlabel="%")
