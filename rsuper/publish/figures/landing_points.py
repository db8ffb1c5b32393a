"""Landings over training as points: tenths of a run, seeds pooled."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from rsuper.config.experiment import Experiment
from rsuper.stats.bootstrap import interval

PARTS = 10


@dataclass(frozen=True)
class Point:
    """A value in one part of training (0 to 9) with its bounds, over `n` regions."""

    part: int
    value: float
    low: float
    high: float
    n: int


def part_of_run(step: int, steps: int) -> int:
    """Tell which tenth of a run a step (from 1) belongs to, 0 to 9; a step past the end is of the last."""
    return min((step - 1) * PARTS // steps, PARTS - 1)


def share_points(
    rows: pd.DataFrame, steps: int, *, draws: int, generator: np.random.Generator
) -> list[Point]:
    """Average the share of assigned voxels inside the true tumor per tenth of the run.

    Every region counts once, whatever its number of voxels; bounds: 95 % of bootstrap resamples of the
    regions. Regions without a share are left out, and so is a tenth without any.

    Args:
        rows: of LANDING, of one budget, method and target; seeds pooled.
        steps: length of a run.
        draws: number of resamples.
        generator: source of the resamples.
    """
    points = []
    for part, shares in _by_part(rows[rows["share"].notna()], "share", steps):
        bounds = interval("mean", np.zeros(shares.size), shares, generator=generator, draws=draws)
        points.append(Point(part, bounds.value, bounds.low, bounds.high, shares.size))
    return points


def ratio_points(rows: pd.DataFrame, steps: int) -> list[Point]:
    """Give the median and the quartiles of predicted over reported volume per tenth of the run.

    Only regions with a reported volume; a tenth without any is left out.

    Args:
        rows: as for `share_points`.
        steps: length of a run.
    """
    sized = rows[rows["reported_mm3"] > 0]
    ratios = sized.assign(ratio=sized["predicted_mm3"] / sized["reported_mm3"])
    points = []
    for part, values in _by_part(ratios, "ratio", steps):
        low, middle, high = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
        points.append(Point(part, middle, low, high, values.size))
    return points


def _by_part(rows: pd.DataFrame, column: str, steps: int) -> Iterator[tuple[int, Float[np.ndarray, " n"]]]:
    parts = np.array([part_of_run(step, steps) for step in rows["step"]], dtype=np.int64)
    values = rows[column].to_numpy(dtype=np.float64)
    for part in np.unique(parts).tolist():
        yield part, values[parts == part]


def levels(rows: pd.DataFrame) -> Mapping[str, float]:
    """Average chance and ceiling over the regions with a share, and give the median of true over reported.

    NaN where there is nothing to average.
    """
    landed = rows[rows["share"].notna()]
    sized = rows[(rows["reported_mm3"] > 0) & rows["true_mm3"].notna()]
    return {
        "chance": float(landed["chance"].mean()),
        "ceiling": float(landed["ceiling"].mean()),
        "true": float((sized["true_mm3"] / sized["reported_mm3"]).median()),
    }


def shown_budgets(rows: pd.DataFrame, experiment: Experiment) -> list[str]:
    """Choose the first and the last budget of the experiment that have a region; one stands alone."""
    found = [budget for budget in experiment.budgets if (rows["budget"] == budget).any()]
    return list(dict.fromkeys([*found[:1], *found[-1:]]))
