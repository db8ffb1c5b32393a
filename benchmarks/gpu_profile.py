"""Where a step's time goes on a GPU, and the least time that it could take."""

import math
import statistics
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu_scenes import TUMORS_MM, make_batch, r_super_terms, segmentation_terms
from benchmarks.gpu_steps import FAST, FAST_LAST, Size, Training, release, switched
from benchmarks.gpu_timing import Recorder, Row, milliseconds

TOP = 15
# First match wins: a part of a kernel's name -> what it does.
FAMILIES = (
    ("depthwise", "depthwise convolution"),
    ("batch_norm", "normalization"),
    ("bn_", "normalization"),
    ("multi_tensor", "optimizer and clipping"),
    ("upsample", "interpolation"),
    ("fft", "Fourier transform"),
    ("softmax", "softmax"),
    ("cat", "concatenation"),
    ("nchwToNhwc", "layout change"),
    ("nhwcToNchw", "layout change"),
    ("conv", "convolution"),
    ("fprop", "convolution"),
    ("dgrad", "convolution"),
    ("wgrad", "convolution"),
    ("xmma", "convolution"),
    ("cutlass", "matrix product or convolution"),
    ("gemm", "matrix product or convolution"),
    ("nvjet", "matrix product or convolution"),
    ("copy", "copies and casts"),
    ("reduce", "reductions"),
    ("elementwise", "elementwise"),
    ("Mem", "copies and casts"),
)
# Largest of dense bf16 products tried; float32 outside tensor cores by the data sheet (SXM5).
PRODUCT_SIDE, COPY_BYTES = 8192, 2**31
FLOAT32_FLOPS = 67e12
VIEWS = {"view", "reshape", "expand", "permute", "transpose", "slice", "select", "unsqueeze", "squeeze", "t"}
VIEWS |= {"detach", "alias", "as_strided", "_unsafe_view", "unbind", "split", "chunk", "empty", "empty_like"}
PRODUCTS = {"convolution", "convolution_backward", "mm", "bmm", "addmm", "_scaled_dot_product"}


def profile_rows(size: Size, record: Recorder) -> None:
    """Kernels of a bf16 step in both memory formats, waits by the profiler, then the floor."""
    for setting in (FAST, FAST_LAST):
        with switched(setting):
            training = Training(setting, size)
            _kernels(training, size, record)
            for tumors in (1, 3, 6) if setting is FAST else ():
                record("waits", _profiled_waits(training, size, tumors))
        del training
        release(size.device)
    record("floor", floor(size))


def _profiled(call: Callable[[], object], size: Size) -> Any:
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (size.device == "cuda")
    for _ in range(2):
        call()
    with profile(activities=activities) as found:
        call()
        if size.device == "cuda":
            torch.cuda.synchronize()
    return found


def _kernels(training: Training, size: Size, record: Recorder) -> None:
    batch = make_batch(size.patch, size.patches, TUMORS_MM, size.device)
    call = partial(training.step, batch, segmentation_terms)
    setting = training.setting
    on_device = size.device == "cuda"
    found = _profiled(call, size)
    times: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for event in found.events():
        # An annotation spans kernels that are listed themselves.
        if on_device and (
            event.device_type != DeviceType.CUDA or getattr(event, "is_user_annotation", False)
        ):
            continue
        microseconds = event.time_range.elapsed_us() if on_device else event.self_cpu_time_total
        times[event.name] += microseconds / 1000
        counts[event.name] += 1
    busy = sum(times.values())
    wall = statistics.median(milliseconds(call, size.device, warmup=1, repeats=size.repeats))
    families: Counter[str] = Counter()
    for name, own in times.items():
        families[family(name)] += own
    row: Row = {"setting": setting.name, "kernels": counts.total(), "busy_ms": busy, "step_ms": wall}
    record("profile", {**row, **{name: own / busy for name, own in families.most_common()}})
    for name, own in times.most_common(TOP):
        row = {"setting": setting.name, "ms": own, "share": own / busy, "calls": counts[name]}
        record("kernel", {**row, "kernel": name[:100]})


