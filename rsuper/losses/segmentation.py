"""The ordinary segmentation losses, for patches whose voxels are (partly) annotated."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from rsuper.losses.checks import check_finite
from rsuper.losses.totals import Total, alone


def segmentation_loss(
    logits: Float[Tensor, "b c x y z"],
    tumor: Bool[Tensor, "b c x y z"] | Float[Tensor, "b c x y z"],
    known: Bool[Tensor, "b c x y z"],
    *,
    positive_weight: float = 1.0,
    total: Total = alone,
) -> dict[str, Tensor]:
    """Compare predicted tumor logits with masks, at the voxels whose truth is known.

    Cross-entropy is the mean over all known voxels of the batch, a tumor voxel counting `positive_weight`
    times in the numerator. Dice is computed per channel over the whole batch and averaged over the channels
    that have a known tumor voxel in it: Dice per case would ask every tumor-free patch for an empty answer
    as loudly as it asks a tumor patch for the tumor, and training collapses to empty. Where nothing is
    known, or no channel has a tumor, the term is 0 with zero gradient. Computed in float32.

    Args:
        logits: One channel per target.
        tumor: The truth, or a soft truth in [0, 1]; ignored where unknown.
        known: Voxels whose truth is known, per channel.
        positive_weight: Weight of a tumor voxel in the cross-entropy; the paper names none.
        total: Sums over processes that share the batch.

    Returns:
        Scalar terms `cross_entropy` and `dice` (1 minus the Dice coefficient), each at least 0.

    Raises:
        NonFiniteError: A logit is NaN or infinite; its `index` is the case's.
        ValueError: Shapes differ, or `positive_weight` is not positive.

    Source: §2 ("traditional segmentation losses (cross-entropy & DSC)").
    """
    if logits.ndim != 5 or logits.shape != tumor.shape or logits.shape != known.shape:
        shapes = [tuple(each.shape) for each in (logits, tumor, known)]
        raise ValueError(f"logits, tumor and known need one shape (b c x y z), got {shapes}")
    if not positive_weight > 0:
        raise ValueError(f"positive_weight must be positive, got {positive_weight}")
    check_finite("logits", logits)
    logits, mask = logits.float(), known.float()
    truth = tumor.float() * mask
    return {
        "cross_entropy": _cross_entropy(logits, truth, mask, positive_weight, total),
        "dice": batch_dice(torch.sigmoid(logits) * mask, truth, total),
    }


def _cross_entropy(
    logits: Tensor, truth: Tensor, mask: Tensor, positive_weight: float, total: Total
) -> Tensor:
    weight = logits.new_full((), positive_weight)  # made there: a GPU is not waited for
    per_voxel = F.binary_cross_entropy_with_logits(logits, truth, pos_weight=weight, reduction="none")
    return total((per_voxel * mask).sum()) / total(mask.sum()).clamp_min(1.0)


def batch_dice(
    probability: Float[Tensor, "b c x y z"], truth: Float[Tensor, "b c x y z"], total: Total = alone
) -> Float[Tensor, ""]:
    """Average 1 - soft Dice, taken over the whole batch, over the channels with a tumor; none: 0.

    Voxels that do not count must be 0 in both. `total` sums over processes that share the batch.
    """
    axes = (0, 2, 3, 4)
    size = total(truth.sum(axes))
    present = (size > 0).float()
    overlap = total((probability * truth).sum(axes))
    # An absent channel has size 0: the floor only keeps its unused quotient finite.
    dice = 2 * overlap / (total(probability.sum(axes)) + size).clamp_min(1e-6)
    return ((1 - dice) * present).sum() / present.sum().clamp_min(1.0)
