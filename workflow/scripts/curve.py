"""The data-efficiency curve: results against the number of masks and of reports."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import read_json, write_table
from rsuper.job import run
from rsuper.publish.figures.curve import curve
from rsuper.publish.figures.curve_points import curve_frame
from rsuper.publish.figures.tables import CURVE
from rsuper.publish.inputs import Inputs


def main(snakemake: Any) -> None:
    """Write the table of all points, then draw it as SVG and PNG."""
    inputs = Inputs.read(Path(snakemake.params.experiment), *map(Path, snakemake.input))
    counts = read_json(Path(snakemake.input.supervision))
    points = curve_frame(inputs.metrics, counts, inputs.experiment)
    write_table(points, Path(snakemake.output.table), CURVE)
    curve(points, inputs.experiment, inputs.cards, Path(snakemake.output[0]).with_suffix(""))


run(main, snakemake)
