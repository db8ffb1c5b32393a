"""Figure 3: who is in the cohorts, how they were scanned, and their tumors."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rsuper.config.experiment import Experiment
from rsuper.metrics.strata import SMALL_TUMOR_MAX_MM
from rsuper.publish.figures import style
from rsuper.publish.figures.cohorts import OTHER, Group, chosen_diameters, cohort_groups, shares
from rsuper.publish.figures.tumor_sizes import UNKNOWN, YES

# Color and marker per target: a dark and a light one.
_TARGETS = ((style.BLUE, "o"), ("#E69F00", "^"))
# Fill and hatching of categories by their number; the last two are what is rare and what is not known.
_FILLS = (
    ("#0072B2", ""),
    ("#E69F00", ""),
    ("#009E73", ".."),
    ("#F0E442", ""),
    ("#CC79A7", "xx"),
    ("#444444", ""),
)
_FILL_OTHER, _FILL_UNKNOWN = ("0.8", ""), ("white", "////")
_WIDE = 0.12  # share of a bar from which its number fits into it
_LONG, _LONGEST = 14, 26  # letters of a name in a legend of three columns, and in any
_SPREAD = 0.3  # of the points of one row
_GOLDEN = 0.618034  # its multiples are spread evenly and always alike
_MANY_POINTS = 2000
_BAR: Any = {"height": 0.6, "edgecolor": "black", "linewidth": 0.6}
_BOX: Any = {
    "widths": 0.5,
    "orientation": "horizontal",
    "whis": (5, 95),
    "sym": "",
    "patch_artist": True,
    "boxprops": {"facecolor": "0.85"},
    "medianprops": {"color": "black", "linewidth": 2},
    "manage_ticks": False,
}
_POINT: Any = {"linestyle": "none", "markersize": 3, "markeredgewidth": 0.5, "alpha": 0.7}
_SMALL: Any = {"fontsize": 7.5, "va": "center"}


def figure3(cohort: pd.DataFrame, sizes: pd.DataFrame, experiment: Experiment, out_stem: Path) -> None:
    """Draw sex, phase, scanner, age, tumors and their sizes per role, and write it as .svg and .png.

    What is not known about a case is a category of its own, never left out of a bar. A tumor's size is the
    report's or the mask's largest diameter, as the experiment prefers, the other one where the first is
    missing; the marker says which. Without cases every panel says so.

    Args:
        cohort: columns of COHORT, of all data sets.
        sizes: columns of SIZES, of all data sets.
        experiment: names roles, test sets and targets.
        out_stem: path without suffix.

    Source: Fig. 3.
    """
    members = cohort_groups(cohort, sizes, experiment)
    with matplotlib.rc_context(style.settings("figure3")):
        figure = Figure(figsize=(13, 3.2 + 0.95 * max(len(members), 1)), layout="constrained")
        panels = figure.subplots(2, 3, sharey=True)
        for axis, column in zip(panels[0], ("sex", "phase", "scanner"), strict=True):
            _draw_shares(axis, members, column)
        _draw_ages(panels[1, 0], members)
        _draw_counts(panels[1, 1], members, experiment.targets)
        _draw_diameters(panels[1, 2], members, experiment)
        for axis in panels.flat:
            _finish(axis, members)
        left_out = sum(group.unusable for group in members)
        unit = "Unit: CTs; a patient may have several. Validation cases are part of the report cohort."
        style.add_note(
            figure, experiment, f"{unit} {left_out} unusable CTs are left out." if left_out else unit
        )
        style.save(figure, out_stem)


def _draw_shares(axis: Axes, groups: Sequence[Group], column: str) -> None:
    counts = shares(groups, column)
    fractions = counts.div(counts.sum(axis=1).replace(0, 1), axis=0)
    start = np.zeros(len(counts))
    for index, name in enumerate(counts):
        plain = {OTHER: _FILL_OTHER, UNKNOWN: _FILL_UNKNOWN}
        color, hatch = plain.get(str(name), _FILLS[index % len(_FILLS)])
        width = fractions[name].to_numpy()
        axis.barh(
            range(len(counts)),
            width,
            left=start,
            color=color,
            hatch=hatch,
            label=_shortened(str(name)),
            **_BAR,
        )
        for row, share in enumerate(width):
            if share >= _WIDE:
                _number(axis, start[row] + share / 2, row, f"{share:.0%}", color, boxed=bool(hatch))
        start = start + width
    axis.set(
        xlim=(0, 1),
        xticks=(0, 0.5, 1),
        title={"sex": "Sex", "phase": "Contrast phase", "scanner": "Scanner"}[column],
    )
    axis.xaxis.set_major_formatter("{x:.0%}")
    axis.set_xlabel("share of CTs")
    if len(counts):
        _legend(axis, ncols=2 if max(len(str(name)) for name in counts) > _LONG else 3)


def _shortened(name: str) -> str:
    return textwrap.shorten(name, _LONGEST, placeholder="…") if len(name) > _LONGEST else name


def _number(axis: Axes, x: float, y: int, text: str, color: str, *, boxed: bool) -> None:
    dark = float(np.dot(to_rgb(color), (0.3, 0.59, 0.11))) < 0.5
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8} if boxed else None
    ink = "black" if boxed or not dark else "white"
    axis.text(x, y, text, ha="center", color=ink, bbox=box, **_SMALL)


def _at_the_right(axis: Axes, y: float | int, text: str) -> None:
    axis.text(1.0, y, text, transform=axis.get_yaxis_transform(), ha="right", **_SMALL)


def _draw_ages(axis: Axes, groups: Sequence[Group]) -> None:
    for row, group in enumerate(groups):
        ages = group.cases["age"].dropna().to_numpy()
        if len(ages):
            axis.boxplot([ages], positions=[row], **_BOX)
        missing = len(group.cases) - len(ages)
        if missing:
            _at_the_right(axis, row, f"{missing:,} unknown")
    axis.set(xlim=(0, 125), xticks=range(0, 101, 20), title="Age", xlabel="years: quartiles, 5 to 95 %")


def _draw_counts(axis: Axes, groups: Sequence[Group], targets: Sequence[str]) -> None:
    most, room = 1, 2.2
    for target, (color, _), place in _rows(targets):
        for row, group in enumerate(groups):
            own = group.sizes[group.sizes["target"] == target]
            found, unknown = own[own["tumor"] == YES], int((own["tumor"] == UNKNOWN).sum())
            # As many as there are names for: a target out of the field of view is neither with nor without.
            text = f" {target}: {len(found):,} CTs, {int(found['n_tumors'].sum()):,} tumors"
            if unknown:
                text, room = f"{text}, {unknown:,} CTs unknown", 3.4
            axis.barh(row + place, len(found), height=0.3, color=color, label=target if row == 0 else None)
            axis.text(len(found), row + place, text, **_SMALL)
            most = max(most, len(found))
    axis.set(xlim=(0, room * most), title="Tumors", xlabel="CTs with a tumor")
    if groups:
        _legend(axis, ncols=2)


def _draw_diameters(axis: Axes, groups: Sequence[Group], experiment: Experiment) -> None:
    shown = [chosen_diameters(group.sizes, experiment.evaluation.size_source) for group in groups]
    for target, (color, marker), place in _rows(experiment.targets):
        for row, sizes in enumerate(shown):
            own = sizes[sizes["target"] == target]
            for source, fill in (("report", color), ("mask", "none")):
                lengths = own.loc[own["source"] == source, "diameter_mm"].to_numpy()
                spread = _SPREAD * (np.arange(1, len(lengths) + 1) * _GOLDEN % 1 - 0.5)
                points = _POINT | {"marker": marker, "markerfacecolor": fill, "markeredgecolor": color}
                axis.plot(lengths, row + place + spread, rasterized=len(lengths) > _MANY_POINTS, **points)
            if own["diameter_mm"].notna().any():
                middle = [own["diameter_mm"].median()] * 2
                axis.plot(middle, [row + place - 0.18, row + place + 0.18], color="black", linewidth=2)
            if missing := int(own["diameter_mm"].isna().sum()):
                _at_the_right(axis, row + place, f"{missing:,} without size")
    axis.axvline(SMALL_TUMOR_MAX_MM, color="0.4", linestyle="--", linewidth=0.9, zorder=0)
    longest = max(
        (sizes["diameter_mm"].max() for sizes in shown if sizes["diameter_mm"].notna().any()), default=50
    )
    axis.set(xlim=(0, 1.7 * float(longest)), title="Largest tumor of a CT", xlabel="largest diameter, mm")
    handles = [
        _handle(target, color=color, marker=marker)
        for target, (color, marker), _ in _rows(experiment.targets)
    ]
    handles += [
        _handle("by report", color="0.3"),
        _handle("by mask", markerfacecolor="none", markeredgecolor="0.3"),
    ]
    _legend(axis, handles=handles, ncols=4)


def _rows(targets: Sequence[str]) -> list[tuple[str, tuple[str, str], float]]:
    """Color and marker of each target, and where its row lies beside the middle of a group's."""
    step = 0.38 if len(targets) > 1 else 0.0
    return [(t, _TARGETS[i % 2], step * (i - (len(targets) - 1) / 2)) for i, t in enumerate(targets)]


def _handle(label: str, **options: Any) -> Line2D:
    return Line2D([], [], linestyle="none", markersize=5, label=label, **({"marker": "o"} | options))


def _finish(axis: Axes, groups: Sequence[Group]) -> None:
    axis.set_yticks(range(len(groups)), [group.label for group in groups])
    axis.set_ylim(len(groups) - 0.4, -0.6)
    if not groups:
        axis.set_ylim(0, 1)
        style.say_empty(axis, "no cases")


def _legend(axis: Axes, **options: Any) -> None:
    axis.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize=7.5, **options)
