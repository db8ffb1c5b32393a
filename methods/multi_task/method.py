"""Multi-task learning: beside segmenting masks, a branch tells whether a patch has a tumor, as reports do."""

from collections.abc import Iterable, Iterator
from typing import Literal

from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from rsuper.data.batches import joined
from rsuper.data.presence_sampler import PresenceBatch, PresenceSampler
from rsuper.engine import checkpoint, distributed
from rsuper.engine.train import Stage, train
from rsuper.losses.presence import presence_loss
from rsuper.networks.branch import branch_of
from rsuper.networks.outputs import Outputs
from rsuper.segmenter import (
    mask_sampler,
    mask_terms,
    naming_cases,
    new_network,
    patch_source,
    predict_with,
    seeded,
    validator,
    weights_of,
)
from rsuper.task import Prediction, Task, TestVolume


class Config(BaseModel):
    """Weight of the classification, and what it is read from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    presence_weight: float = Field(1.0, gt=0, description="of the classification against the segmentation")
    read_out: Literal["branch", "branch_and_max"] = Field(
        "branch", description="the authors' branch; or, half each, also the highest tumor logit (Chen et al.)"
    )


class TwoTasks(nn.Module):
    """The experiment's network with a branch for presence at its bottom."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.network = new_network(task)
        with seeded(task):
            branch = branch_of(self.network, task.network.patch, len(task.targets))
        self.branch = branch.to(task.device)

    def forward(self, image: Float[Tensor, "b i x y z"]) -> tuple[Outputs, Float[Tensor, "b c"]]:
        """Segment, and say per target whether the patch has a tumor."""
        outputs, coarse = self.network.with_coarse(image)
        return outputs, self.branch(coarse)


def fit(task: Task, config: Config) -> None:
    """Continue the first stage on masks, on organs that reports call free, and on presence."""
    model = TwoTasks(task)
    checkpoint.load_weights(model.network, weights_of(task.upstream["segmentation-stage1"]))
    masks = mask_sampler(task)
    reports = PresenceSampler(
        patch_source(task), [(case.stored, case.presence) for case in task.cohort.presence]
    )

    def batch_of(step: int) -> PresenceBatch:
        return reports(step, masks(task.schedule.stage1_steps + step))

    def loss(model: nn.Module, batch: PresenceBatch) -> dict[str, Tensor]:
        both = joined(batch.masks, batch.reports)
        outputs, logits = model(both.image)
        read = {"presence": logits}
        if config.read_out == "branch_and_max":
            read["presence_max"] = outputs.final.flatten(2).amax(dim=2)
        weight = config.presence_weight / len(read)
        with naming_cases(batch.case_ids):
            terms = {
                name: weight * presence_loss(each, batch.present, batch.labelled, total=distributed.total)
                for name, each in read.items()
            }
        return mask_terms(outputs, both, task) | terms

    schedule, name = task.schedule, task.workdir.parent.name
    stage = Stage(schedule.steps, schedule.learning_rate, schedule, name, task.engine)
    validate = validator(task, lambda model, window: model(window)[0].final)
    train(model, batch_of, loss, stage, task.workdir / "model", validate=validate)


def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Predict tumor probabilities by sliding window; the branch has no part in it."""
    model = TwoTasks(task)
    checkpoint.load_weights(model, weights_of(task.workdir))
    return predict_with(model.network, task, volumes)
