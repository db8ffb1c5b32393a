"""Figure 1: the curve of the Volume Loss."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import read_table
from rsuper.job import run
from rsuper.publish.figures.figure1 import figure1
from rsuper.publish.figures.tables import VOLUME_LOSS


def main(snakemake: Any) -> None:
    """Draw the figure as SVG and PNG."""
    figure1(read_table(Path(snakemake.input.points), VOLUME_LOSS), Path(snakemake.output[0]).with_suffix(""))


run(main, snakemake)
