"""How well the readers of an experiment read reports that they were not written on."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import write_lines, write_table
from rsuper.config.experiment import Extraction, ExtractionReport
from rsuper.extraction_report.document import document
from rsuper.extraction_report.phantom_sets import phantom_sets
from rsuper.extraction_report.real_sets import SKIPPED, real_sets
from rsuper.extraction_report.score import score
from rsuper.job import run
from rsuper.publish.render import write_csv
from rsuper.schemas import EXTRACTION_LEDGER


def main(snakemake: Any) -> None:
    """Write every measure, a document to read, and the disagreements."""
    params, output = snakemake.params, snakemake.output
    chosen = ExtractionReport(**params.settings["extraction_report"])
    real = real_sets([Path(file) for file in snakemake.input])
    sets, notes = [*phantom_sets(chosen.phantoms), *real], [] if real else [SKIPPED]
    print(*notes, sep="\n")
    scores = score(sets, Extraction(**params.settings["extraction"]), Path(params.answers))
    if scores.ledger is not None:
        write_table(scores.ledger, Path(output.ledger[0]), EXTRACTION_LEDGER)
    write_csv(scores.disagreements, Path(output.disagreements))
    write_lines([document(scores.accuracy, sets, notes).rstrip()], Path(output.document))
    write_csv(scores.accuracy, Path(output.accuracy))


run(main, snakemake)
