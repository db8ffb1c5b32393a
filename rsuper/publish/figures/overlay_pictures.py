"""The part of a CT slice that an overlay shows, with truth and prediction, read from the files of a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Shaped

from rsuper.collection import Collection
from rsuper.data.volumes import read_volume
from rsuper.publish.figures.overlay_cases import Choice
from rsuper.publish.figures.overlay_rows import read_target

Window = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Picture:
    """One panel: arrays of one slice, cut to the view, and the row that belongs to it.

    `corner_mm` is where the arrays' first pixel begins, from the corner of the CT.
    """

    row: pd.Series
    ct_hu: Shaped[np.ndarray, "x y"]
    truth: Bool[np.ndarray, "u v"] | None
    probability: Float[np.ndarray, "r s"] | None
    spacing_mm: tuple[float, float, float]
    corner_mm: tuple[float, float]


def read_pictures(rows: pd.DataFrame, collection: Collection) -> Iterator[Picture]:
    """Read the panels of overlay_balls.csv in its order; each CT is read once.

    Raises:
        DataError: a file is missing or damaged.
    """
    for (case_id, target), own in rows.groupby(["case_id", "target"], sort=False):
        ct = read_volume(Path(collection.row(str(case_id))["ct"]))
        for _, row in own.iterrows():
            run = (row["budget"], row["method"], int(row["seed"]))
            choice = Choice(str(target), row["kind"], str(case_id), row["test_set"])
            item = read_target(collection, run, choice)
            x, y, _ = ct.spacing_mm
            window = view_window(row, ct.spacing_mm, ct.shape)
            at = (*window, int(row["slice_z"]))
            yield Picture(
                row=row,
                ct_hu=ct.array[at],
                truth=None if item is None or item.truth is None else item.truth[at],
                probability=None if item is None or item.probability is None else item.probability[at],
                spacing_mm=ct.spacing_mm,
                corner_mm=(window[0].start * x, window[1].start * y),
            )


def view_window(
    row: pd.Series, spacing_mm: tuple[float, float, float], shape: tuple[int, int, int]
) -> Window:
    """Return the pixels that meet the view of a row, at most those that are there."""
    sides = []
    for middle, step, length in zip((row["view_x"], row["view_y"]), spacing_mm[:2], shape[:2], strict=True):
        half = row["view_mm"] / 2 / step
        low, high = int(np.floor(middle + 0.5 - half)), int(np.ceil(middle + 0.5 + half))
        sides.append(slice(max(low, 0), min(high, length)))
    return sides[0], sides[1]
