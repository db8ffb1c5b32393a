"""Tumors and their sizes in a data set, from masks and reports."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import read_table, write_table
from rsuper.data.cohort import read_findings
from rsuper.job import run
from rsuper.publish.figures.tables import SIZES
from rsuper.publish.figures.tumor_sizes import sizes_frame
from rsuper.schemas import COHORT, VOLUMES


def main(snakemake: Any) -> None:
    """Write one row per case and target."""
    cohort = read_table(Path(snakemake.input.cohort), COHORT)
    volumes = read_table(Path(snakemake.input.volumes), VOLUMES)
    stored = volumes.loc[volumes["reason"] == "", "case_id"]
    cohort = cohort[cohort["case_id"].isin(stored)]  # masks of the others may be what is wrong with them
    findings = read_findings(Path(snakemake.input.findings))
    frame = sizes_frame(cohort, findings, snakemake.params.settings["targets"])
    write_table(frame, Path(snakemake.output[0]), SIZES)


run(main, snakemake)
