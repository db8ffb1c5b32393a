"""The two report losses on a batch of patches whose regions bear what reports say about them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rsuper.losses.assignment import ReportedTumor, VoxelRule
from rsuper.losses.ball import BallTerms, ball_terms
from rsuper.losses.geometry import Spacing
from rsuper.losses.totals import Total, alone, mean
from rsuper.losses.volume import background_loss, foreground_loss


@dataclass(frozen=True, eq=False)
class ReportedRegion:
    """A supervised region of one target of one patch; `volume_mm3` is the sum over its tumors."""

    row: int
    channel: int
    mask: Bool[Tensor, "x y z"]
    volume_mm3: float
    tumors: tuple[ReportedTumor, ...]


def region_volume_loss(
    probability: Float[Tensor, "b c x y z"],
    outside: Bool[Tensor, "b c x y z"],
    regions: Sequence[ReportedRegion],
    spacing_mm: Spacing,
    *,
    background_weight: float = 1.0,
    tolerance: float = 0.1,
    stabilizer_mm3: float = 500.0,
    total: Total = alone,
) -> Float[Tensor, ""]:
    """Average Eq. 3 over the regions, and add Eq. 4 averaged over patches and targets.

    Args:
        probability: Tumor probabilities, of the deep output.
        outside: Voxels certainly free of tumor.
        regions: None: the first part is 0.
        spacing_mm: Voxel size (x, y, z), the same for the batch.
        background_weight: Of Eq. 4.
        tolerance: As in `volume_loss`.
        stabilizer_mm3: As in `volume_loss`.
        total: Sums over processes that share the batch; each has patches, some may have no region.

    Raises:
        NonFiniteError: A probability is NaN or infinite; its `index` is patch times targets plus target.
        ValueError: As `volume_loss`.

    Source: §2.1, Eqs. 1-5.
    """
    background = mean(background_loss(probability.flatten(0, 1), outside.flatten(0, 1)), total)
    foreground = _foreground(probability, regions, spacing_mm, tolerance, stabilizer_mm3)
    return mean(foreground, total) + background_weight * background


def _foreground(
    probability: Tensor,
    regions: Sequence[ReportedRegion],
    spacing_mm: Spacing,
    tolerance: float,
    stabilizer_mm3: float,
) -> Float[Tensor, " r"]:
    """Eq. 3 of each region."""
    if not regions:
        return probability.new_zeros(0)
    foreground, _ = foreground_loss(
        torch.stack([probability[region.row, region.channel] for region in regions]),
        torch.stack([region.mask for region in regions]),
        torch.tensor([region.volume_mm3 for region in regions]),
        torch.full((len(regions),), math.prod(spacing_mm)),
        tolerance=tolerance,
        stabilizer_mm3=stabilizer_mm3,
    )
    return foreground


def region_ball_terms(
    logits: Float[Tensor, "b c x y z"],
    outside: Bool[Tensor, "b c x y z"],
    regions: Sequence[ReportedRegion],
    spacing_mm: Spacing,
    *,
    margin_mm: float = 2.0,
    border_mm: float = 3.0,
    last_weight: float = 0.5,
    voxels_from: VoxelRule = "volume",
    total: Total = alone,
) -> BallTerms:
    """Compute the Ball Loss, every target of every patch a case, its tumors in the order of the regions.

    Args:
        logits: Of the final output.
        outside: Voxels certainly free of tumor; with the regions they are what is penalized.
        regions: May be none.
        spacing_mm: Voxel size (x, y, z), the same for the batch.
        margin_mm: As in `assign_tumors`.
        border_mm: As in `assign_tumors`.
        last_weight: As in `assign_tumors`.
        voxels_from: As in `assign_tumors`.
        total: Sums over processes that share the batch, for the Dice term.

    Raises:
        NonFiniteError: A logit is NaN or infinite; its `index` is patch times targets plus target.
        ValueError: As `ball_loss`.

    Source: §2.2.
    """
    channels = logits.shape[1]
    tumors: list[list[ReportedTumor]] = [[] for _ in range(len(logits) * channels)]
    penalized = outside.clone()
    for region in regions:
        penalized[region.row, region.channel] |= region.mask
        tumors[region.row * channels + region.channel] += region.tumors
    return ball_terms(
        logits.flatten(0, 1),
        tumors,
        penalized.flatten(0, 1),
        spacing_mm,
        margin_mm=margin_mm,
        border_mm=border_mm,
        last_weight=last_weight,
        voxels_from=voxels_from,
        total=total,
    )
