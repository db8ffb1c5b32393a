"""Table 1: what each paradigm uses."""

from pathlib import Path
from typing import Any

from rsuper.job import run
from rsuper.methods import available
from rsuper.publish.render import write_csv, write_twins
from rsuper.publish.table1 import table1


def main(snakemake: Any) -> None:
    """Write the table from the cards of the method folders."""
    frame = table1(list(available().values()))
    write_csv(frame, Path(snakemake.output.table))
    write_twins(frame, Path(snakemake.output.table))


run(main, snakemake)
