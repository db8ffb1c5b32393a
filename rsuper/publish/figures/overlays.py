"""Qualitative overlays: CT slice, true tumor, prediction and the reported ball, per method."""

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Bool
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.patheffects import AbstractPathEffect, withStroke

from rsuper.config.experiment import Experiment
from rsuper.metrics.overlap import MASK_THRESHOLD
from rsuper.publish.figures import style
from rsuper.publish.figures.overlay_cases import MEDIAN, TUMOR_FREE, WORST, circle_radius_mm
from rsuper.publish.figures.overlay_pictures import Picture
from rsuper.publish.figures.shown_runs import Run
from rsuper.publish.rows import Card, label_of

_PANEL_INCHES = (2.2, 2.6)
_WINDOW_HU = (-110.0, 240.0)  # a usual soft-tissue window
# Told apart in grayscale by dashes; a dark seam keeps them visible on any tissue.
_TRUTH: Any = {"color": "#56B4E9", "linestyle": "-", "linewidth": 2.4}
_PREDICTION: Any = {"color": "#F0A000", "linestyle": (0, (3, 1.5)), "linewidth": 1.4}
_BALL: Any = {"color": "#F0E442", "linestyle": ":", "linewidth": 1.6}
_PARTS = 4  # of a pixel's side, for the outlines
_SEAM: list[AbstractPathEffect] = [withStroke(linewidth=3.2, foreground="black", alpha=0.6)]
_KINDS = {
    MEDIAN: "median Dice",
    WORST: "worst Dice",
    TUMOR_FREE: "no tumor, highest score",
}


def overlays(
    pictures: Sequence[Picture],
    experiment: Experiment,
    cards: Sequence[Card],
    chooser: Run | None,
    out_stem: Path,
) -> None:
    """Draw the chosen cases, one row each and one column per run, and write them as .svg and .png.

    The slice is seen from below, the patient's right on the left. Dice and predicted volume are those of the
    whole CT, so that what lies outside of the view is not hidden. Without pictures one panel says so.

    Args:
        pictures: panels, row by row; every case has all runs in the same order.
        experiment: names test sets and the seed.
        cards: labels of the methods.
        chooser: the run whose results chose the cases.
        out_stem: path without suffix.
    """
    cases = list(dict.fromkeys((p.row["target"], p.row["kind"]) for p in pictures))
    runs = list(dict.fromkeys((p.row["budget"], p.row["method"]) for p in pictures))
    size = (max(6.0, _PANEL_INCHES[0] * len(runs) + 1.6), _PANEL_INCHES[1] * max(len(cases), 1) + 0.8)
    with matplotlib.rc_context(style.settings("overlays")):
        figure = Figure(figsize=size, layout="constrained")
        if not pictures:
            style.say_empty(figure.subplots(), "no cases to show")
        else:
            panels = figure.subplots(len(cases), len(runs), squeeze=False)
            for picture in pictures:
                line = cases.index((picture.row["target"], picture.row["kind"]))
                column = runs.index((picture.row["budget"], picture.row["method"]))
                _panel(panels[line, column], picture)
            _headings(panels, pictures, runs, experiment, cards)
            _legend(figure)
        style.add_note(figure, experiment, _rule(chooser, experiment, cards))
        style.save(figure, out_stem)


def _rule(chooser: Run | None, experiment: Experiment, cards: Sequence[Card]) -> str:
    who = f"{label_of(chooser[1], cards)} at budget {chooser[0]}" if chooser else "no method"
    return (
        f"Cases by the results of {who}, the same for all: median and worst Dice among CTs with a tumor "
        "mask, and the highest score among CTs without the tumor. Slice: largest cross-section of the tumor, "
        f"else of that method's prediction. Numbers are of the whole CT. Seed {experiment.seeds[0]}."
    )


def _panel(axis: Axes, picture: Picture) -> None:
    row = picture.row
    x, y, _ = picture.spacing_mm
    left, bottom = picture.corner_mm
    width, height = picture.ct_hu.shape
    axis.set_facecolor("black")
    axis.imshow(
        np.clip(picture.ct_hu, *_WINDOW_HU).T,
        origin="lower",
        extent=(left, left + width * x, bottom, bottom + height * y),
        cmap="gray",
        vmin=_WINDOW_HU[0],
        vmax=_WINDOW_HU[1],
        interpolation="nearest",
    )
    if picture.truth is not None:
        _outline(axis, picture, picture.truth, _TRUTH)
    lines = [_numbers(picture)]
    if picture.probability is not None:
        _outline(axis, picture, picture.probability >= MASK_THRESHOLD, _PREDICTION)
        lines += [_draw_ball(axis, picture)]
    middle = ((row["view_x"] + 0.5) * x, (row["view_y"] + 0.5) * y)
    half = row["view_mm"] / 2
    axis.set(xlim=(middle[0] + half, middle[0] - half), ylim=(middle[1] - half, middle[1] + half))
    axis.set(xticks=[], yticks=[])
    axis.set_xlabel("\n".join(line for line in lines if line), fontsize=7.5)


