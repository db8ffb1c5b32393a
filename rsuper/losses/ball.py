"""The Ball Loss: each reported tumor must be found, with its volume and diameter (§2.2).

The localization is in `rsuper.losses.localization`, the mask that a report and a prediction make together in
`rsuper.losses.assignment`; what a caller needs of both can be imported from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from rsuper.losses.assignment import Assignment, ReportedTumor, VoxelRule, assign_tumors
from rsuper.losses.checks import check_finite, check_mask
from rsuper.losses.geometry import Spacing
from rsuper.losses.localization import ball_kernel, locate_ball
from rsuper.losses.segmentation import batch_dice
from rsuper.losses.totals import Total, alone

__all__ = [
    "Assignment",
    "BallTerms",
    "ReportedTumor",
    "assign_tumors",
    "ball_kernel",
    "ball_loss",
    "ball_terms",
    "locate_ball",
]


@dataclass(frozen=True, eq=False)
class BallTerms:
    """The parts of the Ball Loss: `cross_entropy` per case, `dice` over the batch, and what they rest on."""

    cross_entropy: Float[Tensor, " b"]
    dice: Float[Tensor, ""]
    assignments: tuple[Assignment, ...]


def ball_loss(
    logits: Float[Tensor, "b x y z"],
    tumors: Sequence[Sequence[ReportedTumor]],
    penalized_background: Bool[Tensor, "b x y z"],
    spacing_mm: Spacing,
    *,
    margin_mm: float = 2.0,
    border_mm: float = 3.0,
    last_weight: float = 0.5,
    voxels_from: VoxelRule = "volume",
) -> Float[Tensor, " b"]:
    """Compare a prediction with the mask that it makes together with the report.

    The voxels that count are the assigned ones, as tumor, and those of `penalized_background` that are
    neither assigned nor border, as background; everything else gets no gradient. Cross-entropy is the mean
    over a case's counting voxels, a tumor voxel times its weight (`assign_tumors`). Dice is one value over
    the batch: per case it would drown tumors in tumor-free patches. A case where nothing counts contributes
    exactly 0 to both; a batch without assigned voxel has a Dice term of 0. Computed in float32, whatever
    autocast says; the localization gets no gradient.

    Args:
        logits: Of one target, final output.
        tumors: The report's tumors per case; empty: none.
        penalized_background: Voxels that are free of tumor unless assigned: certainly tumor-free tissue, and
            regions all of whose reported tumors are in `tumors`.
        spacing_mm: Voxel size (x, y, z), the same for the batch.
        margin_mm: As in `assign_tumors`.
        border_mm: As in `assign_tumors`.
        last_weight: As in `assign_tumors`.
        voxels_from: As in `assign_tumors`.

    Returns:
        Per case its cross-entropy plus the Dice term of the batch (1 minus the coefficient), which is the
        same for all: the mean over the batch is the loss.

    Raises:
        NonFiniteError: A logit is NaN or infinite; its `index` is the case's.
        ValueError: Shapes or lengths differ, a mask is not bool, or as `assign_tumors`.

    Source: §2.2.
    """
    terms = ball_terms(
        logits,
        tumors,
        penalized_background,
        spacing_mm,
        margin_mm=margin_mm,
        border_mm=border_mm,
        last_weight=last_weight,
        voxels_from=voxels_from,
    )
    return terms.cross_entropy + terms.dice


def ball_terms(
    logits: Float[Tensor, "b x y z"],
    tumors: Sequence[Sequence[ReportedTumor]],
    penalized_background: Bool[Tensor, "b x y z"],
    spacing_mm: Spacing,
    *,
    margin_mm: float = 2.0,
    border_mm: float = 3.0,
    last_weight: float = 0.5,
    voxels_from: VoxelRule = "volume",
    total: Total = alone,
) -> BallTerms:
    """Compute the parts of `ball_loss`, which documents arguments and errors, and keep the assignments.

    `total` sums over processes that share the batch, for the Dice term.

    Raises:
        ValueError: As `ball_loss`.

    Source: §2.2.
    """
    _check(logits, tumors, penalized_background)
    logits = logits.float()
    probability = torch.sigmoid(logits)
    assignments = tuple(
        assign_tumors(
            case,
            found,
            spacing_mm,
            margin_mm=margin_mm,
            border_mm=border_mm,
            last_weight=last_weight,
            voxels_from=voxels_from,
        )
        for case, found in zip(probability.detach(), tumors, strict=True)
    )
    tumor = torch.stack([each.labels > 0 for each in assignments])
    border = torch.stack([each.border for each in assignments])
    background = (penalized_background & ~tumor & ~border).float()
    weight = torch.stack([each.weight for each in assignments]) + background
    truth, counted = tumor.float(), tumor + background
    per_voxel = F.binary_cross_entropy_with_logits(logits, truth, weight=weight, reduction="none")
    cross_entropy = per_voxel.sum((1, 2, 3)) / counted.sum((1, 2, 3)).clamp_min(1.0)
    dice = batch_dice((probability * counted)[:, None], truth[:, None], total)
    return BallTerms(cross_entropy, dice, assignments)


def _check(logits: Tensor, tumors: Sequence[Sequence[ReportedTumor]], penalized_background: Tensor) -> None:
    if logits.ndim != 4:
        raise ValueError(f"logits must have axes b x y z, got shape {tuple(logits.shape)}")
    check_mask("penalized_background", penalized_background, logits.shape)
    if len(tumors) != len(logits) or any(isinstance(case, ReportedTumor) for case in tumors):
        raise ValueError(f"tumors needs one list per case ({len(logits)}), got {len(tumors)} entries")
    check_finite("logits", logits)
