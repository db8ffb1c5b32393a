"""The manifest of the results: every file with its hash, every job with what it read and made."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import Layout
from rsuper.config.load import load_experiment
from rsuper.job import run
from rsuper.provenance.manifest import write


def main(snakemake: Any) -> None:
    """Write it into the experiment's results folder, and say what it lists."""
    experiment = load_experiment(Path(snakemake.params.experiment))
    print(*write(Layout.of(experiment.name).root, experiment), sep="\n")


run(main, snakemake)
