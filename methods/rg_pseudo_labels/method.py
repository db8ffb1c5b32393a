"""Report-guided pseudo-labels: a teacher's best candidates, as many as the report counts, become masks."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from rsuper.data.batches import Batch, joined
from rsuper.data.mask_sampler import MaskSampler
from rsuper.engine import checkpoint
from rsuper.engine.train import Stage, train
from rsuper.errors import MethodError
from rsuper.pseudo_labels import TABLE, Rule, pseudo_labelled
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

PSEUDO_STREAM = 14


class Config(BaseModel):
    """How candidates are found; the constants are Bosma et al.'s, as the released code has them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    smallest_mm3: float = Field(11.0, gt=0, description="more than 10 voxels of 1 mm; at least one voxel")
    cut: float = Field(2.5, gt=1, description="a candidate reaches down to 40 % of its peak")
    least: float = Field(0.01, gt=0, lt=1, description="no candidate below this probability")
    margin_mm: float | None = Field(
        10.0, ge=0, description="choice: candidates lie so near to their organ; null: anywhere"
    )
    exclude: bool = Field(True, description="cases with fewer candidates than reported tumors are left out")


def fit(task: Task, config: Config) -> None:
    """Label the report cases with the first stage as teacher, then continue it on masks of both kinds.

    Raises:
        MethodError: no report case has as many candidates as its report counts tumors.
    """
    network = new_network(task)
    checkpoint.load_weights(network, weights_of(task.upstream["segmentation-stage1"]))
    cases = pseudo_labelled(network, task, Rule(**config.model_dump()), task.workdir)
    if not cases:
        raise MethodError(f"no report case can be given pseudo-masks: {task.workdir / TABLE} says why")
    masks = mask_sampler(task)
    patches = task.schedule.model_copy(update={"mask_patches": task.schedule.report_patches})
    pseudo = MaskSampler(replace(patch_source(task), schedule=patches), cases, PSEUDO_STREAM)

    def batch_of(step: int) -> Batch:
        return Batch(masks=masks(task.schedule.stage1_steps + step), pseudo=pseudo(step))

    def loss(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert batch.masks is not None
        assert batch.pseudo is not None
        both = joined(batch.masks, batch.pseudo)
        return mask_terms(model(both.image), both, task)

    schedule, name = task.schedule, task.workdir.parent.name
    stage = Stage(schedule.steps, schedule.learning_rate, schedule, name, task.engine)
    train(network, batch_of, loss, stage, task.workdir / "model", validate=validator(task))


def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Predict tumor probabilities by sliding window."""
    return predict_with(trained_network(task), task, volumes)
