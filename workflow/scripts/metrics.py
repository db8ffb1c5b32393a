"""From all runs' cases to metrics, intervals and paired tests."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rsuper.artifacts import Layout, write_json, write_table
from rsuper.collection import Collection
from rsuper.config.load import load_experiment
from rsuper.evaluate.case_tables import read_cases
from rsuper.evaluate.compare import comparisons_frame
from rsuper.evaluate.failed_runs import failed_in
from rsuper.evaluate.summary import metrics_frame
from rsuper.job import run
from rsuper.schemas import COMPARISONS, FAILED_RUNS, LEAKED, METRICS


def main(snakemake: Any) -> None:
    """Write the long forms that everything is made from, their twins with leaked patients, failed runs."""
    experiment, output = load_experiment(Path(snakemake.params.experiment)), snakemake.output
    collection = Collection(experiment, Layout.of(experiment.name))
    cases = read_cases(collection.layout, snakemake.params.runs, snakemake.params.test_sets)
    leaked = cases["case_id"].isin(list(collection.leaked["case_id"]))
    forms: list[tuple[pd.DataFrame, str, str]] = [(cases[~leaked], output.metrics, output.comparisons)]
    if output.get("leaked"):
        write_table(collection.leaked, Path(output.leaked), LEAKED)
    if output.get("leaked_metrics"):
        forms.append((cases, output.leaked_metrics, output.leaked_comparisons))
    for rows, metrics, tests in forms:
        made = metrics_frame(rows, experiment.evaluation, np.random.default_rng(0))
        write_table(made, Path(metrics), METRICS)
        write_table(comparisons_frame(rows, experiment, np.random.default_rng(1)), Path(tests), COMPARISONS)
    write_table(failed_in(collection, snakemake.params.runs, cases), Path(output.failed), FAILED_RUNS)
    counts = {budget: collection.supervision_counts(budget) for budget in experiment.budgets}
    write_json(counts, Path(output.supervision))


run(main, snakemake)
