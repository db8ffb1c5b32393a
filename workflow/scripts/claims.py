"""The paper's claims beside what was measured here."""

from pathlib import Path
from typing import Any

from rsuper.job import run
from rsuper.publish.claims import claims_frame
from rsuper.publish.inputs import Inputs
from rsuper.publish.render import write_csv, write_twins


def main(snakemake: Any) -> None:
    """Write one row per claim with its verdict."""
    inputs = Inputs.read(Path(snakemake.params.experiment), *map(Path, snakemake.input))
    frame = claims_frame(inputs.metrics, inputs.comparisons, inputs.experiment, failed=inputs.failed)
    write_csv(frame, Path(snakemake.output.table))
    write_twins(frame, Path(snakemake.output.table), notes=[inputs.experiment.data_note])


run(main, snakemake)
