"""What errors in reading reports cost: results against the rate of each kind of error."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import write_table
from rsuper.evaluate.seeds import count_seeds
from rsuper.job import run
from rsuper.publish.figures.error_points import error_frame
from rsuper.publish.figures.extraction_errors import extraction_errors
from rsuper.publish.figures.tables import EXTRACTION_ERRORS
from rsuper.publish.inputs import Inputs


def main(snakemake: Any) -> None:
    """Write the table of all points, then draw it as SVG and PNG."""
    inputs = Inputs.read(Path(snakemake.params.experiment), *map(Path, snakemake.input))
    points = error_frame(inputs.metrics, inputs.comparisons, inputs.experiment, inputs.cards)
    write_table(points, Path(snakemake.output.table), EXTRACTION_ERRORS)
    seeds = max(count_seeds(inputs.metrics).values(), default=1)
    stem = Path(snakemake.output[0]).with_suffix("")
    extraction_errors(points, inputs.experiment, inputs.cards, stem, seeds=seeds)


run(main, snakemake)
