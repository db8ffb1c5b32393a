"""Losses over training, from the logs that runs leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from rsuper.artifacts import Layout
from rsuper.evaluate.learning import log_lines
from rsuper.publish.figures.shown_runs import Run

LOG = "log.jsonl"
POINTS = 60  # of a curve at most: means over as many parts of the log
MASKS = "masks"  # the loss on masks of the final output: cross-entropy and Dice
_MASK_TERMS = ("mask_cross_entropy_final", "mask_dice_final")
# What a log line holds beside weighted terms of the loss, and terms that repeat another one's.
_OTHERS = ("step", "learning_rate", "seconds", "loss", "gradient_norm")
_PREFIXES = ("mask_", "count:", "tumors_", "validation")


@dataclass(frozen=True)
class Curve:
    """One term of one run's loss: means over equal parts of the log."""

    run: Run
    term: str  # MASKS, or as logged; a further stage's with its folder before it
    steps: Sequence[float]
    values: Sequence[float]


def training_curves(layout: Layout, runs: Sequence[Run]) -> list[Curve]:
    """Read the curves of runs; a run without a log (a control) has none.

    Raises:
        ArtifactError: a log is damaged.
    """
    return [curve for run in runs for path in _logs(layout.run(*run)) for curve in _curves(run, path, layout)]


def _logs(folder: Path) -> list[Path]:
    return sorted((folder / "model").rglob(LOG), key=lambda path: (len(path.parts), path))


def _curves(run: Run, path: Path, layout: Layout) -> list[Curve]:
    frame = pd.DataFrame(log_lines(path))
    stage = path.parent.relative_to(layout.run(*run) / "model").as_posix().removeprefix(".")
    terms = {
        str(name): frame[name].fillna(0.0)
        for name in frame
        if name not in _OTHERS and not str(name).startswith(_PREFIXES)
    }
    if set(_MASK_TERMS) <= set(frame):
        terms = {MASKS: frame[list(_MASK_TERMS)].sum(axis=1), **terms}
    elif not terms and "loss" in frame:
        terms = {"loss": frame["loss"]}
    lead = f"{stage}: " if stage else ""
    return [_curve(run, lead + name, frame["step"], values) for name, values in terms.items()]


def _curve(run: Run, term: str, steps: pd.Series, values: pd.Series) -> Curve:
    parts = np.arange(len(values)) * min(POINTS, len(values)) // len(values)
    rows = [
        [index for index, _ in group]
        for _, group in groupby(enumerate(parts.tolist()), key=lambda item: item[1])
    ]
    means = [(float(steps.iloc[own].mean()), float(values.iloc[own].mean())) for own in rows]
    return Curve(run, term, [step for step, _ in means], [value for _, value in means])
