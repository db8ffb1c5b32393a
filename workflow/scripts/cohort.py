"""List the cases of a data set with what is known about each."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import write_table
from rsuper.config.dataset import Dataset
from rsuper.data.cohort import cohort_frame, read_findings
from rsuper.data.made_organs import with_organs
from rsuper.data.sources.raw_case import Origin
from rsuper.data.sources.registry import named_by_hand, read_cases
from rsuper.job import run
from rsuper.schemas import COHORT


def main(snakemake: Any) -> None:
    """Scan the folders, read the findings, refuse what cannot be used."""
    params, settings = snakemake.params, Dataset.model_validate(snakemake.params.dataset)
    cases = read_cases(Origin(snakemake.wildcards.dataset, Path(params.root), settings))
    if settings.segment_organs:
        cases = with_organs(cases, Path(snakemake.input.organs[0]))
    findings = read_findings(Path(snakemake.input.findings))
    frame = cohort_frame(cases, findings, params.mask_role, strict=named_by_hand(settings))
    write_table(frame, Path(snakemake.output[0]), COHORT)


run(main, snakemake)
