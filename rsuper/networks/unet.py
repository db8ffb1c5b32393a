"""A small 3D U-Net from MONAI's parts, fast on a CPU, with a head for deep supervision."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from monai.networks.nets import UNet
from torch import Tensor, nn

from rsuper.networks.outputs import Outputs, SegmentationNetwork

_GROUPS = 4


class DeeplySupervisedUNet(SegmentationNetwork):
    """MONAI's U-Net with a second head on its half-resolution decoder layer.

    Group normalization: batches are small and mix two kinds of supervision, so batch statistics would leak
    from one to the other.
    """

    heads = ("head.2", "deep_head")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        channels: Sequence[int],
        strides: Sequence[Sequence[int]],
        prior: float,
    ) -> None:
        super().__init__()
        # MONAI's lowest block does not downsample; the first stride of 1 keeps a level at full resolution.
        network = UNet(
            spatial_dims=3,
            in_channels=in_channels,
            out_channels=channels[0],
            channels=(*channels, channels[-1]),
            strides=((1, 1, 1), *strides),
            norm=("group", {"num_groups": _GROUPS}),
            act=("leakyrelu", {"negative_slope": 0.01, "inplace": True}),
        )
        # MONAI nests its levels as [down, skip around the level below, up]: laid out flat, the decoder's
        # layers can be reached without hooks.
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        level = network.model
        for _ in channels:
            self.down.append(level[0])
            self.up.insert(0, level[2])
            level = level[1].submodule
        self.bottom = level
        # The last layer comes bare: it gets what every other layer has, then the output.
        final = nn.Conv3d(channels[0], out_channels, kernel_size=1)
        activation = nn.LeakyReLU(0.01, inplace=True)
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

    Source: §2.1, footnote 7 (the deep head); the network is this project's, the paper uses MedFormer.
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
    whole = [tuple(int(step) for step in stride) for stride in strides]
    network = DeeplySupervisedUNet(in_channels, out_channels, tuple(channels), whole, prior)
    # The overloads of Module.to leave this argument out of torch's annotations.
    return network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
