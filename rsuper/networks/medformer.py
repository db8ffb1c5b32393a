"""MedFormer 3D, the paper's network: convolutions at fine scales, attention by semantic maps at coarse."""

import math
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rsuper.networks.attention import AttentionBlock, MapFusion, MapGeneration, token_conv
from rsuper.networks.convolutions import BasicBlock, PatchMerging, conv, upsample
from rsuper.networks.medformer_layout import PRESETS, Layout
from rsuper.networks.outputs import Outputs, SegmentationNetwork

# Names of the stages' places in a layout.
DOWN1, DOWN2, DOWN3, DOWN4, UP1, UP2, UP3, UP4 = range(8)

# Below this base width a CPU is faster with weights stored channels last (the eighth preset's step takes 0.6
# of the time), above it slower, for the copies at each normalization. No number changes beyond rounding.
_NARROW = 16


def _convolutions(layout: Layout, stage: int, in_width: int) -> tuple[nn.Sequential, int]:
    """A stage's convolution blocks, and the width that comes out of them."""
    width = layout.channels[stage]
    widths = [in_width] + [width] * layout.conv_num[stage]
    return nn.Sequential(*(BasicBlock(own, width) for own in widths[:-1])), widths[-1]


class AttentionBlocks(nn.ModuleList):
    """A stage's attention blocks; `last`: nothing reads the map afterwards."""

    def __init__(self, layout: Layout, stage: int, in_width: int, *, last: bool = False) -> None:
        width, heads, blocks = layout.channels[stage], layout.heads[stage], layout.trans_num[stage]
        super().__init__(
            AttentionBlock(
                width if number else in_width,
                width,
                heads,
                layout.expansion,
                last=last and number == blocks - 1,
            )
            for number in range(blocks)
        )

    def forward(
        self, features: Float[Tensor, "b i x y z"], tokens: Float[Tensor, "b c n"]
    ) -> tuple[Float[Tensor, "b c x y z"], Float[Tensor, "b c n"]]:
        """Return features and map."""
        for block in self:
            features, tokens = block(features, tokens)
        return features, tokens


class Down(nn.Module):
    """Halve the grid; convolutions."""

    def __init__(self, layout: Layout, stage: int, in_width: int) -> None:
        super().__init__()
        width = layout.channels[stage]
        self.merge = PatchMerging(in_width, width)
        self.convolutions, _ = _convolutions(layout, stage, width)

    def forward(self, features: Float[Tensor, "b i x y z"]) -> Float[Tensor, "b c x//2 y//2 z//2"]:
        """Return the coarser features."""
        return self.convolutions(self.merge(features))


class AttentiveDown(nn.Module):
    """Halve the grid; convolutions; a new semantic map; attention."""

    def __init__(self, layout: Layout, stage: int, in_width: int) -> None:
        super().__init__()
        width = layout.channels[stage]
        self.down = Down(layout, stage, in_width)
        self.generate = MapGeneration(width, math.prod(layout.map_size))
        self.attention = AttentionBlocks(layout, stage, width)

    def forward(
        self, features: Float[Tensor, "b i x y z"]
    ) -> tuple[Float[Tensor, "b c x//2 y//2 z//2"], Float[Tensor, "b c n"]]:
        """Return the coarser features and their map."""
        features = self.down(features)
        return self.attention(features, self.generate(features))


class Up(nn.Module):
    """Bring coarse features onto the skip's grid, beside it; convolutions."""

    def __init__(self, layout: Layout, stage: int, in_width: int) -> None:
        super().__init__()
        self.convolutions, self.width = _convolutions(layout, stage, in_width)

    def forward(
        self, coarse: Float[Tensor, "b i *coarse"], skip: Float[Tensor, "b s x y z"]
    ) -> Float[Tensor, "b o x y z"]:
        """Return features on the skip's grid."""
        return self.convolutions(torch.cat([upsample(coarse, skip.shape[2:]), skip], dim=1))


class AttentiveUp(nn.Module):
    """Bring features onto the skip's grid, and two maps into one; convolutions; attention."""

    def __init__(
        self, layout: Layout, stage: int, in_width: int, map_width: int, *, last: bool = False
    ) -> None:
        super().__init__()
        self.up = Up(layout, stage, in_width)
        self.mix_maps = token_conv(map_width, layout.channels[stage])
        self.attention = AttentionBlocks(layout, stage, self.up.width, last=last)

    def forward(
        self,
        coarse: Float[Tensor, "b i *coarse"],
        skip: Float[Tensor, "b s x y z"],
        coarse_map: Float[Tensor, "b j n"],
        skip_map: Float[Tensor, "b t n"],
    ) -> tuple[Float[Tensor, "b c x y z"], Float[Tensor, "b c n"]]:
        """Return features on the skip's grid and the stage's map."""
        tokens = self.mix_maps(torch.cat([coarse_map, skip_map], dim=1))
        return self.attention(self.up(coarse, skip), tokens)


