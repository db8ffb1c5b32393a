"""Qualitative overlays: CT, truth, prediction and the reported ball."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import Layout, read_table
from rsuper.collection import Collection
from rsuper.config.load import load_experiment
from rsuper.job import run
from rsuper.methods import available
from rsuper.publish.figures.overlay_pictures import read_pictures
from rsuper.publish.figures.overlays import overlays
from rsuper.publish.figures.shown_runs import choosing_run
from rsuper.publish.figures.tables import OVERLAYS


def main(snakemake: Any) -> None:
    """Read the chosen cases alone and draw them."""
    experiment = load_experiment(Path(snakemake.params.experiment))
    rows = read_table(Path(snakemake.input.balls), OVERLAYS)
    pictures = list(read_pictures(rows, Collection(experiment, Layout.of(experiment.name))))
    chooser = choosing_run([tuple(item) for item in snakemake.params.runs], experiment)
    stem = Path(snakemake.output[0]).with_suffix("")
    overlays(pictures, experiment, list(available().values()), chooser, stem)


run(main, snakemake)
