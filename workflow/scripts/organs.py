"""Make organ masks for the cases of a data set that lack them, by the user's segmenter."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import write_table
from rsuper.config.dataset import Dataset
from rsuper.config.organ_segmenter import OrganSegmenter
from rsuper.data.organ_maker import make_organs
from rsuper.data.sources.raw_case import Origin
from rsuper.data.sources.registry import read_cases
from rsuper.job import run
from rsuper.schemas import ORGANS


def main(snakemake: Any) -> None:
    """Run the command where it has not run yet; the table is written last."""
    params, output = snakemake.params, Path(snakemake.output[0])
    dataset = Dataset.model_validate(params.dataset)
    cases = read_cases(Origin(snakemake.wildcards.dataset, Path(params.root), dataset))
    settings = OrganSegmenter.model_validate(params.settings["organ_segmenter"])
    frame = make_organs(cases, settings, output.parent / "organs", snakemake.threads)
    write_table(frame, output, ORGANS)


run(main, snakemake)
