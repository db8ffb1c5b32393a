"""Control: a ceiling for report supervision. The report cases' true masks in the place of their reports."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from rsuper.data.batches import Batch, joined
from rsuper.data.mask_sampler import MaskSampler
from rsuper.engine import checkpoint
from rsuper.engine.train import Stage, train
from rsuper.errors import MethodError
from rsuper.segmenter import (
    mask_sampler,
    mask_terms,
    new_network,
    patch_source,
    predict_with,
    trained_network,
    validator,
    weights_of,
)
from rsuper.task import Prediction, Task, TestVolume

WITHHELD_STREAM = 13


class Config(BaseModel):
    """Nothing to set."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def fit(task: Task, config: Config) -> None:
    """Continue the first stage on CT-Mask pairs and on the report cases with their true masks.

    Raises:
        MethodError: no data set of the experiment withholds masks of its report cases.
    """
    if not task.cohort.withheld:
        raise MethodError(
            "all_masks needs the true masks of the report cases, and no data set has any: take the row out, "
            "or put the masks into the folder 'withheld' of each case"
        )
    network = new_network(task)
    checkpoint.load_weights(network, weights_of(task.upstream["segmentation-stage1"]))
    masks = mask_sampler(task)
    patches = task.schedule.model_copy(update={"mask_patches": task.schedule.report_patches})
    source = replace(patch_source(task), schedule=patches)
    withheld = MaskSampler(source, task.cohort.withheld, WITHHELD_STREAM)

    def batch_of(step: int) -> Batch:
        return Batch(masks=joined(masks(task.schedule.stage1_steps + step), withheld(step)))

    def loss(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert batch.masks is not None
        return mask_terms(model(batch.masks.image), batch.masks, task)

    schedule = task.schedule
    stage = Stage(schedule.steps, schedule.learning_rate, schedule, "all_masks", task.engine)
    train(network, batch_of, loss, stage, task.workdir / "model", validate=validator(task))


def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Predict tumor probabilities by sliding window."""
    return predict_with(trained_network(task), task, volumes)
