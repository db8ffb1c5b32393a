"""Bring a part of a data set's cases to one spacing and store them for random patch reads."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import read_table
from rsuper.config.experiment import Preprocess
from rsuper.data.shards import Storing, shard_of, store_shard
from rsuper.data.store import VOLUMES_FOLDER
from rsuper.job import run
from rsuper.schemas import COHORT


def main(snakemake: Any) -> None:
    """Store every usable case of the shard; a killed job goes on behind the last."""
    params, notes = snakemake.params, Path(snakemake.output[0])
    settings = Preprocess.model_validate(params.settings["preprocess"])
    folder = notes.parent.parent / VOLUMES_FOLDER
    storing = Storing(settings, folder, params.mask_role, params.strict, params.code)
    cohort = read_table(Path(snakemake.input[0]), COHORT)
    number, shards = int(snakemake.wildcards.shard), int(snakemake.wildcards.shards)
    store_shard(shard_of(cohort, number, shards), storing, notes)


run(main, snakemake)
