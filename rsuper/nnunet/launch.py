"""Run nnU-Net in a process of its own: it takes its folders from the environment, prints, starts workers."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import torch

from rsuper.artifacts import write_json
from rsuper.engine.train import LOG
from rsuper.errors import MethodError
from rsuper.nnunet.names import JOB
from rsuper.progress import Meter, polled

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"nnUNet_raw": "raw", "nnUNet_preprocessed": "preprocessed", "nnUNet_results": "results"}
OUTPUT = "output.txt"
_SHOWN_LINES = 15


def run_job(job: Mapping[str, object], folder: Path, model: Path) -> None:
    """Plan, preprocess and train by nnU-Net's own code; called again after a kill it goes on.

    Args:
        job: what `rsuper.nnunet.driver` reads.
        folder: of nnU-Net's data; the raw data set lies in it already.
        model: folder for the result: weights, plans, log, training.json last.

    Raises:
        MethodError: the process failed; the message ends with its last lines and says where the others are.
    """
    write_json({**job, "model": str(model.resolve())}, folder / JOB)
    log = model / OUTPUT
    with log.open("a", encoding="utf-8") as output, _watched(job, model):
        done = subprocess.run(
            [sys.executable, "-m", "rsuper.nnunet.driver", str(folder)],
            env=_environment(folder, str(job["device"])),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        last = " | ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN_LINES:])
        raise MethodError(
            f"nnU-Net ended with code {done.returncode}; all it said is in {log}, and ends: {last}"
        )


def _watched(job: Mapping[str, object], model: Path) -> AbstractContextManager[Meter]:
    """Tell how far nnU-Net's process is, by the last line of its log, or by the epochs that it names."""

    def last(key: str) -> int:
        lines = (model / LOG).read_text(encoding="utf-8").splitlines()
        return int(json.loads(lines[-1])[key]) if lines else 0

    if job["steps"] is not None:
        return polled("nnU-Net", int(str(job["steps"])), lambda: last("step"), "steps")
    if job["seconds"] is not None:
        return polled("nnU-Net", round(float(str(job["seconds"]))), lambda: last("seconds"), "seconds")
    said = model / OUTPUT
    return polled("nnU-Net", None, lambda: said.read_text(errors="replace").count(": Epoch "), "epochs")


def _environment(folder: Path, device: str) -> dict[str, str]:
    own = {name: str((folder / sub).resolve()) for name, sub in FOLDERS.items()}
    threads = str(torch.get_num_threads())
    own |= {"OMP_NUM_THREADS": threads, "nnUNet_def_n_proc": threads, "MPLBACKEND": "Agg"}
    if device == "cpu":  # compiled networks and augmenting workers pay on a GPU
        own |= {"nnUNet_compile": "f", "nnUNet_n_proc_DA": "0"}
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
    return {**os.environ, **own, "PYTHONPATH": path}
