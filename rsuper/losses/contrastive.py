"""Loss of an encoder whose vectors of images must be near those of their reports: symmetric InfoNCE."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from rsuper.losses.checks import check_finite
from rsuper.losses.totals import alone

Gathered = Callable[[Tensor], Tensor]


def contrastive_loss(
    images: Float[Tensor, "b e"],
    texts: Float[Tensor, "b e"],
    *,
    temperature: float = 0.1,
    centered: bool = False,
    gathered: Gathered = alone,
) -> Float[Tensor, ""]:
    """Tell each image's text from the other texts of the batch, and each text's image from the other images.

    Cross-entropy over the batch of cosines divided by the temperature, averaged over both directions; in
    float32. Vectors that say nothing (all equal) give the logarithm of the batch's size, perfect ones nearly
    0. Both kinds are scaled to unit length; a vector of zeros has the cosine 0 with every other.

    Args:
        images: One vector per patch, of the encoder that is trained.
        texts: Vector of the report of the same patch, frozen.
        temperature: Cosines are divided by it.
        centered: Take from each image's vector the mean of all: what the patches share, such as the organ
            that all are on, tells none from the others.
        gathered: Joins the rows of processes that share the batch.

    Raises:
        NonFiniteError: An entry is NaN or infinite; its `index` is the patch's.
        ValueError: Shapes differ, fewer than two patches, or a temperature that is not positive.

    Source: Table 1, CLIP-like; the temperature is the released code's, the paper gives no formula.
    """
    if images.shape != texts.shape or images.ndim != 2:
        raise ValueError(
            f"images and texts need one shape (b e), got {tuple(images.shape)} and {tuple(texts.shape)}"
        )
    if temperature <= 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    check_finite("images", images)
    check_finite("texts", texts)
    images, texts = gathered(images), gathered(texts)
    if len(images) < 2:
        raise ValueError(f"a contrast needs two patches at least, got {len(images)}")
    if centered:
        images = images - images.mean(dim=0)
    cosines = F.normalize(images.float(), dim=1) @ F.normalize(texts.float(), dim=1).T
    own = torch.arange(len(images), device=images.device)
    logits = cosines / temperature
    return 0.5 * (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own))
