"""The Ball Convolution on arrays, for those who draw where a reported tumor would be placed."""

import numpy as np
import torch
from jaxtyping import Bool, Float

from rsuper.losses.geometry import Spacing
from rsuper.losses.localization import Index, locate_ball


def locate(
    probability: Float[np.ndarray, "x y z"],
    diameter_mm: float,
    spacing_mm: Spacing,
    region: Bool[np.ndarray, "x y z"],
) -> Index:
    """Find the center of the ball that holds most tumor probability in a region; see `locate_ball`."""
    # Reoriented arrays are views that run backward; tensors cannot.
    values, allowed = (torch.from_numpy(np.ascontiguousarray(each)) for each in (probability, region))
    return locate_ball(values, diameter_mm, spacing_mm, region=allowed)
