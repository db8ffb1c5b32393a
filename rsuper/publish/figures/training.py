"""Training curves: the loss on masks of every row, and the further terms of those that have some."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rsuper.config.experiment import Experiment
from rsuper.publish.figures import style
from rsuper.publish.figures.training_terms import MASKS, POINTS, Curve
from rsuper.publish.rows import Card, label_of

_PANEL_INCHES = (5.6, 3.0)
_LINE_INCHES = 0.18  # of a legend
_NOTE = (
    "Left: cross-entropy plus Dice loss on the masks of training patches, final output; the continued stage, "
    "after the first one that all rows share. Right: every further term, as weighted in the loss. Each point "
    f"is a mean over 1/{POINTS} of the steps. Rows train on different patches: compare courses, not heights."
)


def training(curves: Sequence[Curve], experiment: Experiment, cards: Sequence[Card], out_stem: Path) -> None:
    """Draw the curves, a row of panels per budget, and write them as .svg and .png.

    Args:
        curves: of the runs to show, one seed each.
        experiment: orders budgets and methods.
        cards: labels of the methods.
        out_stem: path without suffix.
    """
    budgets = list(experiment.budgets)
    legends = [
        max(sum(c.run[0] == budget and (c.term == MASKS) == left for c in curves) for left in (True, False))
        for budget in budgets
    ]
    heights = [_PANEL_INCHES[1] + _LINE_INCHES * (lines // 2 + 1) for lines in legends]
    with matplotlib.rc_context(style.settings("training")):
        figure = Figure(figsize=(2 * _PANEL_INCHES[0], sum(heights) + 0.5), layout="constrained")
        panels = figure.subplots(len(budgets), 2, squeeze=False, height_ratios=heights)
        for line, budget in zip(panels, budgets, strict=True):
            own = [curve for curve in curves if curve.run[0] == budget]
            _masks(line[0], [curve for curve in own if curve.term == MASKS], experiment, cards)
            _further(line[1], [curve for curve in own if curve.term != MASKS], experiment, cards)
            line[0].set_title(f"loss on masks, budget {budget}")
            line[1].set_title(f"further terms, budget {budget}")
        style.add_note(figure, experiment, _NOTE)
        style.save(figure, out_stem)


def _masks(axis: Axes, curves: Sequence[Curve], experiment: Experiment, cards: Sequence[Card]) -> None:
    by_method = {curve.run[1]: curve for curve in curves}
    for method in style.in_order(list(by_method), experiment):
        look = style.look(method, experiment)
        axis.plot(
            by_method[method].steps,
            by_method[method].values,
            color=look.color,
            linestyle=look.dashes,
            linewidth=1.3,
            label=label_of(method, cards),
        )
    _finish(axis)


def _further(axis: Axes, curves: Sequence[Curve], experiment: Experiment, cards: Sequence[Card]) -> None:
    by_method: dict[str, list[Curve]] = {}
    for curve in curves:
        by_method.setdefault(curve.run[1], []).append(curve)
    for method in style.in_order(list(by_method), experiment):
        for turn, curve in enumerate(by_method[method]):
            axis.plot(
                curve.steps,
                curve.values,
                color=style.look(method, experiment).color,
                linestyle=style.LOOKS[turn % len(style.LOOKS)].dashes,
                linewidth=1.1,
                label=f"{label_of(method, cards)}: {curve.term.replace('_', ' ')}",
            )
    _finish(axis)


def _finish(axis: Axes) -> None:
    axis.set(xlabel="step", ylabel="loss")
    if axis.get_lines():
        axis.legend(
            frameon=False,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.16),
            fontsize=7,
            ncols=2,
            handlelength=3.4,
        )
    else:
        style.say_empty(axis, "no such term")
