"""Diagnosis of report supervision: where the balls land, predicted volumes, what became of the reports."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from rsuper.config.experiment import Experiment
from rsuper.publish.figures import style
from rsuper.publish.figures.landing_bars import bars
from rsuper.publish.figures.landing_points import (
    PARTS,
    Point,
    levels,
    ratio_points,
    share_points,
    shown_budgets,
)
from rsuper.publish.figures.run_kinds import Kind, kinds_of
from rsuper.publish.rows import Card

_PANEL_INCHES = (2.9, 2.3)
_FLOOR = 0.01  # of a ratio: below it, a point is drawn there
_APART = 0.09  # of a tenth of the run: how far two methods stand apart
_CHANCE: dict[str, Any] = {"linestyle": ":", "linewidth": 1.1}
_CEILING: dict[str, Any] = {"linestyle": (0, (5, 2)), "linewidth": 0.9}
_TRUE, _FREE = "true / reported, median of the reference", "within the tolerance"
_NOTE = (
    "Above: of the voxels that the Ball Loss labels as tumor, the share inside a true tumor, which training "
    "never sees; mean over regions with 95 % bootstrap interval. Chance: random voxels of the same regions; "
    "ceiling: the best choice of as many. Middle: median and quartiles over regions with a reported tumor, "
    "of the output with the Volume Loss, without that loss of the final one; below 0.01 drawn at 0.01. Both "
    "from the steps that have a line in the log, in tenths of a run, seeds pooled. Below: organs of all "
    "report cases, and regions of all patches drawn, at budget {budget}."
)


def landing(
    rows: pd.DataFrame,
    counts: pd.DataFrame,
    experiment: Experiment,
    cards: Sequence[Card],
    out_stem: Path,
    *,
    tolerance: float | None = None,
) -> None:
    """Draw what report supervision did while the reference method and its variants trained, as .svg and .png.

    Columns are the targets at the first and the last budget; rows the share of assigned voxels inside the
    true tumor, and predicted over reported volume, both over training. Below them bars say what became of
    the reports at the last budget. A panel without a value says why; without any region one empty panel.

    Args:
        rows: columns of LANDING.
        counts: from `report_counts`.
        experiment: orders targets, budgets and methods, and gives the length of a run.
        cards: labels of the methods.
        out_stem: path without suffix.
        tolerance: the reference's tolerance of the Volume Loss, drawn as a band; None draws none.
    """
    budgets = shown_budgets(rows, experiment)
    columns = [(target, budget) for target in experiment.targets for budget in budgets]
    with matplotlib.rc_context(style.settings("landing")):
        if not columns:
            figure = Figure(figsize=(6, 2.5), layout="constrained")
            style.say_empty(figure.subplots(), "no run noted where its balls land")
            style.add_note(figure, experiment)
            style.save(figure, out_stem)
            return
        drawn = counts[counts["budget"] == budgets[-1]]
        methods = style.in_order(sorted({*rows["method"], *drawn["method"]}), experiment)
        bars_inches = 1.1 + 0.24 * len(methods)
        width = max(_PANEL_INCHES[0] * len(columns), 9.0)
        figure = Figure(figsize=(width, 2 * _PANEL_INCHES[1] + bars_inches + 1.4), layout="constrained")
        heights = [2 * _PANEL_INCHES[1] + 0.6, bars_inches]
        above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
        kinds = kinds_of(methods, experiment, cards)
        # Controls may have run at other budgets alone: they have no bar here.
        labels = {name: kind.label for name, kind in kinds.items() if name in set(drawn["method"])}
        _lines(above, rows, columns, kinds, experiment, tolerance)
        bars(below, drawn, labels or {name: kind.label for name, kind in kinds.items()}, experiment.targets)
        style.add_note(figure, experiment, _NOTE.format(budget=budgets[-1]))
        style.save(figure, out_stem)


def _lines(
    part: SubFigure,
    rows: pd.DataFrame,
    columns: Sequence[tuple[str, str]],
    kinds: Mapping[str, Kind],
    experiment: Experiment,
    tolerance: float | None,
) -> None:
    panels = part.subplots(2, len(columns), squeeze=False, sharex=True, sharey="row")
    steps = experiment.schedule.steps
    generator = np.random.default_rng(experiment.data_seed)
    for column, (target, budget) in enumerate(columns):
        own = rows[(rows["target"] == target) & (rows["budget"] == budget)]
        by_method = {name: own[own["method"] == name] for name in kinds if (own["method"] == name).any()}
        shares = {
            name: share_points(of, steps, draws=experiment.evaluation.bootstrap_draws, generator=generator)
            for name, of in by_method.items()
        }
        ratios = {name: ratio_points(of, steps) for name, of in by_method.items()}
        _share_panel(panels[0, column], shares, by_method, kinds)
        _ratio_panel(panels[1, column], ratios, kinds)
        if experiment.evaluation.reference in by_method:
            _true_volume(panels[1, column], by_method[experiment.evaluation.reference])
        if tolerance is not None:
            panels[1, column].axhspan(1 - tolerance, 1 + tolerance, color="0.85", zorder=0, label=_FREE)
        panels[0, column].set_title(f"{target}, budget {budget}", fontsize=9)
        panels[1, column].set_xlabel("training done (%)")
    panels[0, 0].set_ylabel("assigned voxels inside\nthe true tumor (share)")
    panels[1, 0].set_ylabel("predicted / reported\nvolume")
    _legend(part, panels, [kind.label for kind in kinds.values()])


def _share_panel(
    axis: Axes,
    points: Mapping[str, Sequence[Point]],
    rows: Mapping[str, pd.DataFrame],
    kinds: Mapping[str, Kind],
) -> None:
    _series(axis, points, kinds, floor=0.0)
    drawn = [name for name in points if points[name]]
    for name in drawn:
        level, color = levels(rows[name]), kinds[name].look.color
        axis.axhline(level["chance"], color=color, zorder=1, **_CHANCE)
        axis.axhline(level["ceiling"], color=color, zorder=1, **_CEILING)
    if drawn:  # for the legend
        axis.plot([], [], color="0.3", label="chance", **_CHANCE)
        axis.plot([], [], color="0.3", label="ceiling", **_CEILING)
    else:
        style.say_empty(axis, _why_empty(rows))
    axis.set(xlim=(0, 100), ylim=(0, 1))


def _why_empty(rows: Mapping[str, pd.DataFrame]) -> str:
    """Say why no region has a share: the reason of most regions with a tumor, else of most."""
    if not rows:
        return "no results"
    together = pd.concat(list(rows.values()))
    with_tumor = together[together["reported_mm3"] > 0]
    return str((with_tumor if len(with_tumor) else together)["reason"].mode()[0])


def _ratio_panel(axis: Axes, points: Mapping[str, Sequence[Point]], kinds: Mapping[str, Kind]) -> None:
    _series(axis, points, kinds, floor=_FLOOR)
    if not any(points.values()):
        style.say_empty(axis, "no region with a reported volume")
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.set_xlim(0, 100)


def _true_volume(axis: Axes, rows: pd.DataFrame) -> None:
    true = levels(rows)["true"]
    if math.isfinite(true):
        axis.axhline(true, color="black", linestyle="-.", linewidth=0.9, zorder=1, label=_TRUE)


def _series(
    axis: Axes, points: Mapping[str, Sequence[Point]], kinds: Mapping[str, Kind], floor: float
) -> None:
    """Draw one line per method, a little apart; what lies below the floor is drawn there."""
    drawn = [name for name in points if points[name]]
    for index, name in enumerate(drawn):
        look, shift = kinds[name].look, _APART * (index - (len(drawn) - 1) / 2)
        triples = [(point.value, point.low, point.high) for point in points[name]]
        value, low, high = np.maximum(np.array(triples).T, floor)
        axis.errorbar(
            [100 / PARTS * (point.part + 0.5 + shift) for point in points[name]],
            value,
            yerr=[np.maximum(value - low, 0), np.maximum(high - value, 0)],
            color=look.color,
            marker=look.marker,
            markerfacecolor=look.fill,
            markersize=4,
            linewidth=1.4,
            elinewidth=0.7,
            label=kinds[name].label,
            zorder=3,
        )


def _legend(part: SubFigure, panels: np.ndarray, labels: Sequence[str]) -> None:
    handles = {
        label: handle
        for axis in panels.ravel()
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    order = [label for label in (*labels, "chance", "ceiling", _TRUE, _FREE) if label in handles]
    if handles:
        place: Any = {"loc": "outside lower center", "ncols": 4, "frameon": False}
        part.legend([handles[label] for label in order], order, **place)
