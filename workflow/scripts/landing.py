"""Diagnosis of report supervision: where balls land, predicted volumes, and what became of the reports."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import Layout, read_json, read_table, run_record
from rsuper.config.load import load_experiment
from rsuper.job import run
from rsuper.methods import available
from rsuper.publish.figures.landing import landing
from rsuper.publish.figures.report_counts import report_counts
from rsuper.publish.figures.tables import LANDING


def main(snakemake: Any) -> None:
    """Draw the table of landings and the counts that the runs left, as SVG and PNG."""
    experiment = load_experiment(Path(snakemake.params.experiment))
    layout, runs = Layout.of(experiment.name), [tuple(each) for each in snakemake.params.runs]
    own = [each for each in runs if each[1] == experiment.evaluation.reference]
    config = read_json(run_record(layout.run(*own[-1])))["config"] if own else {}
    landing(
        read_table(Path(snakemake.input.table), LANDING),
        report_counts(layout, runs),
        experiment,
        list(available().values()),
        Path(snakemake.output[0]).with_suffix(""),
        tolerance=config.get("tolerance"),
    )


run(main, snakemake)
