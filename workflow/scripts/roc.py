"""ROC curves of all methods."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import Layout, read_table
from rsuper.config.load import load_experiment
from rsuper.evaluate.case_tables import read_cases
from rsuper.job import run
from rsuper.methods import available
from rsuper.publish.figures.roc import roc
from rsuper.schemas import METRICS


def main(snakemake: Any) -> None:
    """Draw the curves from the tables of cases, as SVG and PNG."""
    experiment = load_experiment(Path(snakemake.params.experiment))
    cases = read_cases(
        Layout.of(experiment.name),
        snakemake.params.runs,
        list(experiment.test_sets),
        leaked=snakemake.input.get("leaked"),
    )
    metrics = read_table(Path(snakemake.input.metrics), METRICS)
    stem = Path(snakemake.output[0]).with_suffix("")
    roc(cases, metrics, experiment, list(available().values()), stem)


run(main, snakemake)
