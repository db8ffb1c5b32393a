"""The experiment's own hypotheses and what became of them."""

from pathlib import Path
from typing import Any

from rsuper.job import run
from rsuper.publish.hypotheses import hypotheses_frame
from rsuper.publish.inputs import Inputs
from rsuper.publish.render import write_csv, write_twins


def main(snakemake: Any) -> None:
    """Write one row per hypothesis, target, test set and metric."""
    inputs = Inputs.read(Path(snakemake.params.experiment), *map(Path, snakemake.input))
    frame = hypotheses_frame(inputs.comparisons, inputs.experiment, failed=inputs.failed).round(4)
    write_csv(frame, Path(snakemake.output.table))
    write_twins(frame, Path(snakemake.output.table), notes=[inputs.experiment.data_note])


run(main, snakemake)
