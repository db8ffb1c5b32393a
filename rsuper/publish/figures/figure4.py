"""Figure 4: F1 against the number of masks, one panel per target and test set."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rsuper.config.experiment import Experiment
from rsuper.evaluate.seeds import over_seeds
from rsuper.metrics.detection import f1_all_positive
from rsuper.publish.columns import groups
from rsuper.publish.figures import style
from rsuper.publish.figures.style import BASELINE
from rsuper.publish.rows import Card, label_of

_ARROW = {"arrowstyle": "->", "color": "0.25", "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
_PLAIN = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
_PANEL_INCHES = (3.3, 3.2)
_LEGEND_INCHES = 2.1


def figure4(
    metrics: pd.DataFrame,
    experiment: Experiment,
    cards: Sequence[Card],
    masks: Mapping[str, Mapping[str, int]],
    out_stem: Path,
    *,
    rule: str = "oracle_test",
) -> None:
    """Draw F1 against the number of training masks and write it as .svg and .png.

    Panels stand side by side in the paper's order, then those of further targets and test sets with results.
    The reference method and segmentation are lines over the budgets with an arrow for the gain of one over
    the other; the other methods are markers. Bars are the bootstrap intervals of METRICS,
    over seeds and cases where there are several seeds. The dashed line is the F1 of calling every CT
    positive. Controls and ablations are left out, as in the paper. Without any result one empty panel says
    so.

    Args:
        metrics: frame with the columns of METRICS.
        experiment: orders budgets and panels.
        cards: labels of the methods.
        masks: per budget, tumor CTs with masks per target: the horizontal axis.
        out_stem: path without suffix.
        rule: threshold rule of F1.

    Source: Fig. 4.
    """
    points = _points(metrics, experiment, masks, rule)
    found = set(zip(points["target"], points["test_set"], strict=True))
    panels = [group for group in groups(experiment) if group in found]
    with matplotlib.rc_context(style.settings("figure4")):
        size = (_PANEL_INCHES[0] * max(len(panels), 1.5), _PANEL_INCHES[1] + 0.9)
        figure = Figure(figsize=size, layout="constrained")
        axes = list(figure.subplots(1, max(len(panels), 1), squeeze=False, sharey=True)[0])
        for axis, (target, test_set) in zip(axes, panels, strict=False):
            chosen = (points["target"] == target) & (points["test_set"] == test_set)
            _panel(axis, points[chosen], experiment, cards)
            axis.set_title(f"{target}, {style.set_label(test_set, experiment)}")
            axis.set_xlabel(f"{target} tumor CTs with masks in training")
        axes[0].set_ylabel("F1")
        _finish(figure, axes, experiment, empty=not panels)
        style.save(figure, out_stem)


def _points(
    metrics: pd.DataFrame, experiment: Experiment, masks: Mapping[str, Mapping[str, int]], rule: str
) -> pd.DataFrame:
    """One row per budget, method, test set and target that has an F1 and a number of masks."""
    settled = over_seeds(metrics)
    drawn = settled[
        (settled["metric"] == "f1")
        & (settled["rule"] == rule)
        & (settled["stratum"] == "all")
        & ~settled["method"].isin(experiment.all_controls)
        & ~settled["method"].str.startswith(f"{experiment.evaluation.reference}-")
    ]
    keys = ["budget", "method", "test_set", "target"]
    names = {"ci_low": "low", "ci_high": "high", "n_positive": "positives", "n_negative": "negatives"}
    # A budget with fewer reports has the masks of another: the curve over reports is in the figure `curve`.
    whole = [name for name, budget in experiment.budgets.items() if budget.reports is None]
    drawn = drawn[drawn["budget"].isin(whole)]
    points = drawn.sort_values(keys)[[*keys, "value", *names]].rename(columns=names)
    points["masks"] = [
        masks.get(budget, {}).get(target, math.nan)
        for budget, target in zip(points["budget"], points["target"], strict=True)
    ]
    return points[points["value"].notna() & points["masks"].notna()]


def _panel(axis: Axes, points: pd.DataFrame, experiment: Experiment, cards: Sequence[Card]) -> None:
    lines = (experiment.evaluation.reference, BASELINE)
    order = style.in_order(list(points["method"]), experiment)
    numbers = sorted({float(number) for number in points["masks"]})
    # Budgets are far apart in number, so they are evenly spaced and named, as on a logarithmic axis.
    place = {number: index for index, number in enumerate(numbers)}
    others = [method for method in order if method not in lines]
    shifts = {lines[0]: -0.02, lines[1]: 0.02}
    shifts |= {name: 0.5 + 0.11 * index for index, name in enumerate(others)}
    for method in order:
        own = points[points["method"] == method].sort_values("masks")
        look = style.look(method, experiment)
        axis.errorbar(
            [place[float(number)] + shifts[method] for number in own["masks"]],
            own["value"],
            yerr=_bars(own),
            color=look.color,
            marker=look.marker,
            markerfacecolor=look.fill,
            markersize=6.5,
            linestyle="-" if method in lines else "none",
            linewidth=1.8,
            elinewidth=0.8,
            capsize=2,
            label=label_of(method, cards),
            zorder=3 if method in lines else 2,
        )
    _gains(axis, points, place, lines)
    first = points.iloc[0]
    level = f1_all_positive(int(first["positives"]), int(first["negatives"]))
    axis.axhline(
        level, color="black", linestyle="--", linewidth=0.9, label="every CT called positive", zorder=1
    )
    axis.set_xticks(range(len(numbers)), [f"{int(number):,}" for number in numbers])
    axis.set_xlim(-0.6, len(numbers) - 1 + max([0.5, *shifts.values()]) + 0.1)
    axis.grid(axis="y", color="0.9", linewidth=0.6, zorder=0)


def _gains(axis: Axes, points: pd.DataFrame, place: Mapping[float, int], lines: tuple[str, str]) -> None:
    """Draw an arrow from segmentation to the reference at each budget where both were run."""
    # Two budgets may have the same tumor CTs and differ in others: then it is not said which gain is meant.
    values = points.drop_duplicates(["method", "masks"], keep=False).set_index(["method", "masks"])["value"]
    for number, index in place.items():
        if all((method, number) in values.index for method in lines):
            above, below = (float(values.loc[(method, number)]) for method in lines)
            # Outside of the two lines: left of the first budget, right of the others.
            side, align = (-1, "right") if index == 0 and len(place) > 1 else (1, "left")
            x = index + side * 0.1
            axis.annotate("", (x, above), (x, below), arrowprops=_ARROW, zorder=4)
            gain = f"{100 * (above - below):+.1f}"
            axis.text(
                x + side * 0.04, (above + below) / 2, gain, va="center", ha=align, bbox=_PLAIN, fontsize=8
            )


def _bars(points: pd.DataFrame) -> list[list[float]]:
    """Lengths of the interval bars below and above each point; no bar where the interval is missing."""
    below = (points["value"] - points["low"]).clip(lower=0).fillna(0)
    above = (points["high"] - points["value"]).clip(lower=0).fillna(0)
    return [below.tolist(), above.tolist()]


def _finish(figure: Figure, axes: Sequence[Axes], experiment: Experiment, *, empty: bool) -> None:
    if empty:
        style.say_empty(axes[0], "no results")
    handles = {
        label: handle
        for axis in axes
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    if handles:
        columns = max(1, int(figure.get_figwidth() / _LEGEND_INCHES))
        figure.legend(
            handles.values(), handles.keys(), loc="outside lower center", ncols=columns, frameon=False
        )
    style.add_note(figure, experiment)
