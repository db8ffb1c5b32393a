"""What all figures share: colors, markers and dashes, the note above them, and how they are written."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rsuper.artifacts import write_sealed
from rsuper.config.experiment import Experiment
from rsuper.publish.columns import groups
from rsuper.publish.rows import PAPER_ROWS

BASELINE = "segmentation"


@dataclass(frozen=True)
class Look:
    """How one method is drawn: told apart by color, and in grayscale by marker and dashes."""

    color: str
    marker: str
    dashes: Any
    hollow: bool = False

    @property
    def fill(self) -> str:
        """Color inside the marker."""
        return "white" if self.hollow else self.color


# Colors after Okabe and Ito, told apart by color-blind readers.
LOOKS = (
    Look("#0072B2", "o", "-"),
    Look("#444444", "s", "--"),
    Look("#E69F00", "^", "-."),
    Look("#009E73", "D", ":"),
    Look("#CC79A7", "v", (0, (6, 2, 1, 2, 1, 2))),
    Look("#56B4E9", "P", (0, (3, 1))),
    Look("#D55E00", "X", (0, (5, 3, 1, 3))),
    Look("#999933", "<", (0, (1, 3))),
    Look("#882255", ">", (0, (9, 3))),
)
BLUE, ORANGE, BLACK = "#0072B2", "#D55E00", "#000000"


def settings(name: str) -> dict[Any, Any]:
    """Return matplotlib's settings for a figure; its name seeds the identifiers inside the SVG."""
    return {
        "svg.hashsalt": name,
        "svg.fonttype": "path",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }


def known_methods(experiment: Experiment) -> list[str]:
    """List the methods that figures draw: the reference, segmentation, the paper's, then the experiment's."""
    lines = [experiment.evaluation.reference, BASELINE]
    listed = [method for section in experiment.budgets.values() for method in section.methods]
    return list(dict.fromkeys([*lines, *(method for _, _, method in PAPER_ROWS), *listed]))


def in_order(methods: Sequence[str], experiment: Experiment) -> list[str]:
    """Sort methods as `known_methods`; those that it does not know follow by name."""
    known = known_methods(experiment)
    present = set(methods)
    return [method for method in known if method in present] + sorted(present.difference(known))


def look(method: str, experiment: Experiment) -> Look:
    """Choose how a method looks: the same in all figures of an experiment, the paper's methods in any."""
    order = known_methods(experiment)
    turn, index = divmod(order.index(method) if method in order else len(order), len(LOOKS))
    if not turn:
        return LOOKS[index]
    # More methods than colors: a color comes again with another marker, hollow, and other dashes.
    marker, dashes = (LOOKS[(index + turn + step) % len(LOOKS)] for step in (3, 4))
    return Look(LOOKS[index].color, marker.marker, dashes.dashes, hollow=True)


def set_label(test_set: str, experiment: Experiment) -> str:
    """Return the name to print for a test set."""
    section = experiment.test_sets.get(test_set)
    return section.label if section else test_set


def measured_groups(experiment: Experiment) -> list[tuple[str, str]]:
    """List the pairs of target and test set that the experiment has: the paper's first."""
    return [
        (target, test_set)
        for target, test_set in groups(experiment)
        if target in experiment.targets and test_set in experiment.test_sets
    ]


def say_empty(axis: Axes, text: str) -> None:
    """Write into a panel why nothing is drawn there."""
    axis.text(0.5, 0.5, text, ha="center", va="center", transform=axis.transAxes)


def add_note(figure: Figure, experiment: Experiment, *more: str) -> None:
    """Say above a figure what it was measured on, and anything else that a reader must know."""
    note = f"{experiment.name}, {experiment.network.name}. {experiment.data_note}".strip()
    add_heading(figure, "\n".join([note, *more]))


def add_heading(figure: Figure, text: str) -> None:
    """Write small lines above a figure, each broken to the figure's width."""
    letters = int(17 * figure.get_figwidth())
    broken = "\n".join(textwrap.fill(line, letters) for line in text.split("\n"))
    figure.suptitle(broken, fontsize=7, color="0.3")


def add_points(
    axis: Axes,
    x: pd.Series,
    values: pd.Series,
    interval: tuple[pd.Series, pd.Series],
    look: Look,
    label: str,
    *,
    dashes: Any = "-",
) -> None:
    """Draw values joined by a line, with bars from `interval` (low, high); no bar where it is missing."""
    low, high = interval
    axis.errorbar(
        x,
        values,
        yerr=[(values - low).clip(lower=0).fillna(0), (high - values).clip(lower=0).fillna(0)],
        color=look.color,
        linestyle=dashes,
        marker=look.marker,
        markerfacecolor=look.fill,
        markersize=5.5,
        linewidth=1.6,
        elinewidth=0.8,
        capsize=2,
        label=label,
        zorder=3,
    )


def add_legend(figure: Figure) -> None:
    """Write below a figure what its panels show, every label once; nothing where none has a label."""
    handles = {
        label: handle
        for axis in figure.get_axes()
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    if handles:
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False)


def save(figure: Figure, out_stem: Path) -> None:
    """Write a figure as .svg and .png; the same figure gives the same bytes."""
    FigureCanvasAgg(figure)

    def write(suffix: str, metadata: dict[str, str | None]) -> Callable[[Path], None]:
        return lambda path: figure.savefig(path, format=suffix, dpi=150, metadata=metadata)

    write_sealed(out_stem.with_name(out_stem.name + ".svg"), write("svg", {"Date": None}))
    write_sealed(out_stem.with_name(out_stem.name + ".png"), write("png", {"Software": None}))
