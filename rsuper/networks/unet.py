"""A small 3D U-Net in torch alone, fast on a CPU, with a head for deep supervision."""

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from rsuper.networks.outputs import Outputs, SegmentationNetwork

_GROUPS, _SLOPE = 4, 0.01
Stride = tuple[int, int, int]


class DeeplySupervisedUNet(SegmentationNetwork):
    """The layers of MONAI's U-Net, with a second head on the half-resolution decoder layer.

    Group normalization: batches are small and mix two kinds of supervision, so batch statistics would leak
    from one to the other.

    Attributes:
        down: One layer per level, from full resolution down.
        up: One per level, from the coarsest up; each takes its level's skip and the features from below.
        bottom: A layer between the two, on the coarsest grid.
        head: Makes the final output from what the last in `up` gives.
        deep_head: Makes the deep output.
    """

    heads = ("head.2", "deep_head")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        channels: Sequence[int],
        strides: Sequence[Stride],
        prior: float,
    ) -> None:
        super().__init__()
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        # Weights are drawn from the bottom up, as in MONAI: the same seed gives the same network.
        self.bottom = _layer(_convolution(channels[-1], channels[-1], (1, 1, 1)))
        steps = ((1, 1, 1), *strides)  # the highest level keeps the full resolution
        for depth in reversed(range(len(channels))):
            width, above = channels[depth], channels[max(depth - 1, 0)]
            self.down.insert(0, _layer(_convolution(above if depth else in_channels, width, steps[depth])))
            up = _transposed(2 * width, above, steps[depth])
            self.up.append(_layer(up) if depth else up)
        # The decoder's last layer is bare: the head gives it what every other layer has, then the output.
        final = nn.Conv3d(channels[0], out_channels, kernel_size=1)
        activation = nn.LeakyReLU(_SLOPE, inplace=True)
        self.head = nn.Sequential(nn.GroupNorm(_GROUPS, channels[0]), activation, final)
        self.deep_head = nn.Conv3d(channels[1], out_channels, kernel_size=1)
        # Start from "tumors are rare": from one half, hundreds of steps go into learning just that.
        for output in (final, self.deep_head):
            assert output.bias is not None
            nn.init.constant_(output.bias, math.log(prior / (1 - prior)))
        x, y, z = (math.prod(stride[axis] for stride in strides) for axis in range(3))
        self.size_multiple = self.smallest_size = (x, y, z)
        self.coarse_width = channels[-1]

    def with_coarse(self, image: Float[Tensor, "b i x y z"]) -> tuple[Outputs, Float[Tensor, "b w u v t"]]:
        """Predict tumor logits; give also the features at the bottom.

        Raises:
            ValueError: A size that `check_patch` refuses.
        """
        features, skips = self._encoded(image)
        coarse = deep = features
        for depth, up in zip(range(len(self.up) - 1, -1, -1), self.up, strict=True):
            features = up(torch.cat([skips[depth], features], dim=1))
            if depth == 2:  # the layer that feeds level 1, at half resolution
                deep = self.deep_head(features)
        deep = F.interpolate(deep, size=image.shape[2:], mode="trilinear", align_corners=False)
        return Outputs(self.head(features), deep), coarse

    def coarse(self, image: Float[Tensor, "b i x y z"]) -> Float[Tensor, "b w u v t"]:
        """Give the features at the bottom alone; the decoder does not run.

        Raises:
            ValueError: A size that `check_patch` refuses.
        """
        return self._encoded(image)[0]

    def _encoded(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Give the features at the bottom, and those that skip to the decoder, from full resolution down."""
        self.check_patch((image.shape[2], image.shape[3], image.shape[4]))
        skips = []
        features = image
        for down in self.down:
            features = down(features)
            skips.append(features)
        return self.bottom(features), skips


def _layer(convolution: nn.Conv3d | nn.ConvTranspose3d) -> nn.Sequential:
    """Follow a convolution by group normalization and a leaky ReLU."""
    return nn.Sequential(
        OrderedDict(
            conv=convolution,
            norm=nn.GroupNorm(_GROUPS, convolution.out_channels),
            activation=nn.LeakyReLU(_SLOPE, inplace=True),
        )
    )


def _convolution(in_channels: int, out_channels: int, stride: Stride) -> nn.Conv3d:
    return nn.Conv3d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1)


def _transposed(in_channels: int, out_channels: int, stride: Stride) -> nn.ConvTranspose3d:
    """A transposed convolution that multiplies each side by its stride exactly."""
    x, y, z = stride
    return nn.ConvTranspose3d(
        in_channels,
        out_channels,
        kernel_size=3,
        stride=stride,
        padding=1,
        output_padding=(x - 1, y - 1, z - 1),
    )


def build_unet(
    in_channels: int,
    out_channels: int,
    *,
    channels: Sequence[int] = (8, 16, 32, 64),
    strides: Sequence[Sequence[int]] = ((2, 2, 2), (2, 2, 2), (2, 2, 1)),
    prior: float = 0.01,
) -> DeeplySupervisedUNet:
    """Build a small U-Net: about 330,000 parameters at the default widths.

    One convolution per level on the way down, one transposed on the way up. The deep output is a 1x1x1
    convolution on the decoder layer at half resolution, interpolated linearly to the input's grid. Weights
    are stored channels last, which is faster on a CPU and changes no number beyond rounding.

    Args:
        in_channels: Channels of the input.
        out_channels: Targets.
        channels: Width per level, from full resolution down; at least three, each a multiple of 4.
        strides: Downsampling (x, y, z) from each level to the next. The default takes sides that are
            multiples of (8, 8, 4).
        prior: Tumor probability that both outputs start from, by their biases: tumors are rare.

    Returns:
        A network whose forward pass returns `Outputs`; its method `check_patch` says which sizes work.

    Raises:
        ValueError: A width, stride or their number does not fit; in the forward pass: a size that cannot
            work, with the nearest that can.

    Source: §2.1, footnote 7 (the deep head); the paper uses MedFormer. Layers and order of random draws are
    those of MONAI 1.6's `UNet` without residual units, whose outputs and gradients it equals to the bit.
    """
    if in_channels < 1 or out_channels < 1:
        raise ValueError(f"in_channels and out_channels must be positive, got {in_channels}, {out_channels}")
    if len(channels) < 3 or any(width < 1 or width % _GROUPS for width in channels):
        raise ValueError(f"channels needs three or more multiples of {_GROUPS}, got {tuple(channels)}")
    if not 0 < prior < 1:
        raise ValueError(f"prior must lie between 0 and 1, got {prior}")
    if len(strides) != len(channels) - 1:
        raise ValueError(f"strides needs {len(channels) - 1} entries, one less than channels, got {strides}")
    if any(len(stride) != 3 or min(stride) < 1 for stride in strides):
        raise ValueError(f"each of strides needs three positive numbers, got {strides}")
    whole = [(int(x), int(y), int(z)) for x, y, z in strides]
    network = DeeplySupervisedUNet(in_channels, out_channels, tuple(channels), whole, prior)
    # The overloads of Module.to leave this argument out of torch's annotations.
    return network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
