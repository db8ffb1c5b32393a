"""Networks by the name they have in an experiment file."""

from collections.abc import Callable
from typing import Any

from torch import nn

from rsuper.networks.unet import build_unet

_BUILDERS: dict[str, Callable[..., nn.Module]] = {"unet": build_unet}


def build_network(name: str, in_channels: int, out_channels: int, **options: Any) -> nn.Module:
    """Build the network `name`; its forward pass returns `rsuper.networks.outputs.Outputs`.

    Args:
        name: A known network: unet.
        in_channels: Channels of the input.
        out_channels: Targets.
        **options: Passed to the network's own builder, which documents them.

    Raises:
        ValueError: The name is unknown, or the builder refuses an option's value.
    """
    if name not in _BUILDERS:
        raise ValueError(f"unknown network {name!r}; known: {', '.join(sorted(_BUILDERS))}")
    return _BUILDERS[name](in_channels, out_channels, **options)
