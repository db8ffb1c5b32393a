"""The two report losses on a batch of CT-Report patches, with their constants."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from rsuper.data.batches import ReportBatch
from rsuper.engine import distributed
from rsuper.losses.assignment import Assignment, ReportedTumor, VoxelRule, tally
from rsuper.losses.regions import ReportedRegion, region_ball_terms, region_volume_loss
from rsuper.losses.totals import mean
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


@dataclass(frozen=True, eq=False)
class Supervised:
    """What the report losses made of a batch.

    `logits` are the output whose volumes count: `output` is "deep", which has the Volume Loss, or "final"
    where that loss is off. `assignments`: the Ball Loss's, every target of every patch a case, the tumors of
    a case in the order of the batch's regions; None where that loss is off.
    """

    output: str
    logits: Float[Tensor, "b c x y z"]
    assignments: tuple[Assignment, ...] | None


Watch = Callable[[ReportBatch, Supervised], None]


def report_terms(
    outputs: Outputs, batch: ReportBatch, config: ReportLossConfig, watch: Watch | None = None
) -> dict[str, Tensor]:
    """Weigh the report losses: volume on the deep output, ball on the final one.

    Beside the terms come measurements: how many tumors were assigned, truncated or had no room. `watch` is
    shown the batch and what the losses made of it.

    Source: §2.1, §2.2.
    """
    assert outputs.deep is not None
    terms: dict[str, Tensor] = {}
    assignments = None
    regions = _regions(batch)
    if config.volume_weight > 0:
        terms["volume"] = config.volume_weight * _volume(
            torch.sigmoid(outputs.deep.float()), batch, regions, config
        )
    if config.ball_weight > 0:
        ball, assignments = _ball(outputs.final, batch, regions, config)
        found = {name: distributed.total(count) for name, count in tally(assignments).items()}
        terms |= {"ball": config.ball_weight * ball, **found}
    if watch is not None:
        output = "deep" if config.volume_weight > 0 else "final"
        logits = (outputs.deep if output == "deep" else outputs.final).detach()
        watch(batch, Supervised(output, logits, assignments))
    return terms


def _volume(
    probability: Tensor, batch: ReportBatch, regions: list[ReportedRegion], config: ReportLossConfig
) -> Tensor:
    with naming_cases(batch.case_ids, probability.shape[1]):
        return region_volume_loss(
            probability,
            batch.outside,
            regions,
            batch.spacing_mm,
            background_weight=config.background_weight,
            tolerance=config.tolerance,
            stabilizer_mm3=config.stabilizer_mm3,
            total=distributed.total,
        )


def _ball(
    logits: Tensor, batch: ReportBatch, regions: list[ReportedRegion], config: ReportLossConfig
) -> tuple[Tensor, tuple[Assignment, ...]]:
    """Ball Loss and the masks that it rests on."""
    with naming_cases(batch.case_ids, logits.shape[1]):
        terms = region_ball_terms(
            logits,
            batch.outside,
            regions,
            batch.spacing_mm,
            margin_mm=config.margin_mm,
            border_mm=config.border_mm,
            last_weight=config.last_weight,
            voxels_from=config.voxels_from,
            total=distributed.total,
        )
    return mean(terms.cross_entropy, distributed.total) + terms.dice, terms.assignments


def _regions(batch: ReportBatch) -> list[ReportedRegion]:
    return [
        ReportedRegion(
            region.row,
            region.channel,
            region.mask,
            region.volume_mm3,
            tuple(
                ReportedTumor(each.region, each.volume_mm3, each.diameter_mm, each.box)
                for each in region.tumors
            ),
        )
        for region in batch.regions
    ]