class MedFormer(SegmentationNetwork):
    """Encoder and decoder of five scales; semantic maps of the three coarsest, fused between the two."""

    size_multiple = (16, 16, 16)
    # At 16, the coarsest grid is one voxel, which has no variance to normalize by.
    smallest_size = (32, 32, 32)
    heads = ("outc", "aux_out")

    def __init__(
        self, in_channels: int, out_channels: int, layout: Layout, *, deep_supervision: bool = True
    ) -> None:
        super().__init__()
        base, width = layout.base, layout.channels
        self.coarse_width = width[DOWN4]
        self.inc = nn.Sequential(conv(in_channels, base), BasicBlock(base, base))
        self.down1 = Down(layout, DOWN1, base)
        self.down2 = AttentiveDown(layout, DOWN2, width[DOWN1])
        self.down3 = AttentiveDown(layout, DOWN3, width[DOWN2])
        self.down4 = AttentiveDown(layout, DOWN4, width[DOWN3])
        maps = width[DOWN2 : DOWN4 + 1]
        self.map_fusion = MapFusion(maps, layout.fusion_width, layout.fusion_heads, layout.fusion_depth)
        self.up1 = AttentiveUp(layout, UP1, width[DOWN4] + width[DOWN3], width[DOWN4] + width[DOWN3])
        self.up2 = AttentiveUp(layout, UP2, width[UP1] + width[DOWN2], width[UP1] + width[DOWN2], last=True)
        self.up3 = Up(layout, UP3, width[UP2] + width[DOWN1])
        self.up4 = Up(layout, UP4, width[UP3] + base)
        self.aux_out = nn.Conv3d(width[UP2], out_channels, 1) if deep_supervision else None
        self.outc = nn.Conv3d(width[UP4], out_channels, 1)

    def with_coarse(self, image: Float[Tensor, "b i x y z"]) -> tuple[Outputs, Float[Tensor, "b w u v t"]]:
        """Predict tumor logits; give also the features at the bottom.

        Raises:
            ValueError: A size that `check_patch` refuses.
        """
        (full, half, fourth, eighth, coarse), maps = self._encoded(image)
        fourth_map, eighth_map, coarse_map = self.map_fusion(maps)
        features, tokens = self.up1(coarse, eighth, coarse_map, eighth_map)
        features, _ = self.up2(features, fourth, tokens, fourth_map)
        deep = None if self.aux_out is None else upsample(self.aux_out(features), image.shape[2:])
        features = self.up4(self.up3(features, half), full)
        return Outputs(self.outc(features), deep), coarse

    def coarse(self, image: Float[Tensor, "b i x y z"]) -> Float[Tensor, "b w u v t"]:
        """Give the features at the bottom alone; neither map fusion nor the decoder runs.

        Raises:
            ValueError: A size that `check_patch` refuses.
        """
        return self._encoded(image)[0][-1]

    def _encoded(self, image: Tensor) -> tuple[tuple[Tensor, ...], list[Tensor]]:
        """Give the features of the five scales, and the maps of the three coarsest, from fine to coarse."""
        self.check_patch((image.shape[2], image.shape[3], image.shape[4]))
        full = self.inc(image)
        half = self.down1(full)
        fourth, fourth_map = self.down2(half)
        eighth, eighth_map = self.down3(fourth)
        coarse, coarse_map = self.down4(eighth)
        return (full, half, fourth, eighth, coarse), [fourth_map, eighth_map, coarse_map]


def build_medformer(
    in_channels: int,
    out_channels: int,
    *,
    preset: str = "paper",
    deep_supervision: bool = True,
    prior: float | None = None,
    **overrides: Any,
) -> MedFormer:
    """Build a MedFormer 3D; with the preset `paper` the paper's, of 37.9 million parameters.

    Takes cubes and boxes whose sides are multiples of 16, at least 32. The deep output comes from the decoder
    at a fourth of the resolution, and is interpolated linearly to the input's grid.

    Args:
        in_channels: Channels of the input.
        out_channels: Targets.
        preset: paper; half, quarter, eighth: the same design with narrower stages, and from quarter on fewer
            blocks. 9.8, 1.6, 0.35 million parameters.
        deep_supervision: Have the auxiliary head; without it the deep output is None.
        prior: Tumor probability that both outputs start from, by their biases: tumors are rare. Not in the
            paper, so None by default, which leaves torch's own initial values.
        **overrides: Numbers that differ from the preset's, by their names in `Layout`; lists will do.

    Returns:
        A network whose forward pass returns `Outputs`.

    Raises:
        ValueError: An option is unknown or its value does not fit; in the forward pass: a size that cannot
            work, with the nearest that can.

    Source: §2.1, footnote 7 (the deep head, decoder layer 2); §3, "Training R-Super" (the network).
    """
    if in_channels < 1 or out_channels < 1:
        raise ValueError(f"in_channels and out_channels must be positive, got {in_channels}, {out_channels}")
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}")
    if prior is not None and not 0 < prior < 1:
        raise ValueError(f"prior must lie between 0 and 1, got {prior}")
    layout = _layout(preset, overrides)
    network = MedFormer(in_channels, out_channels, layout, deep_supervision=deep_supervision)
    if layout.base < _NARROW:
        # The overloads of Module.to leave this argument out of torch's annotations.
        network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    if prior is not None:
        for head in (network.outc, network.aux_out):
            if head is not None and head.bias is not None:
                nn.init.constant_(head.bias, math.log(prior / (1 - prior)))
    return network


def _layout(preset: str, overrides: dict[str, Any]) -> Layout:
    numbers = vars(PRESETS[preset])
    unknown = sorted(overrides.keys() - numbers.keys())
    if unknown:
        known = ", ".join(("preset", "deep_supervision", "prior", *numbers))
        raise ValueError(f"unknown option {unknown[0]!r}; known: {known}")
    # YAML has lists.
    fixed: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in overrides.items()
    }
    return replace(PRESETS[preset], **fixed)
