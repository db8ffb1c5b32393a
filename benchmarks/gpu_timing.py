"""Times on a device, waits for it, and a file of rows that a run cut short leaves behind."""

import json
import platform
import statistics
import subprocess
import time
import warnings
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch

Row = dict[str, object]


class Recorder:
    """Prints each row and appends it to `gpu.jsonl` at once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "gpu.jsonl"

    def __call__(self, part: str, row: Row) -> None:
        """Keep one row of a part."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"part": part, **row}) + "\n")
        cells = (
            f"{name} {f'{value:.4g}' if isinstance(value, float) else value}" for name, value in row.items()
        )
        print(f"{part:12} " + "  ".join(cells), flush=True)


def synchronize(device: str) -> None:
    """Wait for a GPU; nothing on a CPU."""
    if device == "cuda":
        torch.cuda.synchronize()


def milliseconds(
    call: Callable[[], object], device: str, *, warmup: int = 3, repeats: int = 10
) -> list[float]:
    """Time each of several calls: by events on a GPU, all in one stream, else by the clock.

    The peak of memory is read anew from after the warm-up, in which cuDNN tries algorithms.
    """
    for _ in range(warmup):
        call()
    synchronize(device)
    forget_peak(device)
    if device != "cuda":
        times = []
        for _ in range(repeats):
            started = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - started))
        return times
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(repeats + 1)]
    marks[0].record()
    for mark in marks[1:]:
        call()
        mark.record()
    synchronize(device)
    return [first.elapsed_time(second) for first, second in pairwise(marks)]


def spread(times_ms: list[float]) -> Row:
    """Median, least and largest of several times."""
    return {
        "median_ms": statistics.median(times_ms),
        "least_ms": min(times_ms),
        "largest_ms": max(times_ms),
        "repeats": len(times_ms),
    }


def waits(call: Callable[[], object], device: str) -> Counter[str]:
    """Count where a call makes the host wait for the GPU: file and line of each; none on a CPU."""
    if device != "cuda":
        call()
        return Counter()
    synchronize(device)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            call()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    places = (
        f"{Path(each.filename).name}:{each.lineno}"
        for each in caught
        if "called a synchronizing" in str(each.message)
    )
    return Counter(places)


def peak_gib(device: str) -> float:
    """Most memory allocated in the last timed calls; 0 on a CPU."""
    return torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else 0.0


def forget_peak(device: str) -> None:
    """Start a new reading of the peak."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def machine(device: str) -> Row:
    """Device, versions and, on a GPU, its clocks now."""
    row: Row = {"torch": torch.__version__, "python": platform.python_version(), "device": device}
    if device == "cuda":
        row |= {
            "gpu": torch.cuda.get_device_name(),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "clocks": clocks(),
        }
    return row


def clocks() -> str:
    """SM and memory clock, temperature and power as nvidia-smi gives them."""
    query = "clocks.sm,clocks.mem,temperature.gpu,power.draw"
    command = ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        return f"unknown: {type(error).__name__}"
