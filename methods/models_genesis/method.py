"""Models Genesis: pre-trained to restore deformed patches of all CTs, then fine-tuned on masks."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from rsuper.artifacts import write_json
from rsuper.config.experiment import Augment
from rsuper.data.genesis import SMALLEST_SIDE, Genesis
from rsuper.data.image_sampler import ImageBatch, ImageSampler
from rsuper.engine import checkpoint, distributed
from rsuper.engine.train import Stage, train
from rsuper.errors import ConfigError
from rsuper.losses.restoration import restoration_loss
from rsuper.networks.outputs import SegmentationNetwork
from rsuper.segmenter import (
    naming_cases,
    new_network,
    patch_source,
    predict_with,
    train_on_masks,
    trained_network,
)
from rsuper.task import Prediction, Task, TestVolume

# At 0.5 the outputs' bias is 0: what is restored are intensities around it, no rare tumors.
EVEN = 0.5


class Config(BaseModel):
    """Probabilities of the transformations, those of Models Genesis, and whether there is a pre-training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flip: float = Field(0.4, ge=0, le=1)
    shuffle: float = Field(0.5, ge=0, le=1)
    intensity: float = Field(0.9, ge=0, le=1)
    paint: float = Field(0.9, ge=0, le=1)
    inpaint: float = Field(0.2, ge=0, le=1, description="share of those painted; the others from outside")
    pretrain: bool = Field(True, description="control: without, the same fine-tuning from random weights")


def fit(task: Task, config: Config) -> None:
    """Restore for as many steps as the first stage of other rows has, then segment as they do.

    Raises:
        ConfigError: the experiment's patch is too small for the transformations.
    """
    if min(task.network.patch) < SMALLEST_SIDE:
        raise ConfigError(
            f"section 'network' of the experiment: models_genesis needs a patch of at least {SMALLEST_SIDE} "
            f"voxels per side, got {list(task.network.patch)}"
        )
    network, folder = new_network(task), task.workdir / "model"
    if config.pretrain:
        pretrained = folder / "pretrain"
        _restore(task, config, pretrained)
        kept = checkpoint.transfer_weights(network, pretrained / checkpoint.WEIGHTS, network.heads)
        write_json({"not_transferred": kept}, folder / "transfer.json")
    rate = task.schedule.stage1_learning_rate  # nothing of it has seen a mask yet
    stage = Stage(task.schedule.steps, rate, task.schedule, "fine-tuning", task.engine)
    train_on_masks(network, task, stage, folder, first_step=task.schedule.stage1_steps)


def _restore(task: Task, config: Config, folder: Path) -> None:
    network = _restorer(task)
    patches = task.schedule.mask_patches + task.schedule.report_patches
    settings = Genesis(**config.model_dump(exclude={"pretrain"}))
    # The transformations are the augmentation: noise in what shall be restored could not be.
    plain = task.schedule.model_copy(update={"augment": Augment()})
    images = ImageSampler(replace(patch_source(task), schedule=plain), task.cohort.images, patches, settings)

    def loss(model: nn.Module, batch: ImageBatch) -> dict[str, Tensor]:
        with naming_cases(batch.case_ids):
            restored = model(batch.image).final
            return {"restoration": restoration_loss(restored, batch.original, total=distributed.total)}

    schedule = task.schedule
    stage = Stage(schedule.stage1_steps, schedule.stage1_learning_rate, schedule, "pre-training", task.engine)
    train(network, images, loss, stage, folder)


def _restorer(task: Task) -> SegmentationNetwork:
    """The experiment's network with one output, which starts in the middle of the scale."""
    options = {**task.network.options, "prior": EVEN}
    network = task.network.model_copy(update={"options": options})
    return new_network(replace(task, network=network, targets=task.targets[:1]))


def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Predict tumor probabilities by sliding window."""
    return predict_with(trained_network(task), task, volumes)
