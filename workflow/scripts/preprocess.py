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
    params, output = snakemake.params, Path(snakemake.output[0])
    cohort = read_table(Path(snakemake.input[0]), COHORT)
    settings = Preprocess.model_validate(params.settings["preprocess"])
    folder = output.parent / "volumes"
    frame = preprocess_cohort(cohort, settings, folder, params.mask_role, strict=params.strict)
    write_table(frame, output, VOLUMES)


run(main, snakemake)
