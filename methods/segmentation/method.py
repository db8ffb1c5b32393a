"""Standard segmentation: cross-entropy and Dice on CT-Mask pairs, no reports (§2, "First ... Second")."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rsuper.config.experiment import Target
from rsuper.engine import checkpoint
from rsuper.engine.train import Stage
from rsuper.segmenter import new_network, predict_with, train_on_masks, trained_network, weights_of
from rsuper.task import Prediction, Task, TestVolume


class Config(BaseModel):
    """Which stage to train: `stage1` starts from random weights, `main` continues it on masks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Literal["stage1", "main"] = "main"
    patches: Literal["masks", "all"] = Field(
        "masks", description="control: as many mask patches per step as R-Super has patches in all"
    )
    targets: tuple[Target, ...] | None = Field(None, description="None: all of the experiment's")


def fit(task: Task, config: Config) -> None:
    """Train on the budget's CT-Mask pairs."""
    network = new_network(task)
    schedule = task.schedule
    name = task.workdir.parent.name
    stage = Stage(schedule.stage1_steps, schedule.stage1_learning_rate, schedule, name, task.engine)
    offset = 0
    if config.stage == "main":
        checkpoint.load_weights(network, weights_of(task.upstream["segmentation-stage1"]))
        stage = Stage(schedule.steps, schedule.learning_rate, schedule, "segmentation", task.engine)
        offset = schedule.stage1_steps
    if config.patches == "all":
        more = {"mask_patches": schedule.mask_patches + schedule.report_patches}
        task = replace(task, schedule=schedule.model_copy(update=more))
    channels = [task.targets.index(target) for target in config.targets or task.targets]
    task = replace(task, targets=config.targets or task.targets)
    train_on_masks(network, task, stage, task.workdir / "model", first_step=offset, channels=channels)


def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Predict tumor probabilities by sliding window."""
    return predict_with(trained_network(task), task, volumes)
