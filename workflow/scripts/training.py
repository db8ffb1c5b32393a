"""Training curves."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import Layout
from rsuper.config.load import load_experiment
from rsuper.job import run
from rsuper.methods import available
from rsuper.publish.figures.training import training
from rsuper.publish.figures.training_terms import training_curves


def main(snakemake: Any) -> None:
    """Draw the losses of the shown runs from their logs, as SVG and PNG."""
    experiment = load_experiment(Path(snakemake.params.experiment))
    curves = training_curves(Layout.of(experiment.name), [tuple(item) for item in snakemake.params.runs])
    stem = Path(snakemake.output[0]).with_suffix("")
    training(curves, experiment, list(available().values()), stem)


run(main, snakemake)
