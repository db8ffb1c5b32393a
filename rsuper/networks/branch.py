"""What sums up a patch in one vector at the bottom of a network: presence of tumors, or a report's vector.

`PooledReadOut` is the plain one. The design of `SummaryBranch` is MedFormer's own: a further stage with a
semantic map and one attention block, then a transformer layer over the positions and their mean. Widths
follow the features that it reads; on the 320 channels of the paper's network it is the branch of the authors'
code, of 1,913,248 + 65 parameters per number that it gives.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rsuper.networks.attention import AttentionBlock, FusionLayer, MapGeneration
from rsuper.networks.convolutions import PatchMerging, SeparableConv, normalize
from rsuper.networks.outputs import SegmentationNetwork

_HEADS, _TOKENS, _EXPANSION = 4, 27, 4


class SummaryBranch(nn.Module):
    """From the coarse features of a patch to a vector.

    Args:
        in_width: Channels of the coarse features.
        out_width: Length of the vector.
        halve: Halve the grid first; else it is kept, for small patches.
    """

    def __init__(self, in_width: int, out_width: int, *, halve: bool = True) -> None:
        super().__init__()
        width = 2 * max(in_width // 4, 2)
        per_head, narrow = max(width // 5, 2), _HEADS * max(width // 10, 1)
        self.merge = PatchMerging(in_width, width) if halve else _Keep(in_width, width)
        self.generate = MapGeneration(width, _TOKENS)
        self.attention = AttentionBlock(width, width, _HEADS, _EXPANSION, inner=_HEADS * per_head)
        self.narrow = nn.Conv3d(width, narrow, 1)
        self.transform = FusionLayer(narrow, _HEADS, hidden=2 * width)
        self.head = nn.Linear(narrow, out_width)

    def forward(self, coarse: Float[Tensor, "b w u v t"]) -> Float[Tensor, "b n"]:
        """Sum up each patch."""
        features = self.merge(coarse)
        features, _ = self.attention(features, self.generate(features))
        tokens = self.narrow(features).flatten(2).transpose(1, 2)
        return self.head(self.transform(tokens).mean(dim=1))


class PooledReadOut(nn.Module):
    """Mean and highest value of every coarse feature, mixed by one linear layer.

    A tumor may fill a single position of the grid, where a mean alone hardly shows it.

    Args:
        in_width: Channels of the coarse features.
        out_width: Length of the vector.
    """

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.head = nn.Linear(2 * in_width, out_width)

    def forward(self, coarse: Float[Tensor, "b w u v t"]) -> Float[Tensor, "b n"]:
        """Sum up each patch."""
        positions = coarse.flatten(2)
        return self.head(torch.cat([positions.mean(dim=2), positions.amax(dim=2)], dim=1))


class _Keep(nn.Module):
    """What takes the place of merging where the grid is too small to be halved."""

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.mix = SeparableConv(in_width, out_width)

    def forward(self, features: Float[Tensor, "b i x y z"]) -> Float[Tensor, "b o x y z"]:
        """Mix the channels on their grid."""
        return self.mix(normalize(features))


def branch_of(network: SegmentationNetwork, patch: tuple[int, int, int], out_width: int) -> SummaryBranch:
    """Build a branch that fits a network and its patch.

    The grid is halved where every side is even and at least 4.

    Raises:
        ValueError: the network does not take the patch.
    """
    network.check_patch(patch)
    grid = [side // step for side, step in zip(patch, network.size_multiple, strict=True)]
    halve = all(side % 2 == 0 and side >= 4 for side in grid)
    return SummaryBranch(network.coarse_width, out_width, halve=halve)
