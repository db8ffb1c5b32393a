"""Training steps of MedFormer: time, memory and waits, in several settings."""

import gc
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from benchmarks.gpu_scenes import TARGETS, TUMORS_MM, Batch, make_batch, r_super_terms, segmentation_terms
from benchmarks.gpu_timing import Recorder, Row, clocks, milliseconds, peak_gib, spread, waits
from benchmarks.gpu_variants import norms_compiled, replace_depthwise
from rsuper.networks.build import build_network
from rsuper.networks.outputs import Outputs

CLIP_NORM, LEARNING_RATE, WEIGHT_DECAY = 1.0, 1e-4, 0.05
Compiled = tuple[Literal["norms", "depthwise", "whole"], ...]
Terms = Callable[[Outputs, Batch], list[Tensor]]


@dataclass(frozen=True)
class Setting:
    """How a step is computed.

    `tf32`: for convolutions and for matrix products. `search`: cuDNN times its algorithms at the first call
    of each shape and keeps the fastest. `compiled`: by torch.compile, everything or some parts.
    """

    name: str
    bf16: bool = False
    tf32: tuple[bool, bool] = (False, False)
    channels_last: bool = False
    fused: bool = False
    search: bool = False
    compiled: Compiled = ()


EAGER = (
    Setting("float32"),
    Setting("float32, torch's defaults (TF32 in convolutions)", tf32=(True, False)),
    Setting("TF32", tf32=(True, True), search=True),
)
FAST = Setting("bf16", bf16=True, tf32=(True, True), fused=True, search=True)
FAST_LAST = Setting(
    "bf16, channels last", bf16=True, tf32=(True, True), fused=True, search=True, channels_last=True
)
COMPILED = (
    replace(FAST, name="bf16, norms compiled", compiled=("norms",)),
    replace(FAST, name="bf16, norms and depthwise compiled", compiled=("norms", "depthwise")),
    replace(FAST, name="bf16, compiled", compiled=("whole",)),
    replace(FAST_LAST, name="bf16, channels last, compiled", compiled=("whole",)),
)


@dataclass(frozen=True)
class Size:
    """What is trained on what."""

    preset: str = "paper"
    patch: int = 128
    patches: int = 2
    device: str = "cuda"
    repeats: int = 10
    warmup: int = 3


@contextmanager
def switched(setting: Setting) -> Iterator[None]:
    """Set torch's switches, and set them back."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark
    cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark = (*setting.tf32, setting.search)
    try:
        with norms_compiled() if "norms" in setting.compiled else nullcontext():
            yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark = before


class Training:
    """A network with its optimizer; `step` is one update."""

    def __init__(self, setting: Setting, size: Size, seed: int = 0) -> None:
        torch.manual_seed(seed)
        network: nn.Module = build_network("medformer", 1, TARGETS, preset=size.preset).to(size.device)
        self.format = torch.channels_last_3d if setting.channels_last else torch.contiguous_format
        network.to(memory_format=self.format)  # type: ignore[call-overload]
        fused = setting.fused and size.device == "cuda"
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=fused or None
        )
        self.network = network
        if "depthwise" in setting.compiled:
            replace_depthwise(network)
        self.forward = torch.compile(network) if "whole" in setting.compiled else network
        self.setting, self.device = setting, size.device

    def outputs(self, image: Tensor) -> Outputs:
        """Run the network, in bf16 where the setting says so."""
        # Not on a CPU: there (torch 2.13) bf16 weight gradients on grids of 2^3 change from call to call.
        bf16 = self.setting.bf16 and self.device == "cuda"
        with torch.autocast(self.device, torch.bfloat16, enabled=bf16):
            outputs: Outputs = self.forward(image.contiguous(memory_format=self.format))
        return outputs

    def step(self, batch: Batch, terms: Terms) -> None:
        """Forward, losses (in float32: they see to it themselves), backward, clipping, update."""
        outputs = self.outputs(batch.image)
        total = torch.stack(terms(outputs, batch)).sum()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
        self.optimizer.step()


def release(device: str) -> None:
    """Give back what the last training held."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


