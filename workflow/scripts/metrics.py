"""From all runs' cases to metrics, intervals and paired tests."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rsuper.artifacts import CASES, COMPARISONS, METRICS, Layout, read_table, write_json, write_table
from rsuper.config.load import load_experiment
from rsuper.evaluate.compare import comparisons_frame
from rsuper.evaluate.summary import metrics_frame
from rsuper.job import run
from rsuper.runs import Collection, supervision_counts


def main(snakemake: Any) -> None:
    """Write the long forms that every table and figure is made from."""
    experiment = load_experiment(Path(snakemake.params.experiment))
    layout = Layout.of(experiment.name)
    frames = []
    for budget, method, seed in snakemake.params.runs:
        for test_set in snakemake.params.test_sets:
            frame = read_table(layout.run(budget, method, seed) / "cases" / f"{test_set}.csv", CASES)
            frames.append(frame.assign(budget=budget, method=method, seed=seed))
    cases = pd.concat(frames, ignore_index=True)
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
