"""The convolutional parts of MedFormer 3D.

No normalization has parameters or running statistics: evaluation computes what training computes. A
convolution is preceded by normalization and ReLU, and has no bias, unless stated.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def normalize(features: Float[Tensor, "b c *grid"], eps: float = 1e-5) -> Float[Tensor, "b c *grid"]:
    """Give each channel of each case zero mean and unit variance; needs two positions or more."""
    return F.instance_norm(features, eps=eps)


def activate(features: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b c x y z"]:
    """Normalize, then ReLU: what precedes a convolution."""
    # In place: the gradient of the normalization needs its input, not its output.
    return F.relu_(normalize(features, eps=1e-4))


def conv(in_width: int, out_width: int, size: int = 3) -> nn.Conv3d:
    """A convolution without bias that keeps the grid."""
    return nn.Conv3d(in_width, out_width, size, padding=size // 2, bias=False)


class SeparableConv(nn.Sequential):
    """A 3x3x3 convolution per channel, then a 1x1x1 convolution; nothing between or before them."""

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__(depthwise(in_width), conv(in_width, out_width, 1))


def depthwise(width: int) -> nn.Conv3d:
    """A 3x3x3 convolution per channel, without bias."""
    return nn.Conv3d(width, width, 3, padding=1, groups=width, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3x3 convolutions and a shortcut: the identity or, to another width, a third such convolution."""

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.first = conv(in_width, out_width)
        self.second = conv(out_width, out_width)
        self.shortcut = None if in_width == out_width else conv(in_width, out_width)

    def forward(self, features: Float[Tensor, "b i x y z"]) -> Float[Tensor, "b o x y z"]:
        """Transform features on their grid."""
        active = activate(features)
        if self.shortcut is None:
            return self.second(activate(self.first(active))) + features
        # The first convolution and the shortcut read the same: one pass makes both.
        weight = torch.cat([self.first.weight, self.shortcut.weight])
        inner, shortcut = F.conv3d(active, weight, padding=1).chunk(2, dim=1)
        return self.second(activate(inner)) + shortcut


class PatchMerging(nn.Module):
    """Halve the grid: the 8 voxels of a 2x2x2 cube become channels, which a separable convolution mixes."""

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.mix = SeparableConv(8 * in_width, out_width)

    def forward(self, features: Float[Tensor, "b i x y z"]) -> Float[Tensor, "b o x//2 y//2 z//2"]:
        """Merge; sides must be even."""
        b, c, x, y, z = features.shape
        cubes = features.reshape(b, c, x // 2, 2, y // 2, 2, z // 2, 2)
        merged = cubes.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(b, 8 * c, x // 2, y // 2, z // 2)
        return self.mix(normalize(merged))


class MBConv(nn.Module):
    """Inverted bottleneck: widen, convolve per channel, weigh the channels, narrow; with a shortcut.

    The normalization after the weighing divides each channel's weight out again, but for its epsilon. So the
    design is, and so it stays.
    """

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        wide = expansion * width
        self.widen = conv(width, wide, 1)
        self.depthwise = depthwise(wide)
        self.weigh = nn.Sequential(
            nn.Conv3d(wide, width, 1), nn.ReLU(inplace=True), nn.Conv3d(width, wide, 1), nn.Sigmoid()
        )
        self.narrow = conv(wide, width, 1)

    def forward(self, features: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b c x y z"]:
        """Transform features on their grid."""
        wide = self.depthwise(activate(self.widen(activate(features))))
        wide = wide * self.weigh(wide.mean(dim=(2, 3, 4), keepdim=True))
        return self.narrow(normalize(wide, eps=1e-4)) + features


def upsample(
    features: Float[Tensor, "b c *coarse"], size: torch.Size | tuple[int, ...]
) -> Float[Tensor, "b c *fine"]:
    """Interpolate linearly to a finer grid of the same field of view, corner centers on corner centers."""
    return F.interpolate(features, size=tuple(size), mode="trilinear", align_corners=True)