def measured(setting: Setting, size: Size, batch: Batch, terms: Terms) -> Row:
    """Time and peak memory of a step; a setting that the device refuses becomes a row with a reason."""
    row: Row = {"setting": setting.name, "preset": size.preset, "patch": size.patch, "patches": size.patches}
    try:
        with switched(setting):
            training = Training(setting, size)
            call = partial(training.step, batch, terms)
            times = milliseconds(call, size.device, warmup=size.warmup, repeats=size.repeats)
    except (RuntimeError, torch.OutOfMemoryError) as error:
        return {**row, "reason": f"{type(error).__name__}: {str(error)[:200]}"}
    finally:
        release(size.device)
    row |= spread(times)
    patches_per_s = 1000 * size.patches / statistics.median(times)
    return {**row, "patches_per_s": patches_per_s, "peak_gib": peak_gib(size.device), "clocks": clocks()}


def train_rows(size: Size, record: Recorder) -> None:
    """Segmentation step in every setting but the compiled one."""
    batch = make_batch(size.patch, size.patches, TUMORS_MM, size.device)
    for setting in (*EAGER, FAST, FAST_LAST):
        record("train", measured(setting, size, batch, segmentation_terms))


def compile_rows(size: Size, record: Recorder) -> None:
    """Segmentation step, parts of it compiled, then the whole: minutes may pass before a row."""
    batch = make_batch(size.patch, size.patches, TUMORS_MM, size.device)
    for setting in COMPILED:
        started = time.perf_counter()
        row = measured(setting, size, batch, segmentation_terms)
        record("compile", {**row, "seconds_in_all": time.perf_counter() - started})


def report_rows(size: Size, record: Recorder) -> None:
    """R-Super step against segmentation step of the same batch, in turn, and the waits of each."""
    for setting in (FAST, EAGER[0]):
        with switched(setting):
            training = Training(setting, size)
            record("r_super", {"setting": setting.name, **_ratio(training, size)})
            if setting is FAST:
                for count in (0, 1, 2, 3, 6, 12):
                    record("waits", _waits(training, size, count))
        del training
        release(size.device)


def _ratio(training: Training, size: Size) -> Row:
    """Both steps in two rounds each, so that a drift of the clocks meets both alike.

    No two steps of a kind see the same region and tumors.
    """
    numbers = itertools.count()
    make = partial(make_batch, size.patch, size.patches, TUMORS_MM, size.device)
    times: dict[str, list[float]] = {"segmentation": [], "r_super": []}
    peaks = {}
    repeats = -(-size.repeats // 2)
    for _ in range(2):
        for name, terms in (("segmentation", segmentation_terms), ("r_super", r_super_terms)):
            batches = [make(next(numbers) % 40) for _ in range(size.warmup + repeats)]
            call = partial(_next_step, training, iter(batches), terms)
            times[name] += milliseconds(call, size.device, warmup=size.warmup, repeats=repeats)
            peaks[name] = peak_gib(size.device)
    median = {name: statistics.median(own) for name, own in times.items()}
    return {
        "tumors": len(TUMORS_MM),
        "segmentation_ms": median["segmentation"],
        "r_super_ms": median["r_super"],
        "ratio": median["r_super"] / median["segmentation"],
        "segmentation_spread_ms": max(times["segmentation"]) - min(times["segmentation"]),
        "segmentation_gib": peaks["segmentation"],
        "r_super_gib": peaks["r_super"],
    }


def _next_step(training: Training, batches: Iterator[Batch], terms: Terms) -> None:
    training.step(next(batches), terms)


def _waits(training: Training, size: Size, tumors: int) -> Row:
    sizes_mm = tuple(TUMORS_MM[k % len(TUMORS_MM)] - k // len(TUMORS_MM) for k in range(tumors))
    batch = make_batch(size.patch, size.patches, sizes_mm, size.device)
    step = lambda: training.step(batch, r_super_terms)  # noqa: E731
    step()
    places = waits(step, size.device)
    segmentation = waits(lambda: training.step(batch, segmentation_terms), size.device)
    return {
        "tumors": tumors,
        "r_super_waits": places.total(),
        "segmentation_waits": segmentation.total(),
        "places": dict(places.most_common()),
    }
