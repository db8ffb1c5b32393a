"""Finish the store of a data set: its index, and the table of what became of each case."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import read_table, write_table
from rsuper.config.experiment import Preprocess
from rsuper.data.shards import Storing, gathered
from rsuper.data.store import VOLUMES_FOLDER
from rsuper.job import run
from rsuper.schemas import COHORT, VOLUMES


def main(snakemake: Any) -> None:
    """Gather what the shards noted; the table is written last."""
    params, output = snakemake.params, Path(snakemake.output[0])
    settings = Preprocess.model_validate(params.settings["preprocess"])
    storing = Storing(settings, output.parent / VOLUMES_FOLDER, params.mask_role)
    cohort = read_table(Path(snakemake.input.cohort), COHORT)
    frame = gathered(cohort, storing, [Path(notes) for notes in snakemake.input.shards])
    write_table(frame, output, VOLUMES)


run(main, snakemake)
