"""Table 2 by both threshold rules: chosen on the test set, as in the paper, and on validation cases."""

from pathlib import Path
from typing import Any

from rsuper.job import run
from rsuper.publish.failed import failed_notes, marked
from rsuper.publish.inputs import Inputs
from rsuper.publish.render import leaked_notes, table_notes, table_sections, write_csv, write_twins
from rsuper.publish.table2 import table2


def main(snakemake: Any) -> None:
    """Write the table, its validation twin and, where asked for, one with leaked patients."""
    files, output = snakemake.input, snakemake.output
    twins = [("oracle_test", "", output.table), ("validation", "", output.validation)]
    if output.get("with_leaked"):
        twins.append(("oracle_test", "leaked_", output.with_leaked))
    for rule, forms, path in twins:
        names = [f"{forms}metrics", f"{forms}comparisons", "supervision", "failed", "leaked"]
        paths = [Path(files[name]) for name in names if files.get(name)]
        inputs = Inputs.read(Path(snakemake.params.experiment), *paths)
        frame = table2(
            inputs.metrics,
            inputs.comparisons,
            inputs.experiment,
            inputs.cards,
            supervision=inputs.supervision,
            failed=inputs.failed,
            rule=rule,
        )
        write_csv(frame, Path(path))
        notes = [*table_notes(inputs.experiment, rule), *leaked_notes(inputs.leaked, included=bool(forms))]
        notes += failed_notes(inputs.failed, inputs.metrics, inputs.cards)
        sections = table_sections(frame, inputs.experiment)
        write_twins(marked(frame), Path(path), sections=sections, notes=notes)


run(main, snakemake)
