"""Train one method at one budget and seed."""

import time
from pathlib import Path
from typing import Any

import torch

from rsuper.artifacts import Layout
from rsuper.config.load import load_experiment
from rsuper.job import run
from rsuper.methods import find
from rsuper.records import write_record
from rsuper.runs import Collection, claim, make_task


def main(snakemake: Any) -> None:
    """Fit (or continue what a killed job left) and write the run's record."""
    params, wildcards = snakemake.params, snakemake.wildcards
    torch.set_num_threads(snakemake.threads)
    experiment = load_experiment(Path(params.experiment))
    collection = Collection(experiment, Layout.of(experiment.name))
    method = find(wildcards.method)
    config = method.config(params["values"])
    task = make_task(collection, method, wildcards.budget, int(wildcards.seed), device=params.device)
    key = {
        "code": [params.code, params.method],
        "config": config.model_dump(mode="json"),
        "settings": {**params.settings, "budget": params.budget},
        "cohort": collection.hash(),
        "seed": task.seed,
        "upstream": {name: (path / "run.json").read_text() for name, path in task.upstream.items()},
    }
    claim(task.workdir, key)
    started = time.perf_counter()
    method.module.fit(task, config)
    write_record(task, method, config, experiment, collection, time.perf_counter() - started)


run(main, snakemake)
