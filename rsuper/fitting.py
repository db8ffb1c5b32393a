"""Fit one run, by this process or by several that train together.

On one machine `fit_together` starts them. On several, each machine's launcher does, all with one request:

    python -m torch.distributed.run --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d
        --rdzv-endpoint FIRST_MACHINE:29500 -m rsuper.fitting request.json

The numbers are those of one process. Whoever calls claims the run's folder before, and writes its record
after.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field

from rsuper.artifacts import Layout
from rsuper.collection import Collection
from rsuper.config.load import load_experiment, parse
from rsuper.engine import distributed
from rsuper.errors import MethodError, RsuperError
from rsuper.files import read_json, write_json
from rsuper.methods import Method, find
from rsuper.report_guard import refuse_to_open
from rsuper.runs import make_task
from rsuper.task import Task


class Request(BaseModel):
    """Which run to fit, and where its output goes; plain values, for they pass between processes.

    Attributes:
        values: the experiment's settings of the method.
        log: file that gets what the processes print; None: nothing is redirected.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: str
    method: str
    budget: str
    seed: int
    device: str
    threads: int = 1
    values: Mapping[str, object] = Field(default_factory=dict)
    log: str | None = None


def fit(request: Request) -> None:
    """Fit a run, or go on with it; the folder must be claimed."""
    torch.set_num_threads(request.threads)
    experiment = load_experiment(Path(request.experiment))
    collection = Collection(experiment, Layout.of(experiment.name))
    method = find(request.method)
    config = method.config(request.values)
    task = make_task(collection, method, request.budget, request.seed, device=request.device)
    refuse_to_open(collection.report_files(), method.name)
    method.module.fit(task, config)


def fit_as_asked(snakemake: Any, method: Method, task: Task, config: BaseModel) -> None:
    """Fit a job's run in this process, or by a process per GPU where the job has several."""
    gpus, params = int(snakemake.resources.get("gpu", 0)), snakemake.params
    if gpus < 2:
        method.module.fit(task, config)
        return
    request = Request(
        experiment=params.experiment,
        method=method.name,
        budget=snakemake.wildcards.budget,
        seed=task.seed,
        device=task.device,
        threads=snakemake.threads,
        values=params["values"],
        log=str(snakemake.log[0]),
    )
    fit_together(request, gpus)


def fit_together(request: Request, processes: int) -> None:
    """Fit a run by several processes of this machine, each with a GPU of its own where there are GPUs.

    Raises:
        ConfigError: there are fewer GPUs.
        MethodError: a process failed; its message is in the log.
    """
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        distributed.launch(work, (request,), processes)
    except ChildFailedError as error:
        where = f"see {request.log}" if request.log else "its message stands above"
        raise MethodError(
            f"one of {processes} processes that trained '{request.method}' failed, and the others were "
            f"ended: {where}"
        ) from error


def work(request: Request) -> None:
    """Fit a run as one of the processes that torch's launcher started."""
    with _logged(request.log), distributed.together():
        try:
            fit(request)
        except RsuperError as error:
            sys.stderr.write(f"process {distributed.rank()}: {type(error).__name__}: {error}\n")
            raise


@contextmanager
def _logged(path: str | None) -> Iterator[None]:
    if path is None:
        yield
        return
    with (
        Path(path).open("a", encoding="utf-8", buffering=1) as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        yield


def save(request: Request, path: Path) -> None:
    """Write a request for `python -m rsuper.fitting`."""
    write_json(request.model_dump(mode="json"), path)


def main(arguments: list[str]) -> None:
    """Fit the run of a request file."""
    if len(arguments) != 1:
        raise SystemExit("usage: python -m torch.distributed.run [...] -m rsuper.fitting request.json")
    path = Path(arguments[0])
    try:
        work(parse(Request, read_json(path), str(path)))
    except RsuperError as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
