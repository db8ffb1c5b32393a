"""The experiment's figures as part of the page, each with words for who cannot see it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rsuper.files import require_whole

LARGEST_SVG = 400_000  # bytes; a larger drawing is shown as pixels
RESULTS, TRAINING, DATA = "results", "training", "data"
# Section, title, what is seen, and the table with its numbers.
_KNOWN = {
    "figure4": (
        RESULTS,
        "Figure 4: F1 against the number of masks",
        "F1 score of every method at each budget, one panel per tumor type and test set, with 95 % "
        "intervals.",
        "metrics.csv",
    ),
    "curve": (
        RESULTS,
        "Masks and reports",
        "F1, AUC and DSC of tumor cases against the number of tumor masks (upper panels) and the number "
        "of reports (lower panels), one line per method, with 95 % intervals.",
        "figures/curve.csv",
    ),
    "roc": (
        RESULTS,
        "ROC curves",
        "Sensitivity against false positive rate, one panel per budget, tumor type and test set, one line "
        "per method with its operating point; the legend gives each AUC with its 95 % interval.",
        "metrics.csv",
    ),
    "extraction_errors": (
        RESULTS,
        "What errors in reading reports cost",
        "Results against the rate of errors made on purpose in what was read from reports.",
        "figures/extraction_errors.csv",
    ),
    "overlays": (
        RESULTS,
        "The same cases by every method",
        "CT slices with true tumor, prediction and reported ball: one row per case, one column per method.",
        "figures/overlay_balls.csv",
    ),
    "figure1": (
        RESULTS,
        "Figure 1: the Volume Loss",
        "Loss and gradient against the predicted volume, for a reported volume: zero within the tolerance.",
        "figures/volume_loss.csv",
    ),
    "training": (
        TRAINING,
        "Losses over training",
        "The loss on masks of every row (left) and every further term of the losses (right), by step.",
        "runs/*/*/*/model/log.jsonl",
    ),
    "landing": (
        TRAINING,
        "Where reported tumors land",
        "Over training: the share of voxels assigned to reported tumors that lies inside a true tumor, next "
        "to chance and to the best possible; predicted over reported volume; what became of the reports.",
        "figures/landing.csv",
    ),
    "figure3": (
        DATA,
        "Figure 3: the cohorts",
        "Numbers of CTs by role and tumor type, sizes of tumors, age, sex and phase where known.",
        "data/*/sizes.csv",
    ),
}


@dataclass(frozen=True)
class Figure:
    """A drawing inside the page."""

    name: str
    title: str
    alt: str
    numbers: str  # where its numbers stand
    data: str  # as an address that holds the file itself


def figures_of(files: Sequence[Path]) -> dict[str, list[Figure]]:
    """Read figures, by section, in the order of this module.

    Args:
        files: paths of the .svg files; the .png lies beside.

    Raises:
        ArtifactError: one is missing or damaged.
    """
    by_name = {path.stem: path for path in files}
    sections: dict[str, list[Figure]] = {RESULTS: [], TRAINING: [], DATA: []}
    for name, (section, title, alt, numbers) in _KNOWN.items():
        if name in by_name:
            sections[section].append(Figure(name, title, alt, numbers, _address(by_name[name])))
    return sections


def _address(svg: Path) -> str:
    small = svg.stat().st_size <= LARGEST_SVG
    path, kind = (svg, "svg+xml") if small else (svg.with_suffix(".png"), "png")
    require_whole(path)
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
