"""The Volume Loss as a curve over the predicted volume, for Figure 1."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from rsuper.artifacts import write_table
from rsuper.job import run
from rsuper.losses.volume_curve import curve_points
from rsuper.publish.figures.tables import VOLUME_LOSS


def main(snakemake: Any) -> None:
    """Write the points of every curve."""
    write_table(
        pd.DataFrame([asdict(point) for point in curve_points()]), Path(snakemake.output[0]), VOLUME_LOSS
    )


run(main, snakemake)
