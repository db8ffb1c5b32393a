"""MedFormer's costly layers one by one, at the shapes of a 128^3 patch, each against its own floor."""

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.gpu_profile import FLOAT32_FLOPS, copy_bandwidth, product_rate
from benchmarks.gpu_scenes import FULL_SIDE
from benchmarks.gpu_steps import FAST, Size, release, switched
from benchmarks.gpu_timing import Recorder, Row, milliseconds
from benchmarks.gpu_variants import LEAST_VOXELS, shifted_sum
from rsuper.networks.convolutions import activate, upsample

# Channels and side of the grid, at 128^3; smaller patches shrink the side.
NORMS = ((32, 128), (64, 64), (512, 32))
DEPTHWISE = ((256, 64), (512, 32), (1024, 16))
DENSE = ((32, 32, 3, 128), (64, 64, 3, 64), (512, 128, 1, 32))
Layer = Callable[..., Tensor]


@dataclass(frozen=True)
class Trial:
    """A layer with its inputs' kind: what is timed."""

    kind: str
    way: str
    layer: Layer
    shape: tuple[int, ...]
    weight: tuple[int, ...] | None
    dtype: torch.dtype
    layout: torch.memory_format = torch.contiguous_format


def trials(scale: float, patches: int) -> Iterator[Trial]:
    """Every layer in every way, costly ones first."""
    half, full = torch.bfloat16, torch.float32
    last = torch.channels_last_3d
    fused_norm = torch.compile(activate, dynamic=False)
    fused_depthwise = torch.compile(shifted_sum, dynamic=False)
    for channels, side in NORMS:
        shape = _shape(patches, channels, side, scale)
        yield Trial("normalize, ReLU", "float32", activate, shape, None, full)
        yield Trial("normalize, ReLU", "bf16", activate, shape, None, half)
        yield Trial("normalize, ReLU", "bf16, channels last", activate, shape, None, half, last)
        if math.prod(shape[2:]) >= LEAST_VOXELS:  # each compilation takes seconds
            yield Trial("normalize, ReLU", "bf16, compiled", fused_norm, shape, None, half)
    for channels, side in DEPTHWISE:
        shape, weight = _shape(patches, channels, side, scale), (channels, 1, 3, 3, 3)
        layer = partial(F.conv3d, padding=1, groups=channels)
        yield Trial("depthwise", "float32", layer, shape, weight, full)
        yield Trial("depthwise", "bf16", layer, shape, weight, half)
        yield Trial("depthwise", "bf16, channels last", layer, shape, weight, half, last)
        if math.prod(shape[2:]) >= LEAST_VOXELS:
            yield Trial("depthwise", "bf16, compiled shifts", fused_depthwise, shape, weight, half)
    for inner, outer, taps, side in DENSE:
        shape, weight = _shape(patches, inner, side, scale), (outer, inner, taps, taps, taps)
        layer, kind = partial(F.conv3d, padding=taps // 2), f"convolution {taps}^3, {inner} to {outer}"
        yield Trial(kind, "float32", layer, shape, weight, full)
        yield Trial(kind, "bf16", layer, shape, weight, half)
        yield Trial(kind, "bf16, channels last", layer, shape, weight, half, last)
    shape = _shape(patches, 64, 64, scale)
    grow = partial(upsample, size=tuple(2 * side for side in shape[2:]))
    yield Trial("interpolation", "float32", grow, shape, None, full)
    yield Trial("interpolation", "bf16", grow, shape, None, half)
    yield Trial("interpolation", "bf16, channels last", grow, shape, None, half, last)


def _shape(patches: int, channels: int, side: int, scale: float) -> tuple[int, ...]:
    return patches, channels, *[max(2, round(side * scale))] * 3


def layer_rows(size: Size, record: Recorder) -> None:
    """Forward and backward of each layer; float32 is without TF32."""
    on_gpu = size.device == "cuda"
    rate, bandwidth = (product_rate(), copy_bandwidth()) if on_gpu else (math.inf, math.inf)
    with switched(FAST):
        torch.backends.cudnn.allow_tf32 = False
        for trial in trials(size.patch / FULL_SIDE, size.patches):
            record("layer", _row(trial, size, rate, bandwidth))
            release(size.device)


def _row(trial: Trial, size: Size, rate: float, bandwidth: float) -> Row:
    row: Row = {"layer": trial.kind, "way": trial.way, "shape": trial.shape}
    make = partial(torch.randn, device=size.device, dtype=trial.dtype)
    inputs = [make(trial.shape).contiguous(memory_format=trial.layout).requires_grad_()]
    if trial.weight is not None:
        inputs.append(make(trial.weight).contiguous(memory_format=trial.layout).requires_grad_())
    try:
        out = trial.layer(*inputs)
        gradient = torch.randn_like(out)

        def both() -> None:
            torch.autograd.grad(trial.layer(*inputs), inputs, gradient)

        forward = _median(lambda: trial.layer(*inputs), size)
        total = _median(both, size)
    except RuntimeError as error:
        return {**row, "reason": f"{type(error).__name__}: {str(error)[:200]}"}
    row |= {"forward_ms": forward, "both_ms": total}
    if size.device != "cuda":
        return row
    floor = 1000 * max(_bytes(inputs[0], out) / bandwidth, _operations(trial, out) / rate)
    return {**row, "floor_ms": floor, "times_floor": total / floor}


def _median(call: Callable[[], object], size: Size) -> float:
    return statistics.median(milliseconds(call, size.device, warmup=2, repeats=size.repeats))


def _bytes(features: Tensor, out: Tensor) -> float:
    """Fewest bytes of forward and backward: input twice, its gradient, output and its gradient once each."""
    return float((3 * features.numel() + 2 * out.numel()) * out.element_size())


def _operations(trial: Trial, out: Tensor) -> float:
    """Operations of forward and backward, as if all ran at the rate of a bf16 product.

    Depthwise convolutions cannot use tensor cores: theirs are counted at the float32 rate.
    """
    if trial.weight is None:
        return 0.0
    operations = 3 * 2.0 * out.numel() * math.prod(trial.weight[1:])
    return operations * (800e12 / FLOAT32_FLOPS) if trial.kind == "depthwise" else operations
