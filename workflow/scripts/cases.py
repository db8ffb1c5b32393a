"""Score every case of every test set of one run."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import Layout, write_table
from rsuper.collection import Collection
from rsuper.config.load import load_experiment
from rsuper.evaluate.cases import cases_frame, score_case
from rsuper.evaluate.read import PredictedSet
from rsuper.job import run
from rsuper.progress import tracked
from rsuper.schemas import CASES


def main(snakemake: Any) -> None:
    """Write one row per case and target; failures are rows too."""
    experiment = load_experiment(Path(snakemake.params.experiment))
    collection = Collection(experiment, Layout.of(experiment.name))
    settings = experiment.evaluation
    tolerances = settings.nsd_tolerances_mm
    for output in map(Path, snakemake.output):
        predicted = PredictedSet(collection, output.parent.parent, output.stem)
        rows = [
            row
            for case in tracked(collection.evaluated(output.stem), output.stem)
            for row in score_case(
                predicted.case(case), tolerances_mm=tolerances, size_source=settings.size_source
            ).values()
        ]
        write_table(cases_frame(rows, tolerances), output, CASES)


run(main, snakemake)
