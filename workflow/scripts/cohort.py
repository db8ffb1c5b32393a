"""List the cases of a data set with what is known about each."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import write_table
from rsuper.data.cohort import cohort_frame, read_findings
from rsuper.data.sources.abdomenatlas import raw_cases
from rsuper.job import run
from rsuper.schemas import COHORT


def main(snakemake: Any) -> None:
    """Scan the folders, read the findings, refuse what cannot be used."""
    params = snakemake.params
    cases = list(raw_cases(Path(params.root), snakemake.wildcards.dataset, params.metadata))
    findings = read_findings(Path(snakemake.input.findings))
    write_table(cohort_frame(cases, findings, params.mask_role), Path(snakemake.output[0]), COHORT)


run(main, snakemake)
