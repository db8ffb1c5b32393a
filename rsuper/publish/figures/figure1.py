"""Figure 1, right panel: loss and gradient of the Volume Loss against the predicted volume."""

from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rsuper.publish.figures import style

# Color and dashes of the curves in the order of the table; told apart in grayscale by the dashes.
_LINES = ((style.BLUE, "-"), (style.ORANGE, "--"), (style.BLACK, ":"))
_SIZE_INCHES = (8, 5.8)


def figure1(points: pd.DataFrame, out_stem: Path) -> None:
    """Draw the Volume Loss and write it as .svg and .png.

    Args:
        points: columns of VOLUME_LOSS; no row gives an empty panel that says so.
        out_stem: path without suffix.

    Source: Fig. 1.
    """
    with matplotlib.rc_context(style.settings("figure1")):
        style.save(volume_loss_figure(points), out_stem)


def volume_loss_figure(points: pd.DataFrame) -> Figure:
    """Draw loss (Eq. 3) and gradient, one line per reported volume and tolerance.

    What costs nothing is shaded for the first curve, the paper's. The legend stands above.

    Args:
        points: columns of VOLUME_LOSS.
    """
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    if points.empty:
        style.say_empty(figure.subplots(), "no curve")
        return figure
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    curves = [curve for _, curve in points.groupby(["reported_mm3", "tolerance"], sort=False)]
    for index, curve in enumerate(curves):
        color, dashes = _LINES[index % len(_LINES)]
        for axes, column in ((upper, "loss"), (lower, "gradient_per_cm3")):
            axes.plot(
                curve["predicted_mm3"],
                curve[column],
                color=color,
                linestyle=dashes,
                linewidth=2,
                label=_label(curve),
            )
    _mark_free(upper, lower, curves[0])
    upper.set(ylabel="loss (Eq. 3)", xlim=(0, float(points["predicted_mm3"].max())))
    upper.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    lower.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    lower.set(xlabel="predicted tumor volume in the organ, mm³", ylabel="gradient, per cm³")
    lower.xaxis.set_major_formatter("{x:,.0f}")
    return figure


def _label(curve: pd.DataFrame) -> str:
    first = curve.iloc[0]
    if first["reported_mm3"] == 0:
        return "reported 0: no tumor"
    return f"reported {first['reported_mm3']:,.0f} mm³, tolerance {first['tolerance']:.0%}"


def _mark_free(upper: Axes, lower: Axes, curve: pd.DataFrame) -> None:
    """Shade the volumes that cost nothing, and say where the gradient pushes."""
    first = curve.iloc[0]
    low, high = float(first["free_from_mm3"]), float(first["free_to_mm3"])
    color = _LINES[0][0]
    for axes in (upper, lower):
        label = f"free at {first['tolerance']:.0%}"
        axes.axvspan(low, high, color=color, alpha=0.15, linewidth=0, label=label)
    for place, side in ((low, "right"), (high, "left")):
        upper.text(place, upper.get_ylim()[1], f" {short(place)} ", color=color, ha=side, va="top")
    least, most = lower.get_ylim()
    lower.text(low, least * 0.85, "too little: pushed up ", color="0.3", ha="right")
    largest = float(curve["predicted_mm3"].max())
    lower.text(largest, most * 0.35, "too much: pushed down", color="0.3", ha="right")


def short(number: float) -> str:
    """Write a volume with one decimal, or none where that is a zero."""
    return f"{number:,.1f}".removesuffix(".0")
