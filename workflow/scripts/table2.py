"""Table 2 by both threshold rules: chosen on the test set, as in the paper, and on validation cases."""

from pathlib import Path
from typing import Any

from rsuper.job import run
from rsuper.publish.inputs import Inputs
from rsuper.publish.render import table_notes, table_sections, write_csv, write_twins
from rsuper.publish.table2 import table2


def main(snakemake: Any) -> None:
    """Write the table and its validation twin."""
    inputs = Inputs.read(Path(snakemake.params.experiment), *map(Path, snakemake.input))
    for rule, path in (("oracle_test", snakemake.output.table), ("validation", snakemake.output.validation)):
        frame = table2(
            inputs.metrics,
            inputs.comparisons,
            inputs.experiment,
            inputs.cards,
            supervision=inputs.supervision,
            rule=rule,
        )
        write_csv(frame, Path(path))
        sections = table_sections(frame, inputs.experiment)
        write_twins(frame, Path(path), sections=sections, notes=table_notes(inputs.experiment, rule))


run(main, snakemake)
