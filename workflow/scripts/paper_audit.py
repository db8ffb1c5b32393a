"""The paper's published numbers checked against themselves."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import write_table
from rsuper.job import run
from rsuper.publish.audit.printed import printed_rows, statements, table1_methods
from rsuper.publish.paper_audit import NOTE, SHOWN, paper_audit
from rsuper.publish.paper_reference import paper_reference
from rsuper.publish.render import write_csv, write_twins
from rsuper.schemas import PAPER_AUDIT


def main(snakemake: Any) -> None:
    """Write every check with its verdict, and the published cells themselves."""
    write_csv(paper_reference(printed_rows()), Path(snakemake.output.reference))
    frame = paper_audit(printed_rows(), statements(), table1_methods())
    write_table(frame, Path(snakemake.output.table), PAPER_AUDIT)
    shown = {name: ("", name) for name in SHOWN}
    write_twins(frame, Path(snakemake.output.table), sections=[("", shown)], notes=[NOTE])


run(main, snakemake)
