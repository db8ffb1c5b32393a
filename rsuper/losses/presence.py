"""Loss of a classifier that says, per patch and target, whether there is a tumor."""

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from rsuper.losses.checks import check_finite
from rsuper.losses.totals import Total, alone, mean


def presence_loss(
    logits: Float[Tensor, "b c"],
    present: Bool[Tensor, "b c"],
    labelled: Bool[Tensor, "b c"],
    *,
    total: Total = alone,
) -> Float[Tensor, ""]:
    """Compare presence logits with labels: cross-entropy, averaged over all entries of the batch.

    An entry without a label adds nothing and counts in the mean, as in the authors' code: a batch of which
    little is known weighs less. No label at all, or no entry: 0 with zero gradient.

    Args:
        logits: One per patch and target.
        present: Whether there is a tumor; ignored where the label is unknown.
        labelled: Where the label is known.
        total: Sums over processes that share the batch.

    Raises:
        NonFiniteError: A logit is NaN or infinite; its `index` is the patch's.
        ValueError: Shapes differ.

    Source: Table 1, multi-task learning [7]; §3 gives no formula.
    """
    if logits.shape != present.shape or logits.shape != labelled.shape:
        shapes = [tuple(each.shape) for each in (logits, present, labelled)]
        raise ValueError(f"logits, present and labelled need one shape (b c), got {shapes}")
    check_finite("logits", logits)
    entries = F.binary_cross_entropy_with_logits(logits.float(), present.float(), reduction="none")
    return mean(entries * labelled, total)