def _outline(axis: Axes, picture: Picture, mask: Bool[np.ndarray, "x y"], line: dict[str, Any]) -> None:
    """Draw the border of a mask along the edges of its pixels; nothing where it is empty."""
    if not mask.any():
        return
    # Between centers a contour would cut corners: each pixel is divided, the border closed at the view's.
    fine = np.kron(np.pad(mask, 1), np.ones((_PARTS, _PARTS))).T
    sides = [
        corner + step * ((np.arange(_PARTS * (length + 2)) + 0.5) / _PARTS - 1)
        for corner, step, length in zip(picture.corner_mm, picture.spacing_mm[:2], mask.shape, strict=True)
    ]
    drawn = axis.contour(
        *sides,
        fine,
        levels=[0.5],
        colors=line["color"],
        linestyles=[line["linestyle"]],
        linewidths=line["linewidth"],
    )
    drawn.set_path_effects(_SEAM)


def _draw_ball(axis: Axes, picture: Picture) -> str:
    """Draw where the reported ball meets the slice, and say how far away it is if it does not."""
    row = picture.row
    if math.isnan(row["ball_x"]):
        return ""
    x, y, z = picture.spacing_mm
    above_mm = (row["ball_z"] - row["slice_z"]) * z
    radius = circle_radius_mm(row["diameter_mm"], above_mm)
    if radius == 0:
        return f"ball {abs(above_mm):.0f} mm {'above' if above_mm > 0 else 'below'}"
    middle = ((row["ball_x"] + 0.5) * x, (row["ball_y"] + 0.5) * y)
    circle = Circle(middle, radius, fill=False, path_effects=_SEAM, **_BALL)
    axis.add_patch(circle)
    axis.plot(*middle, "+", color=_BALL["color"], markersize=7, path_effects=_SEAM)
    return "" if _inside(middle, row, picture.spacing_mm) else "ball outside of the view"


def _inside(middle_mm: tuple[float, float], row: Any, spacing_mm: tuple[float, float, float]) -> bool:
    view = ((row["view_x"] + 0.5) * spacing_mm[0], (row["view_y"] + 0.5) * spacing_mm[1])
    return all(abs(a - b) < row["view_mm"] / 2 for a, b in zip(middle_mm, view, strict=True))


def _numbers(picture: Picture) -> str:
    row = picture.row
    if picture.probability is None:
        return textwrap.fill(row["reason"] or "no prediction", 32)
    volume = f"{row['predicted_volume_mm3'] / 1000:.1f} mL predicted"
    return volume if row["kind"] == TUMOR_FREE else f"Dice {row['dsc']:.2f}, {volume}"


def _headings(
    panels: Any,
    pictures: Sequence[Picture],
    runs: Sequence[tuple[str, str]],
    experiment: Experiment,
    cards: Sequence[Card],
) -> None:
    for axis, (budget, method) in zip(panels[0], runs, strict=True):
        axis.set_title(f"{textwrap.fill(label_of(method, cards), 22)}\nbudget {budget}", fontsize=9)
    first = {(p.row["target"], p.row["kind"]): p.row for p in reversed(pictures)}
    ordered = list(dict.fromkeys((p.row["target"], p.row["kind"]) for p in pictures))
    for line, key in zip(panels, ordered, strict=True):
        line[0].set_ylabel(_case_label(first[key], experiment), fontsize=8)
        line[0].text(0.02, 0.5, "R", transform=line[0].transAxes, color="white", fontsize=8, va="center")


def _case_label(row: Any, experiment: Experiment) -> str:
    lines = [f"{row['target']}: {_KINDS[row['kind']]}", style.set_label(row["test_set"], experiment)]
    lines.append(row["case_id"])
    if row["kind"] != TUMOR_FREE:
        size = "no size" if math.isnan(row["diameter_mm"]) else f"{row['diameter_mm']:.0f} mm"
        lines.append(f"tumor {row['truth_volume_mm3'] / 1000:.1f} mL, report {size}")
    return "\n".join(lines)


def _legend(figure: Figure) -> None:
    handles = [
        Line2D([], [], label="true tumor", **_TRUTH),
        Line2D([], [], label="prediction at 0.5", **_PREDICTION),
        Line2D([], [], label="ball of the reported diameter where it holds most probability", **_BALL),
    ]
    drawn = figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    for handle in drawn.get_lines():
        handle.set_path_effects(_SEAM)
