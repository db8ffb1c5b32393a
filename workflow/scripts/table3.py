"""Table 3: Table 2 by tumor size."""

from pathlib import Path
from typing import Any

from rsuper.job import run
from rsuper.publish.failed import failed_notes, marked
from rsuper.publish.inputs import Inputs
from rsuper.publish.render import leaked_notes, table_notes, table_sections, write_csv, write_twins
from rsuper.publish.table3 import table3


def main(snakemake: Any) -> None:
    """Write the table; strata keep all negatives and the overall threshold."""
    inputs = Inputs.read(Path(snakemake.params.experiment), *map(Path, snakemake.input))
    frame = table3(
        inputs.metrics,
        inputs.comparisons,
        inputs.experiment,
        inputs.cards,
        supervision=inputs.supervision,
        failed=inputs.failed,
    )
    path = Path(snakemake.output.table)
    write_csv(frame, path)
    sections = table_sections(frame, inputs.experiment)
    notes = [*table_notes(inputs.experiment, "oracle_test"), *leaked_notes(inputs.leaked)]
    notes += failed_notes(inputs.failed, inputs.metrics, inputs.cards)
    write_twins(marked(frame), path, sections=sections, notes=notes)


run(main, snakemake)
