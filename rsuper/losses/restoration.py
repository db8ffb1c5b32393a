"""Loss of a network that restores a deformed image."""

from jaxtyping import Float
from torch import Tensor

from rsuper.losses.checks import check_finite


def restoration_loss(
    restored: Float[Tensor, "b 1 x y z"], original: Float[Tensor, "b 1 x y z"]
) -> Float[Tensor, ""]:
    """Average the squared difference over all voxels of the batch; in float32.

    Raises:
        NonFiniteError: A restored voxel is NaN or infinite; its `index` is the patch's.
        ValueError: Shapes differ.

    Source: Zhou et al., Models Genesis; Table 1 of the paper, which gives no formula.
    """
    if restored.shape != original.shape:
        raise ValueError(
            f"restored and original need one shape, got {tuple(restored.shape)} and {tuple(original.shape)}"
        )
    check_finite("restored", restored)
    return (restored.float() - original.float()).square().mean()
