"""Stop where the audit found what no run may go on with."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import read_table, write_lines
from rsuper.data.audit.report import refuse_stops
from rsuper.job import run
from rsuper.schemas import AUDIT


def main(snakemake: Any) -> None:
    """Leave a file that says so where the audit lets a run go on."""
    frame = read_table(Path(snakemake.input.table), AUDIT)
    counts = refuse_stops(frame, Path(snakemake.input.document))
    write_lines([counts], Path(snakemake.output[0]))


run(main, snakemake)
