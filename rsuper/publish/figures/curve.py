"""The data-efficiency curve: F1, AUC and DSC against the number of masks, and against that of reports."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from rsuper.config.experiment import Experiment
from rsuper.evaluate.seeds import count_seeds, over_seeds
from rsuper.metrics.detection import f1_all_positive
from rsuper.publish.columns import groups
from rsuper.publish.figures import style
from rsuper.publish.figures.count_axis import number_ticks, places, width_of
from rsuper.publish.figures.curve_points import LABELS, OVER_MASKS, OVER_REPORTS, RULE, SHOWN
from rsuper.publish.figures.style import BASELINE, Look
from rsuper.publish.rows import Card, label_of

_PANEL_INCHES = (2.9, 1.75)
_AROUND_INCHES = 0.75  # of a block: its heading, panel titles, and the label below
_HEADINGS = {
    OVER_MASKS: "a   More masks, with all reports",
    OVER_REPORTS: "b   More reports, with the same masks",
}
_NOTE = (
    f"F1: at the threshold with the highest F1 on the test set (rule {RULE}), as in Figure 4. DSC: of tumor "
    "CTs alone. Horizontal axes are logarithmic; 0 stands left of them. Controls, ablations and other "
    "methods are left out."
)
_BARS = "Bars and bands: 95 % intervals over test cases."
_SEEDS = (
    "Points are means over up to {n} seeds, small pale markers single seeds; bars and bands: 95 % intervals "
    "over seeds and cases."
)
# Shares of the axis: how far the two methods stand apart, and single seeds beside their mean.
_APART, _BESIDE = 0.008, 0.022


def curve(points: pd.DataFrame, experiment: Experiment, cards: Sequence[Card], out_stem: Path) -> None:
    """Draw the reference method and segmentation against masks and against reports, as .svg and .png.

    Columns are the targets and test sets with results, the paper's first; rows are F1, AUC and tumor-only
    DSC, above against masks, and below against reports where there are budgets for it. There segmentation,
    which sees no report, is a marker at 0 and a level with its interval as a band. Where a run has several
    seeds, single seeds are small markers beside the mean. The dashed line is the F1 of calling every CT
    positive. What has no value is not drawn. Without any value one empty panel says so.

    Args:
        points: columns of CURVE, from `curve_frame`.
        experiment: orders the panels and names the reference method.
        cards: labels of the methods.
        out_stem: path without suffix.

    Raises:
        ArtifactError: a run has several seeds, but no rows of all of them.
    """
    # A run whose mean has no value may have seeds that do.
    single = ~points.index.isin(over_seeds(points).index)
    drawn = points.assign(single=single)[points["value"].notna()]
    found = set(zip(drawn["target"], drawn["test_set"], strict=True))
    columns = [group for group in groups(experiment) if group in found]
    blocks = [name for name in (OVER_MASKS, OVER_REPORTS) if (drawn["curve"] == name).any()]
    width = max(_PANEL_INCHES[0] * len(columns), 5.0)
    height = (_PANEL_INCHES[1] * len(SHOWN) + _AROUND_INCHES) * max(len(blocks), 1) + 0.7
    with matplotlib.rc_context(style.settings("curve")):
        figure = Figure(figsize=(width, height), layout="constrained")
        parts = figure.subfigures(max(len(blocks), 1), 1, squeeze=False)[:, 0]
        if not blocks:
            style.say_empty(parts[0].subplots(), "no results")
        for index, name in enumerate(blocks):
            _block(parts[index], name, drawn[drawn["curve"] == name], columns, experiment, cards)
        style.add_legend(figure)
        seeds = max(count_seeds(drawn).values(), default=1)
        style.add_note(figure, experiment, f"{_NOTE} {_SEEDS.format(n=seeds) if seeds > 1 else _BARS}")
        style.save(figure, out_stem)


def _block(
    part: SubFigure,
    name: str,
    points: pd.DataFrame,
    columns: Sequence[tuple[str, str]],
    experiment: Experiment,
    cards: Sequence[Card],
) -> None:
    """Draw one curve: a column of panels per target and test set, all at the same places of its axis."""
    part.suptitle(_HEADINGS[name], x=0.01, ha="left", fontsize=10, fontweight="bold")
    panels = part.subplots(len(SHOWN), len(columns), squeeze=False, sharex="col", sharey="row")
    counted = "masks" if name == OVER_MASKS else "reports"
    for column, (target, test_set) in enumerate(columns):
        chosen = points[(points["target"] == target) & (points["test_set"] == test_set)]
        place = places(int(number) for number in chosen[counted])
        for axis, metric in zip(panels[:, column], SHOWN, strict=True):
            own = chosen[chosen["metric"] == metric]
            _panel(axis, own.assign(x=own[counted].map(place)), place, experiment, cards)
        panels[0, column].set_title(f"{target}, {style.set_label(test_set, experiment)}", fontsize=9)
        panels[-1, column].set_xlabel(_axis_label(name, target, chosen, experiment))
    for axis, metric in zip(panels[:, 0], SHOWN, strict=True):
        axis.set_ylabel(LABELS[metric])


def _axis_label(name: str, target: str, points: pd.DataFrame, experiment: Experiment) -> str:
    """Say what the axis counts, and how many of the other kind each run of the reference had."""
    own = points[points["method"] == experiment.evaluation.reference]
    counted, other = ("masks", "reports") if name == OVER_MASKS else ("reports", "masks")
    fixed = sorted(set(own[other]))
    also = f"\n({fixed[0]:,} with {other})" if len(fixed) == 1 else ""
    return f"{target} tumor CTs with {counted}{also}"


def _panel(
    axis: Axes,
    points: pd.DataFrame,
    place: Mapping[int, float],
    experiment: Experiment,
    cards: Sequence[Card],
) -> None:
    width = width_of(place)
    for method, side in ((BASELINE, width), (experiment.evaluation.reference, -width)):
        own = points[points["method"] == method]
        look = style.look(method, experiment)
        _singles(axis, own[own["single"]], look, side * (_APART + _BESIDE))
        _means(axis, own[~own["single"]], look, side * _APART, label_of(method, cards))
    on_level = (points["curve"] == OVER_REPORTS) & (points["method"] == BASELINE) & ~points["single"]
    for value, low, high in points.loc[on_level, ["value", "ci_low", "ci_high"]].to_numpy(dtype=float):
        _level(axis, value, low, high, style.look(BASELINE, experiment))
    rates = points[points["metric"] == "f1"]
    if len(rates):
        all_positive = f1_all_positive(int(rates["n_positive"].iloc[0]), int(rates["n_negative"].iloc[0]))
        axis.axhline(
            all_positive, color="black", linestyle="--", linewidth=0.9, label="every CT called positive"
        )
    if points.empty:
        style.say_empty(axis, "no results")
    number_ticks(axis, place)


def _singles(axis: Axes, points: pd.DataFrame, look: Look, shift: float) -> None:
    axis.plot(
        points["x"] + shift,
        points["value"],
        linestyle="none",
        marker=look.marker,
        markersize=3.2,
        markerfacecolor="none",
        markeredgecolor=look.color,
        alpha=0.55,
        zorder=2,
    )


def _means(axis: Axes, points: pd.DataFrame, look: Look, shift: float, label: str) -> None:
    if points.empty:  # no entry in the legend either
        return
    interval = points["ci_low"], points["ci_high"]
    style.add_points(axis, points["x"] + shift, points["value"], interval, look, label)


def _level(axis: Axes, value: float, low: float, high: float, look: Look) -> None:
    """Draw what does not depend on the axis as a line over all of it, with its interval as a band."""
    axis.axhline(value, color=look.color, linewidth=1.6, zorder=1.5)
    if math.isfinite(low) and math.isfinite(high):
        axis.axhspan(low, high, color=look.color, alpha=0.13, linewidth=0, zorder=0.5)
