"""nnU-Net: the package nnunetv2 itself, planned and trained by its own code on the budget's CT-Mask pairs."""

import os
import shutil
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from rsuper.artifacts import read_json, write_json
from rsuper.data.resample import to_shape
from rsuper.engine import checkpoint
from rsuper.nnunet.dataset import write_dataset
from rsuper.nnunet.launch import run_job
from rsuper.nnunet.names import DATASET
from rsuper.task import Prediction, Task, TestVolume

SETTINGS = "prediction.json"


class Config(BaseModel):
    """How long it trains, and what its planner is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: Literal["segmentation", "own"] | PositiveInt = Field(
        "segmentation",
        description="wall time of both stages of segmentation; nnU-Net's own 1000 x 250 steps; or steps",
    )
    base_features: int = Field(32, ge=4, description="of its planner, at full resolution; its own are 32")
    memory_gb: float = Field(8.0, gt=0, description="of GPU memory that its planner plans for; its own are 8")
    trainer: tuple[str, ...] = Field(
        (), description="variants of its trainer that come with it, nnUNetTrainerAdam say; none: its default"
    )
    mirroring: bool = Field(True, description="average predictions over mirrored images, as it does")
    tile_step: float = Field(0.5, gt=0, le=1, description="from window to window, as a share of the window")


def fit(task: Task, config: Config) -> None:
    """Train in a process of its own; its copies of the data are removed at the end."""
    model = task.workdir / "model"
    folder = model / "nnunet"
    if not checkpoint.is_finished(model):
        if not (folder / "raw" / DATASET / "dataset.json").is_file():
            write_dataset(task.cohort.masks, task.targets, folder / "raw")
        steps, seconds = _limits(task, config)
        job = {
            "device": task.device,
            "seed": task.seed,
            "base_features": config.base_features,
            "memory_gb": config.memory_gb,
            "trainer": config.trainer,
            "steps": steps,
            "seconds": seconds,
            "log_every": task.schedule.log_every,
            "checkpoint_every": task.schedule.checkpoint_every,
        }
        settings = config.model_dump(mode="json", include={"mirroring", "tile_step", "trainer"})
        write_json(settings, model / SETTINGS)
        run_job(job, folder, model)
    shutil.rmtree(folder, ignore_errors=True)


def _limits(task: Task, config: Config) -> tuple[int | None, float | None]:
    """Steps or seconds after which training ends; neither: by itself."""
    if config.length == "own":
        return None, None
    if config.length == "segmentation":
        return None, sum(checkpoint.summary(run / "model")["seconds"] for run in task.upstream.values())
    return config.length, None


def varies(task: Task, config: Config) -> str:
    """Say why two fits on one machine may differ; blank where they do not."""
    if config.length == "segmentation":
        return "trained for the wall time of segmentation: how many steps that is differs from run to run"
    if task.device != "cpu":
        return "on a GPU nnU-Net's own training compiles its network and augments in worker processes"
    return ""


def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Predict by nnU-Net's own sliding window; a target's probability is its softmax channel."""
    # nnU-Net reads this where it is imported, and would take eight threads.
    os.environ["nnUNet_def_n_proc"] = str(torch.get_num_threads())  # noqa: SIM112  (its name)
    from rsuper.nnunet.predict import Predictor

    model = task.workdir / "model"
    predictor = Predictor(model, task.device, **read_json(model / SETTINGS))
    for volume in volumes:
        _, *channels = np.clip(predictor(volume.stored), 0, 1)
        yield Prediction(
            volume.case_id,
            {
                target: to_shape(channel, volume.native_shape)
                for target, channel in zip(task.targets, channels, strict=True)
            },
        )
