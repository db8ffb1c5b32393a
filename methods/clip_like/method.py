"""CLIP-like: pre-trained to tell the report of a patch from other reports, then fine-tuned on masks."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from rsuper.artifacts import write_json
from rsuper.data.store import StoredCase
from rsuper.data.text_sampler import TextBatch, TextSampler
from rsuper.engine import distributed
from rsuper.engine.train import Stage, train
from rsuper.errors import DataError
from rsuper.losses.contrastive import contrastive_loss
from rsuper.networks.branch import PooledReadOut, branch_of
from rsuper.networks.outputs import SegmentationNetwork
from rsuper.segmenter import (
    naming_cases,
    new_network,
    patch_source,
    predict_with,
    seeded,
    train_on_masks,
    trained_network,
)
from rsuper.task import Prediction, Task, TestVolume

SHUFFLE_STREAM = 18


class Config(BaseModel):
    """The contrast, and controls of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(0.1, gt=0, description="cosines are divided by it; the released code's")
    patches: int | None = Field(
        None, ge=2, description="per step; None: twice as many as R-Super sees in all, as no decoder runs"
    )
    pretrain: bool = Field(True, description="control: without, the same fine-tuning from random weights")
    read_out: Literal["pooled", "branch"] = Field(
        "pooled", description="mean and maximum of the coarse features; or the authors' branch"
    )
    texts: Literal["own", "shuffled"] = Field("own", description="control: vectors of other cases' reports")


class Encoder(nn.Module):
    """Encoder of the experiment's network, with a read-out that sums up a patch in one vector."""

    def __init__(self, network: SegmentationNetwork, task: Task, config: Config, length: int) -> None:
        super().__init__()
        self.network = network
        with seeded(task):
            read_out: nn.Module
            if config.read_out == "pooled":
                read_out = PooledReadOut(network.coarse_width, length)
            else:
                read_out = branch_of(network, task.network.patch, length)
        self.read_out = read_out.to(task.device)

    def forward(self, image: Float[Tensor, "b i x y z"]) -> Float[Tensor, "b e"]:
        """Sum up each patch."""
        return self.read_out(self.network.coarse(image))


def fit(task: Task, config: Config) -> None:
    """Contrast for as many steps as the first stage of other rows has, then segment as they do."""
    network, folder, schedule = new_network(task), task.workdir / "model", task.schedule
    if config.pretrain:
        _contrast(network, task, config, folder / "pretrain")
    rate = schedule.stage1_learning_rate  # nothing of it has seen a mask yet
    stage = Stage(schedule.steps, rate, schedule, "fine-tuning", task.engine)
    train_on_masks(network, task, stage, folder, first_step=schedule.stage1_steps)


def _contrast(network: SegmentationNetwork, task: Task, config: Config, folder: Path) -> None:
    """Train the encoder in place; what was trained before is loaded."""
    pairs, schedule = _pairs(task, config), task.schedule
    patches = config.patches or 2 * (schedule.mask_patches + schedule.report_patches)
    batches = TextSampler(patch_source(task), pairs, patches)
    encoder = Encoder(network, task, config, len(pairs[0][1]))

    def loss(model: nn.Module, batch: TextBatch) -> dict[str, Tensor]:
        with naming_cases(batch.case_ids):
            contrast = contrastive_loss(
                model(batch.image),
                batch.text,
                temperature=config.temperature,
                centered=True,
                gathered=distributed.gathered,
            )
        return {"contrast": contrast}

    stage = Stage(schedule.stage1_steps, schedule.stage1_learning_rate, schedule, "pre-training", task.engine)
    train(encoder, batches, loss, stage, folder)
    use = {"reports_used": len(pairs), "reports_without_vector": len(task.cohort.text) - len(pairs)}
    write_json(use, task.workdir / "text_use.json")


def _pairs(task: Task, config: Config) -> list[tuple[StoredCase, Float[np.ndarray, " e"]]]:
    """CTs with the vectors of their reports, or with those of others."""
    pairs = [(case.stored, case.vector) for case in task.cohort.text if case.vector is not None]
    if not pairs:
        raise DataError(f"none of {len(task.cohort.text)} training reports has a vector")
    if config.texts == "own":
        return pairs
    order = np.random.default_rng([task.seed, SHUFFLE_STREAM]).permutation(len(pairs))
    return [(stored, pairs[other][1]) for (stored, _), other in zip(pairs, order, strict=True)]


def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Predict tumor probabilities by sliding window."""
    return predict_with(trained_network(task), task, volumes)
