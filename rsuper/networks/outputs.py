"""What every segmentation network offers and returns."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn


class Outputs(NamedTuple):
    """Tumor logits on the grid of the input; no sigmoid has been applied.

    `deep` comes from an intermediate decoder layer (deep supervision); None: the network has no such head.
    """

    final: Float[Tensor, "b c x y z"]
    deep: Float[Tensor, "b c x y z"] | None


class SegmentationNetwork(nn.Module):
    """A network that says which patches it takes; its forward pass returns `Outputs`.

    Attributes:
        size_multiple: Sides of a patch must be multiples of these (x, y, z).
        smallest_size: And at least these.
        heads: Names of the modules that give the outputs.
        coarse_width: Channels of the features at the bottom, whose grid is the patch's over `size_multiple`.
    """

    size_multiple: tuple[int, int, int]
    smallest_size: tuple[int, int, int]
    heads: tuple[str, ...]
    coarse_width: int

    def forward(self, image: Float[Tensor, "b i x y z"]) -> Outputs:
        """Predict tumor logits.

        Raises:
            ValueError: A size that `check_patch` refuses.
        """
        return self.with_coarse(image)[0]

    def with_coarse(self, image: Float[Tensor, "b i x y z"]) -> tuple[Outputs, Float[Tensor, "b w u v t"]]:
        """Predict tumor logits; give also the features at the bottom, for branches that sum up the patch.

        Raises:
            ValueError: A size that `check_patch` refuses.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what it predicts")

    def coarse(self, image: Float[Tensor, "b i x y z"]) -> Float[Tensor, "b w u v t"]:
        """Give the features at the bottom alone; the decoder does not run.

        Raises:
            ValueError: A size that `check_patch` refuses.
        """
        raise NotImplementedError(f"{type(self).__name__} has no way to its coarse features")

    def check_patch(self, size: tuple[int, int, int]) -> None:
        """Refuse a patch size that cannot work.

        Raises:
            ValueError: A side is too small or no multiple; names the nearest size that can work, the larger
                where two are equally near.
        """
        limits = zip(size, self.size_multiple, self.smallest_size, strict=True)
        nearest = tuple(max(least, (side + step // 2) // step * step) for side, step, least in limits)
        if nearest != tuple(size):
            raise ValueError(
                f"patch size {tuple(size)} cannot work: sides must be multiples of {self.size_multiple} "
                f"and at least {self.smallest_size}; the nearest that can is {nearest}"
            )
