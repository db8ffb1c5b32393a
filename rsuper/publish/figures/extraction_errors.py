"""What extraction errors cost: F1, AUC and DSC against the rate of each kind of error."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from rsuper.config.experiment import Experiment
from rsuper.publish.columns import groups
from rsuper.publish.figures import style
from rsuper.publish.figures.curve_points import LABELS, RULE, SHOWN
from rsuper.publish.figures.error_points import KINDS
from rsuper.publish.figures.style import BASELINE, Look
from rsuper.publish.rows import Card, label_of

_PANEL_INCHES = (2.9, 1.75)
_AROUND_INCHES = 0.75  # of a block: its heading, panel titles, and the label below
KIND_LABELS = {
    "missed": "missed (% of findings)",
    "misplaced": "misplaced (% of findings)",
    "size_noise": "size noise (100 x SD of the log diameter)",
    "invented": "invented (% of tumor-free organs)",
}
_NOTE = (
    "Every line is {reference}, trained on findings in which errors of one kind were made on purpose; test "
    f"sets are as they are. F1: at the threshold with the highest F1 on the test set (rule {RULE}). DSC: of "
    "tumor CTs alone. Bars, and the band of {baseline}: 95 % intervals of the paired difference to "
    "{reference} without errors, taken from its line; a bar that crosses the line is no sure cost. "
)
_CASES = "Intervals are over test cases."
_SEEDS = "Points are means over up to {n} seeds; intervals are over seeds and cases."
_APART = 0.02  # share of the axis: how far the lines stand apart


def extraction_errors(
    points: pd.DataFrame, experiment: Experiment, cards: Sequence[Card], out_stem: Path, *, seeds: int = 1
) -> None:
    """Draw a line per kind of error, between segmentation and the reference without errors, as .svg and .png.

    Columns are the targets and test sets with results, the paper's first; rows are F1, AUC and tumor-only
    DSC, once per budget. A line begins at rate 0 with the reference, where that has a value. What has no
    value is not drawn, and a bar only where there is a paired interval. Without any run with errors one empty
    panel says so.

    Args:
        points: columns of EXTRACTION_ERRORS, from `error_frame`.
        experiment: orders panels and names the reference method.
        cards: labels of the methods.
        out_stem: path without suffix.
        seeds: over how many training seeds the points are means.
    """
    drawn = points[points["value"].notna()]
    with_errors = drawn[drawn["error"] != ""]
    budgets = [name for name in experiment.budgets if (with_errors["budget"] == name).any()]
    found = set(zip(with_errors["target"], with_errors["test_set"], strict=True))
    columns = [group for group in groups(experiment) if group in found]
    width = max(_PANEL_INCHES[0] * len(columns), 5.0)
    height = (_PANEL_INCHES[1] * len(SHOWN) + _AROUND_INCHES) * max(len(budgets), 1) + 0.9
    with matplotlib.rc_context(style.settings("extraction_errors")):
        figure = Figure(figsize=(width, height), layout="constrained")
        parts = figure.subfigures(max(len(budgets), 1), 1, squeeze=False)[:, 0]
        if not budgets:
            style.say_empty(parts[0].subplots(), "no run with extraction errors")
        for part, budget in zip(parts, budgets, strict=False):
            part.suptitle(f"Budget {budget}", x=0.01, ha="left", fontsize=10, fontweight="bold")
            _block(part, drawn[drawn["budget"] == budget], columns, experiment, cards)
        style.add_legend(figure)
        names = {"reference": label_of(experiment.evaluation.reference, cards)}
        names |= {"baseline": label_of(BASELINE, cards)}
        note = _NOTE.format(**names) + (_SEEDS.format(n=seeds) if seeds > 1 else _CASES)
        style.add_note(figure, experiment, note)
        style.save(figure, out_stem)


def _block(
    part: SubFigure,
    points: pd.DataFrame,
    columns: Sequence[tuple[str, str]],
    experiment: Experiment,
    cards: Sequence[Card],
) -> None:
    """Draw one budget: a column of panels per target and test set."""
    panels = part.subplots(len(SHOWN), len(columns), squeeze=False, sharex=True, sharey="row")
    rates = sorted({0.0, *points.loc[points["error"] != "", "rate"]})
    for column, (target, test_set) in enumerate(columns):
        chosen = points[(points["target"] == target) & (points["test_set"] == test_set)]
        for axis, metric in zip(panels[:, column], SHOWN, strict=True):
            _panel(axis, chosen[chosen["metric"] == metric], rates[-1], experiment, cards)
            axis.set_xticks(rates, [f"{100 * rate:g}" for rate in rates])
            axis.set_xlim(-0.06 * rates[-1], 1.06 * rates[-1])
        panels[0, column].set_title(f"{target}, {style.set_label(test_set, experiment)}", fontsize=9)
        panels[-1, column].set_xlabel("rate of the error (see below)")
    for axis, metric in zip(panels[:, 0], SHOWN, strict=True):
        axis.set_ylabel(LABELS[metric])


def _panel(
    axis: Axes, points: pd.DataFrame, highest: float, experiment: Experiment, cards: Sequence[Card]
) -> None:
    if points.empty:
        style.say_empty(axis, "no results")
    own, floor = (points[points["method"] == name] for name in (experiment.evaluation.reference, BASELINE))
    ceiling = float(own["value"].iloc[0]) if len(own) else math.nan
    _levels(axis, ceiling, floor, experiment, cards)
    for index, (kind, look) in enumerate(_looks(experiment).items()):
        line = points[points["error"] == kind]
        if not line.empty:
            shift = _APART * highest * (index - (len(KINDS) - 1) / 2)
            _line(axis, line, ceiling, look, shift, KIND_LABELS[kind])


def _levels(
    axis: Axes, ceiling: float, floor: pd.DataFrame, experiment: Experiment, cards: Sequence[Card]
) -> None:
    """Draw segmentation and the reference without errors as lines over the whole width."""
    reference = experiment.evaluation.reference
    if math.isfinite(ceiling):
        look, label = style.look(reference, experiment), f"{label_of(reference, cards)} without errors"
        axis.axhline(ceiling, color=look.color, linestyle=look.dashes, linewidth=1.4, zorder=1.5, label=label)
    for row in floor.to_dict("records"):
        look, label = style.look(BASELINE, experiment), label_of(BASELINE, cards)
        level = {"linestyle": look.dashes, "linewidth": 1.4, "zorder": 1.5, "label": label}
        axis.axhline(row["value"], color=look.color, **level)
        low, high = ceiling - row["cost_high"], ceiling - row["cost_low"]
        if math.isfinite(low) and math.isfinite(high):
            axis.axhspan(low, high, color=look.color, alpha=0.13, linewidth=0, zorder=0.5)


def _line(axis: Axes, points: pd.DataFrame, ceiling: float, look: Look, shift: float, label: str) -> None:
    if math.isfinite(ceiling):
        first = points.iloc[0]
        start = {"color": look.color, "linestyle": look.dashes, "linewidth": 1.4, "zorder": 2.5}
        axis.plot([0, first["rate"] + shift], [ceiling, first["value"]], **start)
    low, high = ceiling - points["cost_high"], ceiling - points["cost_low"]
    style.add_points(
        axis, points["rate"] + shift, points["value"], (low, high), look, label, dashes=look.dashes
    )


def _looks(experiment: Experiment) -> Mapping[str, Look]:
    """Give every kind of error a look that neither segmentation nor the reference has."""
    taken = {style.look(name, experiment).color for name in (BASELINE, experiment.evaluation.reference)}
    free = [look for look in style.LOOKS if look.color not in taken]
    return dict(zip(KINDS, free, strict=False))
