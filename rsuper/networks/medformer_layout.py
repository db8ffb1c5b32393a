"""The numbers that make a MedFormer, with the paper's and smaller ones."""

import math
from dataclasses import dataclass
from typing import Any

# down1, down2, down3, down4, up1, up2, up3, up4; those from down2 to up2 have attention.
STAGES = 8
ATTENTIVE = range(1, 6)


@dataclass(frozen=True)
class Layout:
    """A MedFormer's numbers; the tuples of eight go through the stages down1 to down4, up1 to up4.

    Attributes:
        base: Width at full resolution.
        channels: Width per stage.
        conv_num: Convolution blocks per stage; up3 and up4 need one.
        trans_num: Attention blocks per stage: at least one from down2 to up2, none elsewhere.
        heads: Attention heads per stage; of no meaning where there is no attention.
        fusion_width: Width of the map fusion.
        fusion_heads: Its attention heads.
        fusion_depth: Its transformer layers.
        map_size: Tokens of a semantic map. Only their product counts.
        expansion: How much wider the bottleneck after each attention is.

    Raises:
        ValueError: A number does not fit; names it.
    """

    base: int
    channels: tuple[int, ...]
    conv_num: tuple[int, ...]
    trans_num: tuple[int, ...]
    heads: tuple[int, ...]
    fusion_width: int
    fusion_heads: int
    fusion_depth: int = 2
    map_size: tuple[int, ...] = (3, 3, 3)
    expansion: int = 4

    def __post_init__(self) -> None:
        for name, length, least in (("channels", STAGES, 1), ("heads", STAGES, 1), ("map_size", 3, 1)):
            _check_numbers(name, getattr(self, name), length, least)
        for name in ("conv_num", "trans_num"):
            _check_numbers(name, getattr(self, name), STAGES, 0)
        for name in ("base", "fusion_width", "fusion_heads", "fusion_depth", "expansion"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {getattr(self, name)}")
        if any((blocks > 0) != (stage in ATTENTIVE) for stage, blocks in enumerate(self.trans_num)):
            raise ValueError(
                f"trans_num must be at least 1 from down2 to up2 and 0 elsewhere, got {self.trans_num}"
            )
        if 0 in self.conv_num[ATTENTIVE.stop :]:
            raise ValueError(f"conv_num must be at least 1 in up3 and up4, got {self.conv_num}")
        if any(self.channels[stage] % self.heads[stage] for stage in ATTENTIVE):
            raise ValueError(
                f"heads must divide channels {self.channels} from down2 to up2, got {self.heads}"
            )
        if self.fusion_width % self.fusion_heads:
            raise ValueError(f"fusion_heads must divide {self.fusion_width}, got {self.fusion_heads}")
        if math.prod(self.map_size) < 2:
            raise ValueError(f"map_size must give two tokens or more, got {self.map_size}")


def _check_numbers(name: str, numbers: Any, length: int, least: int) -> None:
    whole = isinstance(numbers, tuple) and all(isinstance(number, int) for number in numbers)
    if not whole or len(numbers) != length or min(numbers) < least:
        raise ValueError(f"{name} needs {length} whole numbers of at least {least}, got {numbers}")


PRESETS = {
    "paper": Layout(
        base=32,
        channels=(64, 128, 256, 320, 256, 128, 64, 32),
        conv_num=(2, 0, 0, 0, 0, 0, 2, 2),
        trans_num=(0, 2, 4, 6, 4, 2, 0, 0),
        heads=(1, 4, 8, 10, 8, 4, 1, 1),
        fusion_width=320,
        fusion_heads=10,
    ),
    "half": Layout(
        base=16,
        channels=(32, 64, 128, 160, 128, 64, 32, 16),
        conv_num=(2, 0, 0, 0, 0, 0, 2, 2),
        trans_num=(0, 2, 4, 6, 4, 2, 0, 0),
        heads=(1, 4, 8, 10, 8, 4, 1, 1),
        fusion_width=160,
        fusion_heads=10,
    ),
    "quarter": Layout(
        base=8,
        channels=(16, 32, 64, 80, 64, 32, 16, 8),
        conv_num=(2, 0, 0, 0, 0, 0, 2, 2),
        trans_num=(0, 1, 2, 2, 2, 1, 0, 0),
        heads=(1, 2, 4, 5, 4, 2, 1, 1),
        fusion_width=80,
        fusion_heads=5,
    ),
    "eighth": Layout(
        base=4,
        channels=(8, 16, 32, 40, 32, 16, 8, 4),
        conv_num=(2, 0, 0, 0, 0, 0, 2, 2),
        trans_num=(0, 1, 1, 1, 1, 1, 0, 0),
        heads=(1, 1, 2, 4, 2, 1, 1, 1),
        fusion_width=40,
        fusion_heads=4,
    ),
}
