"""Loss of a network that restores a deformed image."""

from jaxtyping import Float
from torch import Tensor

from rsuper.losses.checks import check_finite
from rsuper.losses.totals import Total, alone, mean


def restoration_loss(
    restored: Float[Tensor, "b 1 x y z"], original: Float[Tensor, "b 1 x y z"], *, total: Total = alone
) -> Float[Tensor, ""]:
    """Average the squared difference over all voxels of the batch; in float32.

    `total` sums over processes that share the batch.

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
    return mean((restored.float() - original.float()).square(), total)
