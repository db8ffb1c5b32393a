"""Train one method at one budget and seed."""

import time
from pathlib import Path
from typing import Any

import torch

from rsuper.artifacts import Layout
from rsuper.collection import Collection
from rsuper.config.load import load_experiment
from rsuper.devices import device_of
from rsuper.fitting import fit_as_asked
from rsuper.job import run
from rsuper.methods import find
from rsuper.records import write_record
from rsuper.report_guard import refuse_to_open
from rsuper.runs import claim, make_task, run_key


def main(snakemake: Any) -> None:
    """Fit (or continue what a killed job left) and write the run's record."""
    params, wildcards = snakemake.params, snakemake.wildcards
    torch.set_num_threads(snakemake.threads)
    experiment = load_experiment(Path(params.experiment))
    collection = Collection(experiment, Layout.of(experiment.name))
    method = find(wildcards.method)
    config = method.config(params["values"])
    task = make_task(collection, method, wildcards.budget, int(wildcards.seed), device=device_of(snakemake))
    code, settings = [params.code, params.method], {**params.settings, "budget": params.budget}
    key = run_key(collection, task, config, wildcards.budget, code=code, settings=settings)
    claim(task.workdir, key)
    refuse_to_open(collection.report_files(), method.name)
    started = time.perf_counter()
    fit_as_asked(snakemake, method, task, config)
    seconds = time.perf_counter() - started
    write_record(task, method, config, experiment, collection, seconds, wildcards.budget)


run(main, snakemake)
