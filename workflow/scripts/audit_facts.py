"""Measure the CTs and masks of a data set, for the audit."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import read_table, write_table
from rsuper.data.audit.facts import facts_frame
from rsuper.data.audit.journal import Journal
from rsuper.job import run
from rsuper.schemas import AUDIT_FACTS, COHORT


def main(snakemake: Any) -> None:
    """Read every volume once, one case at a time."""
    cohort = read_table(Path(snakemake.input[0]), COHORT)
    output = Path(snakemake.output[0])
    journal = Journal(output.with_suffix(".jsonl"), snakemake.params.code)
    write_table(facts_frame(cohort, journal, snakemake.threads), output, AUDIT_FACTS)


run(main, snakemake)
