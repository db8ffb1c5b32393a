"""Other ways to compute parts of MedFormer, tried in the benchmark alone: fused by torch.compile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rsuper.networks import attention, convolutions

# Grids of fewer voxels stay eager: each shape costs a compilation, and small grids cost launches, not bytes.
LEAST_VOXELS = 32**3
# Shapes that one function is compiled for; torch's own limit is 8, after which it falls back without a word.
SHAPES = 64

Grid = Callable[..., Tensor]


def shifted_sum(features: Tensor, weight: Tensor) -> Tensor:
    """A depthwise 3x3x3 convolution as 27 shifted products, which a compiler fuses into one pass."""
    x, y, z = features.shape[2:]
    padded = F.pad(features, (1,) * 6)
    taps = weight.to(features.dtype).reshape(1, -1, 27, 1, 1, 1).unbind(2)
    places = ((i, j, k) for i in range(3) for j in range(3) for k in range(3))
    total = torch.zeros_like(features, dtype=torch.float32)
    for tap, (i, j, k) in zip(taps, places, strict=True):
        total = total + tap * padded[:, :, i : i + x, j : j + y, k : k + z]
    return total.to(features.dtype)


def compiled(function: Grid) -> Grid:
    """Compile a function of features for each shape that it meets, but for small grids."""
    torch._dynamo.config.recompile_limit = SHAPES
    fused = torch.compile(function, dynamic=False)

    def dispatch(features: Tensor, *arguments: object, **options: object) -> Tensor:
        own = fused if features[0, 0].numel() >= LEAST_VOXELS else function
        return own(features, *arguments, **options)

    return dispatch


@contextmanager
def norms_compiled() -> Iterator[None]:
    """MedFormer's normalizations, each with the ReLU after it, in one fused pass."""
    before = [
        (module, name, getattr(module, name)) for module in (convolutions, attention) for name in _NORMS
    ]
    fused = {name: compiled(getattr(convolutions, name)) for name in _NORMS}
    for module, name, _ in before:
        setattr(module, name, fused[name])
    try:
        yield
    finally:
        for module, name, function in before:
            setattr(module, name, function)


_NORMS = ("normalize", "activate")


def replace_depthwise(network: nn.Module) -> None:
    """Let every depthwise convolution be computed by `shifted_sum`, where the grid is not small."""
    fused = torch.compile(shifted_sum, dynamic=False)
    torch._dynamo.config.recompile_limit = SHAPES
    for module in network.modules():
        if isinstance(module, nn.Conv3d) and module.groups == module.in_channels > 1:
            module.forward = _forward(module, module.forward, fused)  # type: ignore[method-assign]


def _forward(module: nn.Conv3d, eager: Grid, fused: Grid) -> Grid:
    def forward(features: Tensor) -> Tensor:
        return fused(features, module.weight) if features[0, 0].numel() >= LEAST_VOXELS else eager(features)

    return forward
