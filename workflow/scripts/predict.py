"""Predict every test set, and the validation set, with one trained run."""

from pathlib import Path
from typing import Any

import torch

from rsuper.artifacts import Layout, read_json, write_table
from rsuper.collection import Collection
from rsuper.config.load import load_experiment
from rsuper.devices import device_of
from rsuper.job import run
from rsuper.methods import find
from rsuper.predictions import store_predictions
from rsuper.report_guard import refuse_to_open
from rsuper.runs import make_task
from rsuper.schemas import PREDICTIONS


def main(snakemake: Any) -> None:
    """Write probability maps as NIfTI; each set's table is written last."""
    params, wildcards = snakemake.params, snakemake.wildcards
    torch.set_num_threads(snakemake.threads)
    experiment = load_experiment(Path(params.experiment))
    collection = Collection(experiment, Layout.of(experiment.name))
    method = find(wildcards.method)
    task = make_task(collection, method, wildcards.budget, int(wildcards.seed), device=device_of(snakemake))
    read_json(task.workdir / "run.json")
    refuse_to_open(collection.report_files(), method.name)
    targets = method.targets(experiment.targets)
    for output in map(Path, snakemake.output):
        volumes = collection.test_volumes(output.parent.name)
        predictions = method.module.predict(task, volumes)
        frame = store_predictions(predictions, volumes, collection, output.parent, targets)
        write_table(frame, output, PREDICTIONS)


run(main, snakemake)
