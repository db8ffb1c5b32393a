"""Which cases the overlays show, and where the reported ball is best in every method's probabilities."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import Layout, write_table
from rsuper.collection import Collection
from rsuper.config.load import load_experiment
from rsuper.evaluate.case_tables import read_cases
from rsuper.job import run
from rsuper.locate import locate
from rsuper.publish.figures.overlay_cases import choose_cases
from rsuper.publish.figures.overlay_rows import overlays_frame
from rsuper.publish.figures.shown_runs import choosing_run
from rsuper.publish.figures.tables import OVERLAYS


def main(snakemake: Any) -> None:
    """Write one row per chosen case and run."""
    experiment = load_experiment(Path(snakemake.params.experiment))
    layout, runs = Layout.of(experiment.name), [tuple(item) for item in snakemake.params.runs]
    cases = read_cases(layout, runs, list(experiment.test_sets), leaked=snakemake.input.get("leaked"))
    chooser = choosing_run(runs, experiment)
    choices = choose_cases(cases, chooser, experiment)
    rows = overlays_frame(choices, runs, chooser, cases, Collection(experiment, layout), locate)
    write_table(rows, Path(snakemake.output[0]), OVERLAYS)


run(main, snakemake)
