"""nnU-Net from data set to weights, in one process: `python -m rsuper.nnunet.driver FOLDER`.

Each worker that nnU-Net starts imports this file anew. So what takes seconds is imported where it is used.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from rsuper.errors import RsuperError
from rsuper.files import read_json, write_json
from rsuper.nnunet.names import CONFIGURATION, DATASET, DATASET_ID, JOB, PLANS

_WORKERS, _PREPARED = "nnUNet_n_proc_DA", "prepared.json"


def planner_of(base_features: int) -> type[Any]:
    """Return nnU-Net's default planner with another number of features at full resolution; its own has 32."""
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner

    class Planner(ExperimentPlanner):
        UNet_base_num_features: int
        UNet_max_features_3d: int
        UNet_max_features_2d: int

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            factor = base_features / self.UNet_base_num_features
            self.UNet_base_num_features = base_features
            self.UNet_max_features_3d = round(self.UNet_max_features_3d * factor)
            self.UNet_max_features_2d = round(self.UNet_max_features_2d * factor)

    return Planner


def prepare(job: dict[str, Any], folder: Path) -> None:
    """Extract the fingerprint, plan and preprocess, unless that is done."""
    if (folder / _PREPARED).is_file():
        return
    from nnunetv2.experiment_planning.plan_and_preprocess_api import (
        extract_fingerprint_dataset,
        plan_experiment_dataset,
        preprocess_dataset,
    )

    workers = os.environ.get(_WORKERS)
    os.environ[_WORKERS] = "1"  # the planner takes it for a number of threads
    extract_fingerprint_dataset(DATASET_ID, num_processes=1, check_dataset_integrity=True)
    plan_experiment_dataset(
        DATASET_ID, planner_of(job["base_features"]), gpu_memory_target_in_gb=job["memory_gb"]
    )
    preprocess_dataset(DATASET_ID, PLANS, (CONFIGURATION,), num_processes=(1,))
    if workers is None:
        del os.environ[_WORKERS]
    else:
        os.environ[_WORKERS] = workers
    write_json({"planned": True}, folder / _PREPARED)


def train(job: dict[str, Any], folder: Path) -> None:
    """Train on every case, and leave in the model's folder what prediction needs."""
    import numpy as np
    import torch

    from rsuper.nnunet.trainer import trainer_class

    preprocessed, model = folder / "preprocessed" / DATASET, Path(job["model"])
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    np.random.seed(job["seed"])  # noqa: NPY002  (nnU-Net draws from the global generators)
    torch.manual_seed(job["seed"])
    model.mkdir(parents=True, exist_ok=True)
    for name in (f"{PLANS}.json", "dataset.json", "dataset_fingerprint.json"):
        shutil.copyfile(preprocessed / name, model / name)
    plans = {**read_json(model / f"{PLANS}.json"), "continue_training": False}
    dataset = read_json(model / "dataset.json")
    trainer = trainer_class(job["trainer"])(plans, CONFIGURATION, "all", dataset, torch.device(job["device"]))
    trainer.run(job, model)


def main(folder: Path) -> None:
    """Do the job that lies in a folder."""
    job = read_json(folder / JOB)
    prepare(job, folder)
    train(job, folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m rsuper.nnunet.driver FOLDER")
    try:
        main(Path(sys.argv[1]))
    except RsuperError as error:
        sys.exit(f"{type(error).__name__}: {error}")
