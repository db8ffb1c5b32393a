"""Sliding-window inference over a whole volume."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from monai.inferers import sliding_window_inference
from torch import Tensor

from rsuper.config.experiment import Predict

Shape = tuple[int, int, int]


@torch.no_grad()
def probability_map(
    logits: Callable[[Tensor], Tensor],
    image: Float[np.ndarray, "i x y z"],
    patch: Shape,
    settings: Predict,
    device: str,
) -> Float[np.ndarray, "c x y z"]:
    """Return tumor probabilities for a volume: sigmoid of logits, averaged where windows overlap.

    Args:
        logits: patch batch (b i x y z) -> logits (b c x y z); the model must be in eval mode.
        image: network input of the whole volume; smaller than the patch is padded with its lowest value.
        patch: window size, that of training.
        settings: overlap and number of windows at once.
        device: where the windows are computed.
    """
    tensor = torch.from_numpy(image)[None].to(device)
    probabilities = sliding_window_inference(
        tensor,
        roi_size=patch,
        sw_batch_size=settings.batch,
        predictor=lambda window: torch.sigmoid(logits(window)),
        overlap=settings.overlap,
        mode=settings.blend,
        padding_mode="constant",
        cval=float(tensor[:, :1].min()),
    )
    return probabilities[0].clamp(0.0, 1.0).float().cpu().numpy()
