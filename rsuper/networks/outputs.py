"""What every segmentation network returns."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor


class Outputs(NamedTuple):
    """Tumor logits on the grid of the input; no sigmoid has been applied.

    `deep` comes from an intermediate decoder layer (deep supervision); None: the network has no such head.
    """

    final: Float[Tensor, "b c x y z"]
    deep: Float[Tensor, "b c x y z"] | None
