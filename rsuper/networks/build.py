"""Networks by the name they have in an experiment file, each imported when it is asked for."""

from collections.abc import Callable
from typing import Any

from rsuper.networks.outputs import SegmentationNetwork


def build_network(name: str, in_channels: int, out_channels: int, **options: Any) -> SegmentationNetwork:
    """Build the network `name`; its forward pass returns `rsuper.networks.outputs.Outputs`.

    Args:
        name: A known network: medformer (the paper's), unet.
        in_channels: Channels of the input.
        out_channels: Targets.
        **options: Passed to the network's own builder, which documents them.

    Raises:
        ValueError: The name is unknown, or the builder refuses an option's value.
    """
    if name not in _BUILDERS:
        raise ValueError(f"unknown network {name!r}; known: {', '.join(sorted(_BUILDERS))}")
    return _BUILDERS[name](in_channels, out_channels, **options)


def _medformer(in_channels: int, out_channels: int, **options: Any) -> SegmentationNetwork:
    from rsuper.networks.medformer import build_medformer

    return build_medformer(in_channels, out_channels, **options)


def _unet(in_channels: int, out_channels: int, **options: Any) -> SegmentationNetwork:
    from rsuper.networks.unet import build_unet

    return build_unet(in_channels, out_channels, **options)


_BUILDERS: dict[str, Callable[..., SegmentationNetwork]] = {"medformer": _medformer, "unet": _unet}
