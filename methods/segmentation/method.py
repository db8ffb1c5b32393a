"""Standard segmentation: cross-entropy and Dice on CT-Mask pairs, no reports (§2, "First ... Second")."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from rsuper.data.batches import Batch
from rsuper.engine import checkpoint
from rsuper.engine.train import Stage, train
from rsuper.segmenter import mask_sampler, mask_terms, new_network, predict_with, trained_network, weights_of
from rsuper.task import Prediction, Task, TestVolume


class Config(BaseModel):
    """Which stage to train: `stage1` starts from random weights, `main` continues it on masks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Literal["stage1", "main"] = "main"
    patches: Literal["masks", "all"] = Field(
        "masks", description="control: as many mask patches per step as R-Super has patches in all"
    )


def fit(task: Task, config: Config) -> None:
    """Train on the budget's CT-Mask pairs."""
    network = new_network(task)
    schedule = task.schedule
    stage = Stage(schedule.stage1_steps, schedule.stage1_learning_rate, schedule, "segmentation-stage1")
    offset = 0
    if config.stage == "main":
        checkpoint.load_weights(network, weights_of(task.upstream["segmentation-stage1"]))
        stage = Stage(schedule.steps, schedule.learning_rate, schedule, "segmentation")
        offset = schedule.stage1_steps
    if config.patches == "all":
        more = {"mask_patches": schedule.mask_patches + schedule.report_patches}
        task = replace(task, schedule=schedule.model_copy(update=more))
    masks = mask_sampler(task)

    def loss(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert batch.masks is not None
        return mask_terms(model(batch.masks.image), batch.masks, task)

    train(network, lambda step: Batch(masks=masks(offset + step)), loss, stage, task.workdir / "model")


def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Predict tumor probabilities by sliding window."""
    return predict_with(trained_network(task), task, volumes)
