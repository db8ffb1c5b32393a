"""ROC curves: one panel per target, test set and budget, one line per method."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rsuper.config.experiment import Experiment
from rsuper.publish.figures import style
from rsuper.publish.figures.roc_curves import MethodCurve, method_curves
from rsuper.publish.rows import Card, label_of

_PANEL_INCHES = (3.9, 3.5)
_LINE_INCHES = 0.17  # of a legend
_NOTE = (
    "Markers: the threshold with the highest F1 on the test set (rule oracle_test). AUC with 95 % interval. "
    "Controls are left out."
)
_SEEDS = (
    "With {n} seeds a line is the mean of their curves at equal false positive rate, a marker the mean of "
    "their points; the interval is over seeds and cases."
)


def roc(
    cases: pd.DataFrame,
    metrics: pd.DataFrame,
    experiment: Experiment,
    cards: Sequence[Card],
    out_stem: Path,
) -> None:
    """Draw the ROC curves of all methods and write them as .svg and .png.

    Rows are the budgets; columns are the targets and test sets, the paper's first. With several seeds a line
    is their mean (see `method_curves`). A panel without a curve says so.

    Args:
        cases: columns of CASES with budget, method and seed, of all runs.
        metrics: columns of METRICS, for the AUC and its interval.
        experiment: orders budgets, test sets and methods, and names the case score.
        cards: labels of the methods.
        out_stem: path without suffix.
    """
    curves = method_curves(cases, metrics, experiment)
    columns, budgets = style.measured_groups(experiment), list(experiment.budgets)
    legends = sum(len(section.methods) for section in experiment.budgets.values())
    size = (
        _PANEL_INCHES[0] * max(len(columns), 1.5),
        _PANEL_INCHES[1] * len(budgets) + _LINE_INCHES * legends + 0.3,
    )
    with matplotlib.rc_context(style.settings("roc")):
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(budgets), len(columns), squeeze=False)
        for line, budget in zip(panels, budgets, strict=True):
            for axis, (target, test_set) in zip(line, columns, strict=True):
                wanted = (budget, test_set, target)
                own = [c for c in curves if (c.budget, c.test_set, c.target) == wanted]
                _panel(axis, own, experiment, cards)
                axis.set_title(f"{target}, {style.set_label(test_set, experiment)}\nbudget {budget}", pad=10)
        seeds = max((curve.n_seeds for curve in curves), default=1)
        score = f"Case score: {experiment.evaluation.score}."
        style.add_note(
            figure, experiment, f"{score} {_NOTE}", *([_SEEDS.format(n=seeds)] if seeds > 1 else [])
        )
        style.save(figure, out_stem)


def _panel(axis: Axes, curves: Sequence[MethodCurve], experiment: Experiment, cards: Sequence[Card]) -> None:
    by_method = {curve.method: curve for curve in curves}
    axis.plot([0, 1], [0, 1], color="0.75", linewidth=0.8, zorder=0)
    for method in style.in_order(list(by_method), experiment):
        curve, look = by_method[method], style.look(method, experiment)
        axis.plot(
            curve.false_positive_rate,
            curve.sensitivity,
            color=look.color,
            linestyle=look.dashes,
            linewidth=1.6,
            clip_on=False,
        )
        axis.plot(
            *curve.point,
            color=look.color,
            marker=look.marker,
            markersize=7,
            markerfacecolor=look.fill,
            markeredgecolor=look.color if look.hollow else "white",
            linestyle="none",
            clip_on=False,
            zorder=4,
        )
        # A handle with both, so that line and marker stand together in the legend.
        label = f"{label_of(method, cards)}: {curve.auc:.2f} [{curve.auc_low:.2f}, {curve.auc_high:.2f}]"
        both: Any = {"color": look.color, "linestyle": look.dashes, "marker": look.marker}
        axis.plot([], [], markerfacecolor=look.fill, label=label, **both)
    axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axis.set(xlabel="false positive rate", ylabel="sensitivity")
    if by_method:
        axis.legend(
            title="AUC",
            frameon=False,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.16),
            fontsize=7.5,
            handlelength=3.6,
        )
    else:
        style.say_empty(axis, "no results")
