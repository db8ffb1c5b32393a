"""Figure 4: F1 against the number of training masks."""

from pathlib import Path
from typing import Any

from rsuper.job import run
from rsuper.publish.figures.figure4 import figure4
from rsuper.publish.inputs import Inputs


def main(snakemake: Any) -> None:
    """Draw the figure as SVG and PNG."""
    inputs = Inputs.read(Path(snakemake.params.experiment), *map(Path, snakemake.input))
    stem = Path(snakemake.output[0]).with_suffix("")
    figure4(inputs.metrics, inputs.experiment, inputs.cards, inputs.masks, stem)


run(main, snakemake)
