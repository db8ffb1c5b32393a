"""From all runs' cases to metrics, intervals and paired tests."""

from pathlib import Path
from typing import Any

import numpy as np

from rsuper.artifacts import Layout, write_json, write_table
from rsuper.config.load import load_experiment
from rsuper.evaluate.case_tables import read_cases
from rsuper.evaluate.compare import comparisons_frame
from rsuper.evaluate.summary import metrics_frame
from rsuper.job import run
from rsuper.runs import Collection, supervision_counts
from rsuper.schemas import COMPARISONS, METRICS


def main(snakemake: Any) -> None:
    """Write the long forms that every table and figure is made from."""
    experiment = load_experiment(Path(snakemake.params.experiment))
    layout = Layout.of(experiment.name)
    cases = read_cases(layout, snakemake.params.runs, snakemake.params.test_sets)
    metrics = metrics_frame(cases, experiment.evaluation, np.random.default_rng(0))
    write_table(metrics, Path(snakemake.output.metrics), METRICS)
    comparisons = comparisons_frame(cases, experiment, np.random.default_rng(1))
    write_table(comparisons, Path(snakemake.output.comparisons), COMPARISONS)
    collection = Collection(experiment, layout)
    counts = {
        budget: supervision_counts(collection, budget, experiment.seeds) for budget in experiment.budgets
    }
    write_json(counts, Path(snakemake.output.supervision))


run(main, snakemake)
