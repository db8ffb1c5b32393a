"""The two report losses on a batch of CT-Report patches, with their constants."""

import math

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from rsuper.data.batches import ReportBatch
from rsuper.losses.assignment import ReportedTumor, VoxelRule, tally
from rsuper.losses.ball import ball_terms
from rsuper.losses.volume import background_loss, foreground_loss
from rsuper.networks.outputs import Outputs
from rsuper.segmenter import naming_cases


class ReportLossConfig(BaseModel):
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


def report_terms(outputs: Outputs, batch: ReportBatch, config: ReportLossConfig) -> dict[str, Tensor]:
    """Weigh the report losses: volume on the deep output, ball on the final one.

    Beside the terms come measurements: how many tumors were assigned, truncated or had no room.

    Source: §2.1, §2.2.
    """
    assert outputs.deep is not None
    terms = {}
    if config.volume_weight > 0:
        terms["volume"] = config.volume_weight * _volume(torch.sigmoid(outputs.deep.float()), batch, config)
    if config.ball_weight > 0:
        ball, found = _ball(outputs.final, batch, config)
        terms |= {"ball": config.ball_weight * ball, **found}
    return terms


def _volume(probability: Tensor, batch: ReportBatch, config: ReportLossConfig) -> Tensor:
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


def _ball(logits: Tensor, batch: ReportBatch, config: ReportLossConfig) -> tuple[Tensor, dict[str, Tensor]]:
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
