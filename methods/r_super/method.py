"""R-Super: fine-tune on masks and reports; Volume Loss on the deep output, Ball Loss on the final (§2)."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from rsuper.artifacts import write_json
from rsuper.config.experiment import Target
from rsuper.data.batches import Batch, ReportBatch
from rsuper.data.regions import ReportUse
from rsuper.data.report_sampler import ReportSampler
from rsuper.engine import checkpoint
from rsuper.engine.train import Stage, train
from rsuper.losses.assignment import ReportedTumor, VoxelRule, tally
from rsuper.losses.ball import ball_terms
from rsuper.losses.volume import background_loss, foreground_loss
from rsuper.networks.outputs import Outputs
from rsuper.reports.sizes import SizeRule
from rsuper.segmenter import (
    mask_sampler,
    mask_terms,
    naming_cases,
    new_network,
    part_of,
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
    background_weight: float = Field(1.0, ge=0, description="of Eq. 4 in Eq. 5, where it has none")
    margin_mm: float = Field(2.0, ge=0, description="choice: the paper says 'a small margin' of the ball")
    border_mm: float = Field(
        3.0, ge=0, description="choice: 'a small margin' at tumor borders is not penalized"
    )
    last_weight: float = Field(
        0.5, gt=0, le=1, description="choice: weight of the least probable tumor voxel"
    )
    voxels_from: VoxelRule = Field("volume", description="N of the Ball Loss: §2.2, or the released code's")
    size_rule: SizeRule = Field("paper", description="from diameters to a volume: §2.1, or calibrated")
    subsegments: bool = Field(True, description="head, body and tail of the pancreas are told apart")
    grow_mm: float = Field(0.0, ge=0, description="added around the masks of organs and segments")
    targets: tuple[Target, ...] | None = Field(None, description="None: all of the experiment's")


def fit(task: Task, config: Config) -> None:
    """Continue the first stage on CT-Mask and CT-Report pairs."""
    network = new_network(task)
    checkpoint.load_weights(network, weights_of(task.upstream["segmentation-stage1"]))
    channels = [task.targets.index(target) for target in config.targets or task.targets]
    task = replace(task, targets=config.targets or task.targets)
    masks = mask_sampler(task)
    use = ReportUse(config.size_rule, config.subsegments, config.grow_mm)
    reports = ReportSampler(patch_source(task), [(c.stored, c.findings) for c in task.cohort.reports], use)

    def batch_of(step: int) -> Batch:
        return Batch(masks=masks(task.schedule.stage1_steps + step), reports=reports(step))

    def loss(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert batch.masks is not None
        assert batch.reports is not None
        outputs = model(torch.cat([batch.masks.image, batch.reports.image]))
        split = len(batch.masks.case_ids)
        on_masks, on_reports = (
            part_of(outputs, rows, channels) for rows in (slice(split), slice(split, None))
        )
        return mask_terms(on_masks, batch.masks, task) | report_terms(on_reports, batch.reports, config)

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
        ball, found = _ball(outputs.final, batch, config)
        terms |= {"ball": config.ball_weight * ball, **found}
    return terms


def _volume(probability: Tensor, batch: ReportBatch, config: Config) -> Tensor:
    """Eq. 3 averaged over the supervised regions, plus Eq. 4 averaged over patches and targets."""
    with naming_cases(batch.case_ids, probability.shape[1]):
        background = background_loss(probability.flatten(0, 1), batch.outside.flatten(0, 1)).mean()
    if not batch.regions:
        return config.background_weight * background
    maps = torch.stack([probability[region.row, region.channel] for region in batch.regions])
    foreground, _ = foreground_loss(
        maps,
        torch.stack([region.mask for region in batch.regions]),
        torch.tensor([region.volume_mm3 for region in batch.regions]),
        torch.full((len(batch.regions),), math.prod(batch.spacing_mm)),
        tolerance=config.tolerance,
        stabilizer_mm3=config.stabilizer_mm3,
    )
    return foreground.mean() + config.background_weight * background


def _ball(logits: Tensor, batch: ReportBatch, config: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """Ball Loss, every target of every patch a case, and how many tumors found their voxels."""
    channels = logits.shape[1]
    tumors: list[list[ReportedTumor]] = [[] for _ in range(len(logits) * channels)]
    penalized = batch.outside.clone()
    for region in batch.regions:
        penalized[region.row, region.channel] |= region.mask
        tumors[region.row * channels + region.channel] += [
            ReportedTumor(tumor.region, tumor.volume_mm3, tumor.diameter_mm, tumor.box)
            for tumor in region.tumors
        ]
    with naming_cases(batch.case_ids, channels):
        terms = ball_terms(
            logits.flatten(0, 1),
            tumors,
            penalized.flatten(0, 1),
            batch.spacing_mm,
            margin_mm=config.margin_mm,
            border_mm=config.border_mm,
            last_weight=config.last_weight,
            voxels_from=config.voxels_from,
        )
    return terms.cross_entropy.mean() + terms.dice, tally(terms.assignments)


def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Predict tumor probabilities by sliding window, from the final output."""
    return predict_with(trained_network(task), task, volumes)