def family(kernel: str) -> str:
    """What a kernel does, by its name."""
    return next((title for part, title in FAMILIES if part.lower() in kernel.lower()), "other")


def _profiled_waits(training: Training, size: Size, tumors: int) -> Row:
    batch = make_batch(size.patch, size.patches, (TUMORS_MM * 2)[:tumors], size.device)
    found = _profiled(partial(training.step, batch, r_super_terms), size)
    names = Counter(event.name for event in found.events())
    kinds = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize")
    waits = {name: number for name, number in names.items() if name in kinds}
    copies = sum(number for name, number in names.items() if "DtoH" in name)
    return {"tumors": tumors, "by": "profiler", "copies_to_host": copies, **waits}


class Traffic(TorchDispatchMode):
    """Counts bytes that operations read and write, each input and output once."""

    def __init__(self) -> None:
        super().__init__()
        self.every = 0
        self.products = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count its bytes."""
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name not in VIEWS:
            tensors = [each for each in tree_leaves((args, kwargs, out)) if isinstance(each, Tensor)]
            number = sum(each.numel() * each.element_size() for each in tensors)
            self.every += number
            self.products += number if any(name.startswith(part) for part in PRODUCTS) else 0
        return out


def depthwise_flops(training: Training, image: Tensor) -> int:
    """Operations of the depthwise convolutions in a forward pass."""
    total = 0

    def count(module: torch.nn.Module, _: Any, out: Tensor) -> None:
        nonlocal total
        if isinstance(module, torch.nn.Conv3d) and module.groups == module.in_channels > 1:
            total += 2 * out.numel() * math.prod(module.kernel_size)

    hooks = [module.register_forward_hook(count) for module in training.network.modules()]
    training.outputs(image)
    for hook in hooks:
        hook.remove()
    return total


def floor(size: Size) -> Row:
    """Operations and bytes of a bf16 step over what this device does: no version runs much faster.

    Backward counts as twice forward. Bytes: `traffic_bytes` is what the operations as they are must move;
    `product_bytes` is what is left where everything between convolutions and products is fused into them.
    """
    with switched(FAST):
        training = Training(FAST, size)
        batch = make_batch(size.patch, size.patches, TUMORS_MM, size.device)
        with torch.no_grad():
            depthwise = 3 * depthwise_flops(training, batch.image)
            with FlopCounterMode(display=False) as counter:
                training.outputs(batch.image)
        flops = 3 * counter.get_total_flops()
        with Traffic() as traffic:
            training.step(batch, segmentation_terms)
    row: Row = {
        "flops": float(flops),
        "depthwise_flops": float(depthwise),
        "traffic_bytes": float(traffic.every),
        "product_bytes": float(traffic.products),
    }
    if size.device != "cuda":
        return row
    rate, bandwidth = product_rate(), copy_bandwidth()
    times = {
        "dense_ms": 1000 * (flops - depthwise) / rate,
        "depthwise_ms": 1000 * depthwise / FLOAT32_FLOPS,
        "product_bytes_ms": 1000 * traffic.products / bandwidth,
    }
    binding = max(times, key=lambda name: times[name])
    return {
        **row,
        "bf16_flops_per_s": rate,
        "bytes_per_s": bandwidth,
        **times,
        "traffic_ms": 1000 * traffic.every / bandwidth,
        "floor_ms": times[binding],
        "binds": binding,
    }


def product_rate() -> float:
    """Operations per second of a large bf16 matrix product, on random data."""
    first, second = (torch.randn(PRODUCT_SIDE, PRODUCT_SIDE, device="cuda").bfloat16() for _ in range(2))
    times = milliseconds(lambda: first @ second, "cuda")
    return 2 * PRODUCT_SIDE**3 / statistics.median(times) * 1000


def copy_bandwidth() -> float:
    """Bytes per second of a large copy on the device, read and written."""
    source = torch.randn(COPY_BYTES // 4, device="cuda")
    target = torch.empty_like(source)
    return 2 * COPY_BYTES / statistics.median(milliseconds(lambda: target.copy_(source), "cuda")) * 1000
