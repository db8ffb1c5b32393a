"""Where a run came from: code, data, versions, hardware, time and memory."""

import importlib.metadata
import os
import platform
import resource
import subprocess
from pathlib import Path

import torch

PACKAGES = ("torch", "numpy", "scipy", "nibabel", "blosc2", "pandas", "snakemake")


def versions() -> dict[str, str]:
    """Versions of Python and the packages that can change numbers."""
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def hardware(device: str) -> dict[str, object]:
    """Processor and accelerator; no host name."""
    record: dict[str, object] = {
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device,
    }
    if device.startswith("cuda"):
        record["gpu"] = torch.cuda.get_device_name(device)
    return record


def commit(root: Path) -> str:
    """Commit of the checkout, with `+changes` where files differ from it; "unknown" outside a checkout."""
    try:
        head = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}+changes" if changed else head


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def peak_memory_mb(device: str) -> dict[str, float]:
    """Peak resident memory of this process, and of the accelerator where there is one."""
    record = {"resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    if device.startswith("cuda"):
        record["accelerator"] = torch.cuda.max_memory_allocated(device) / 2**20
    return record


def default_device() -> str:
    """The first GPU where there is one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"
