"""What a training ran on, how much memory it took, and whether it would come out the same again."""

import resource

import torch

from rsuper.engine.settings import Settings
from rsuper.installation import processor


def hardware(device: str) -> dict[str, object]:
    """Processor and accelerator; no host name."""
    record = {**processor(), "threads": torch.get_num_threads(), "device": device}
    if device.startswith("cuda"):
        record["gpu"] = torch.cuda.get_device_name(device)
        record["cuda"], record["cudnn"] = torch.version.cuda, torch.backends.cudnn.version()
    return record


def repeatability(device: str, settings: Settings) -> dict[str, object]:
    """Whether the same run on the same machine gives the same weights bit by bit, and why."""
    if not device.startswith("cuda"):
        reason = "on a CPU, with as many threads, the same versions and the same kind of processor"
        return {"deterministic": True, "reason": reason}
    if settings.deterministic:
        reason = (
            "torch refused what may differ from call to call; on the same kind of GPU, with the same versions"
        )
        return {"deterministic": True, "reason": reason}
    reason = (
        "on a GPU with engine.deterministic off: gradients of convolutions and of interpolation are summed "
        "in an order that differs from call to call"
    )
    return {"deterministic": False, "reason": reason}


def peak_memory_mb(device: str) -> dict[str, float]:
    """Peak resident memory of this process, and of the accelerator where there is one."""
    record = {"resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    if device.startswith("cuda"):
        record["accelerator"] = torch.cuda.max_memory_allocated(device) / 2**20
    return record
