"""In which numbers and by which kernels a network is computed: on a CPU float32, on a GPU as settings say."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rsuper.engine.settings import Settings
from rsuper.errors import ConfigError


class Computed(nn.Module):
    """A model whose forward pass runs in bf16, channels last or compiled; what it returns is float32.

    Losses see float32 whatever the network computes in. Parameters are the model's own.
    """

    def __init__(self, model: nn.Module, *, bf16: bool, channels_last: bool, compiled: bool) -> None:
        super().__init__()
        self.model = model
        if channels_last:
            model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.bf16, self.channels_last = bf16, channels_last
        self._forward = torch.compile(model) if compiled else model

    def forward(self, image: Tensor) -> object:
        """Compute the model's outputs."""
        if self.channels_last:
            image = image.contiguous(memory_format=torch.channels_last_3d)
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.bf16):
            outputs = self._forward(image)
        return in_float32(outputs)


def computed(model: nn.Module, settings: Settings, device: torch.device) -> nn.Module:
    """Return what computes a model's outputs on a device: the model itself on a CPU.

    `precision: auto` is bf16 on a GPU that has it, else float32. Never on a CPU: there (torch 2.13) bf16
    gives weight gradients that are not finite on grids of 2^3 voxels. `channels_last` and `compile` are for
    GPUs too, and do nothing on a CPU.

    Raises:
        ConfigError: bf16 is asked for by name, and the device does not have it.
    """
    on_gpu = device.type == "cuda"
    able = on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
    if settings.precision == "bf16" and not able:
        raise ConfigError(
            f"section 'engine' of the experiment: precision bf16 is not to be had on this device ({device}); "
            "with 'auto' training takes it where a GPU has it, and float32 elsewhere"
        )
    bf16 = able and settings.precision != "float32"
    if not on_gpu or not (bf16 or settings.channels_last or settings.compile):
        return model
    return Computed(model, bf16=bf16, channels_last=settings.channels_last, compiled=settings.compile)


def in_float32(outputs: Any) -> Any:
    """Turn every floating tensor of a network's outputs into float32; tuples and mappings keep their kind."""
    if isinstance(outputs, Tensor):
        return outputs.float() if outputs.is_floating_point() else outputs
    if isinstance(outputs, tuple):
        parts = [in_float32(each) for each in outputs]
        return type(outputs)(*parts) if hasattr(outputs, "_fields") else tuple(parts)
    if isinstance(outputs, Mapping):
        return {name: in_float32(each) for name, each in outputs.items()}
    return outputs


def device_of(model: nn.Module) -> torch.device:
    """Return where a model's parameters are; the CPU where it has none."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def adamw(model: nn.Module, rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """Make the optimizer: AdamW, on a GPU in one kernel."""
    fused = True if device_of(model).type == "cuda" else None
    return torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=weight_decay, fused=fused)


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Let torch refuse operations whose result may differ from call to call; the switches are set back.

    Its error names the operation (on a GPU that may be the gradient of trilinear interpolation).
    """
    if not wanted:
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when a GPU is first used
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
