"""Bring the cases of a data set to one spacing and store them for random patch reads."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import read_table, write_table
from rsuper.config.experiment import Preprocess
from rsuper.data.preprocess import preprocess_cohort
from rsuper.job import run
from rsuper.schemas import COHORT, VOLUMES


def main(snakemake: Any) -> None:
    """Store every usable case; the table is written last."""
    cohort = read_table(Path(snakemake.input[0]), COHORT)
    settings = Preprocess.model_validate(snakemake.params.settings["preprocess"])
    output = Path(snakemake.output[0])
    frame = preprocess_cohort(cohort, settings, output.parent / "volumes", snakemake.params.mask_role)
    write_table(frame, output, VOLUMES)


run(main, snakemake)
