"""Where reported tumors landed while the reference method and its variants trained, against the truth."""

from pathlib import Path
from typing import Any

import pandas as pd

from rsuper.artifacts import Layout, write_table
from rsuper.collection import Collection
from rsuper.config.load import load_experiment
from rsuper.evaluate.landing import landing_rows, read_landing
from rsuper.job import run
from rsuper.publish.figures.tables import LANDING


def main(snakemake: Any) -> None:
    """Write one row per region that a report supervised in a step with a log line."""
    experiment = load_experiment(Path(snakemake.params.experiment))
    layout = Layout.of(experiment.name)
    withheld = Collection(experiment, layout).withheld
    rows = [
        row
        for each in map(tuple, snakemake.params.runs)
        for row in landing_rows(each, read_landing(layout.run(*each)), withheld)
    ]
    write_table(pd.DataFrame(rows, columns=list(LANDING.columns)), Path(snakemake.output[0]), LANDING)


run(main, snakemake)
