"""The finding in one picture: R-Super less segmentation on the reference study, and the paper's differences.

    python docs/figures/finding.py

Reads results/reference/phantom_seeds and the paper's published table, and writes finding.png beside this file
or, where one is named, into another folder.
"""

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rsuper.artifacts import read_json, read_table
from rsuper.config.experiment import Experiment
from rsuper.config.load import load_experiment
from rsuper.publish.claims import PAPER_MASKS, reported_results
from rsuper.publish.figures import style
from rsuper.publish.html.answer import ABOVE, BELOW, side_of
from rsuper.publish.html.differences import COMPARED, Difference, differences
from rsuper.schemas import COMPARISONS, FAILED_RUNS

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "results" / "reference" / "phantom_seeds"
OTHER = "segmentation"
COLORS = {ABOVE: "#0072B2", BELOW: "#D55E00"}
UNDECIDED = "#666666"


def main(folder: Path) -> None:
    """Draw the picture."""
    experiment = load_experiment(ROOT / "config" / "phantom_seeds.yaml")
    comparisons = read_table(REFERENCE / "comparisons.csv", COMPARISONS)
    seen = read_json(REFERENCE / "supervision.json")
    nobody = pd.DataFrame(columns=list(FAILED_RUNS.columns))
    found = [e for e in differences(comparisons, nobody, experiment) if e.other == OTHER]
    with matplotlib.rc_context(style.settings("finding") | {"font.size": 10}):
        figure = Figure(figsize=(11, 4.6), layout="constrained")
        panels = figure.subplots(1, len(COMPARED), sharey=True)
        for axis, (metric, printed, *_) in zip(panels, COMPARED, strict=True):
            _panel(axis, [e for e in found if e.metric == metric], experiment, seen)
            axis.set_title(printed, fontweight="bold")
        figure.suptitle(
            "R-Super minus segmentation alone, percentage points: the same masks, network and steps; "
            "3 seeds, digital phantoms",
            fontsize=11,
        )
        figure.supxlabel(
            "blue: significantly above; gray: undecided; bars: 95 % over seeds and cases; hollow diamonds: "
            "differences that the paper reports for its patients (50 masks; 344 and 1,674)",
            fontsize=9,
        )
        FigureCanvasAgg(figure)
        figure.savefig(folder / "finding.png", dpi=150, metadata={"Software": None})


def _panel(
    axis: Axes, found: list[Difference], experiment: Experiment, seen: Mapping[str, Mapping[str, Any]]
) -> None:
    lines, labels = [], []
    for k, budget in enumerate(experiment.budgets):
        for j, (target, test_set) in enumerate(style.measured_groups(experiment)):
            y = -(5 * k + j)
            own = [e for e in found if (e.budget, e.target, e.test_set) == (budget, target, test_set)]
            for each in own:
                color = COLORS.get(side_of(each), UNDECIDED)
                axis.plot([100 * each.low, 100 * each.high], [y, y], color=color, linewidth=2)
                axis.plot(100 * each.value, y, "o", color=color, markersize=7)
                paper = _paper(each, experiment)
                if not math.isnan(paper):
                    axis.plot(100 * paper, y, "D", color="black", markerfacecolor="none", markersize=7)
            lines.append(y)
            masks = seen[budget]["masks"][target]
            labels.append(f"{masks} masks: {target}, {style.set_label(test_set, experiment)}")
    axis.axvline(0, color="black", linewidth=1)
    axis.set_yticks(lines, labels)
    axis.grid(axis="x", color="0.9")
    axis.set_axisbelow(True)


def _paper(each: Difference, experiment: Experiment) -> float:
    """Difference of the paper's rows; NaN where it has none. Its DSC is over all cases: not comparable."""
    stands_for = experiment.test_sets[each.test_set].paper
    masks = PAPER_MASKS.get((each.budget, each.target), 0)
    if each.metric == "dsc_tumor" or stands_for is None:
        return math.nan
    ours, other = (
        reported_results().get(("all", method, masks, each.target, stands_for, each.metric), math.nan)
        for method in (experiment.evaluation.reference, OTHER)
    )
    return ours - other


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent)
