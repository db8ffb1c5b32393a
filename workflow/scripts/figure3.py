"""Figure 3: demographics and tumor sizes of the cohorts."""

from pathlib import Path
from typing import Any

import pandas as pd

from rsuper.artifacts import read_table
from rsuper.config.load import load_experiment
from rsuper.job import run
from rsuper.publish.figures.figure3 import figure3
from rsuper.publish.figures.tables import SIZES
from rsuper.schemas import COHORT


def main(snakemake: Any) -> None:
    """Draw the figure as SVG and PNG."""
    cohort = pd.concat([read_table(Path(file), COHORT) for file in snakemake.input.cohorts])
    sizes = pd.concat([read_table(Path(file), SIZES) for file in snakemake.input.sizes])
    stem = Path(snakemake.output[0]).with_suffix("")
    figure3(cohort, sizes, load_experiment(Path(snakemake.params.experiment)), stem)


run(main, snakemake)
