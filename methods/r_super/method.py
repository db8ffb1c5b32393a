"""R-Super: fine-tune on masks and reports; Volume Loss on the deep output, Ball Loss on the final (§2)."""

from collections.abc import Iterable, Iterator

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from rsuper.artifacts import write_json
from rsuper.data.batches import Batch, ReportBatch, ReportSampler
from rsuper.engine import checkpoint
from rsuper.engine.train import Stage, train
from rsuper.losses.ball import ReportedTumor, ball_loss
from rsuper.losses.volume import volume_terms
from rsuper.networks.outputs import Outputs
from rsuper.segmenter import (
    mask_sampler,
    mask_terms,
    new_network,
    patch_source,
    predict_with,
    trained_network,
    weights_of,
)
from rsuper.task import Prediction, Task, TestVolume


class Config(BaseModel):
    """Weights and constants of the two report losses; the defaults are the paper's where it gives them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    volume_weight: float = Field(0.1, ge=0, description="§3, Training R-Super")
    ball_weight: float = Field(0.1, ge=0, description="§3, Training R-Super")
    tolerance: float = Field(0.1, gt=0, lt=1, description="tau of Eq. 3")
    stabilizer_mm3: float = Field(500.0, gt=0, description="E of Eq. 2")
    margin_mm: float = Field(2.0, ge=0, description="Choice: the paper says 'a small margin' of the ball")
    border_mm: float = Field(
        3.0, ge=0, description="Choice: 'a small margin at tumor borders' is not penalized"
    )
    last_weight: float = Field(
        0.5, gt=0, le=1, description="Choice: weight of the least probable tumor voxel"
    )


def fit(task: Task, config: Config) -> None:
    """Continue the first stage on CT-Mask and CT-Report pairs."""
    network = new_network(task)
    checkpoint.load_weights(network, weights_of(task.upstream["segmentation-stage1"]))
    masks = mask_sampler(task)
    reports = ReportSampler(
        patch_source(task), [(case.stored, case.findings) for case in task.cohort.reports]
    )

    def batch_of(step: int) -> Batch:
        return Batch(masks=masks(task.schedule.stage1_steps + step), reports=reports(step))

    def loss(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert batch.masks is not None
        assert batch.reports is not None
        split = len(batch.masks.case_ids)
        outputs = model(torch.cat([batch.masks.image, batch.reports.image]))
        on_masks = Outputs(*(head[:split] for head in outputs))
        on_reports = Outputs(*(head[split:] for head in outputs))
        return {
            **mask_terms(on_masks, batch.masks, task),
            **report_terms(on_reports, batch.reports, config),
        }

    stage = Stage(task.schedule.steps, task.schedule.learning_rate, task.schedule, task.workdir.parent.name)
    train(network, batch_of, loss, stage, task.workdir / "model")
    write_json({"organs_left_out": reports.unusable}, task.workdir / "report_use.json")


def report_terms(outputs: Outputs, batch: ReportBatch, config: Config) -> dict[str, Tensor]:
    """Weighted report losses: volume on the deep output, ball on the final one (§2.1, §2.2)."""
    assert outputs.deep is not None
    terms = {}
    if config.volume_weight > 0:
        terms["volume"] = config.volume_weight * _volume(torch.sigmoid(outputs.deep.float()), batch, config)
    if config.ball_weight > 0:
        terms["ball"] = config.ball_weight * _ball(outputs.final, batch, config)
    return terms


def _volume(probability: Tensor, batch: ReportBatch, config: Config) -> Tensor:
    """Eq. 3 averaged over the supervised regions, plus Eq. 4 averaged over patches and targets."""
    x, y, z = batch.spacing_mm
    voxel_mm3 = x * y * z
    # Scaled, not clamped: a clamp would leave a voxel at probability 1 without any gradient.
    background = -torch.log1p(-(1 - 1e-6) * probability * batch.outside).mean()
    if not batch.regions:
        return background
    maps = torch.stack([probability[region.row, region.channel] for region in batch.regions])
    parts = volume_terms(
        maps,
        torch.stack([region.mask for region in batch.regions]),
        maps.new_tensor([region.volume_mm3 for region in batch.regions]),
        maps.new_full((len(batch.regions),), voxel_mm3),
        tolerance=config.tolerance,
        stabilizer_mm3=config.stabilizer_mm3,
    )
    return parts.foreground.mean() + background


def _ball(logits: Tensor, batch: ReportBatch, config: Config) -> Tensor:
    """Cross-entropy and Dice against the masks that the balls make; every target of every patch is a case."""
    rows, channels = logits.shape[:2]
    tumors: list[list[ReportedTumor]] = [[] for _ in range(rows * channels)]
    penalized = batch.outside.clone()
    for region in batch.regions:
        penalized[region.row, region.channel] |= region.mask
        tumors[region.row * channels + region.channel] += [
            ReportedTumor(tumor.region, tumor.volume_mm3, tumor.diameter_mm) for tumor in region.tumors
        ]
    terms = ball_loss(
        logits.flatten(0, 1),
        tumors,
        penalized.flatten(0, 1),
        batch.spacing_mm,
        margin_mm=config.margin_mm,
        border_mm=config.border_mm,
        last_weight=config.last_weight,
    )
    return terms.cross_entropy.mean() + terms.dice


def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Predict tumor probabilities by sliding window, from the final output."""
    return predict_with(trained_network(task), task, volumes)
