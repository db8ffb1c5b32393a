"""A GPU for every job that asks for one: which there are, and never two jobs on the same.

Snakemake counts GPUs, but does not say which job gets which. Here a job takes as many as its rule asks for,
each by a lock on a file that the kernel gives back when the job ends, however it ends, and shows CUDA these
alone. A job that asks for none sees none.
"""

import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rsuper.errors import ConfigError
from rsuper.locks import holder, try_lock

VISIBLE = "CUDA_VISIBLE_DEVICES"
LOCKS = "RSUPER_DEVICE_LOCKS"  # folder of the lock files, in the place of one below the temporary folder
CHOICES = ("auto", "cpu", "cuda")
_NAME = re.compile(r"\d+|(GPU|MIG)-[\w/-]+")
# A scheduler that hands out devices may number each job's own from 0.
_JOB_IDS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")
_POLL_S = 0.5


def visible_devices(environment: Mapping[str, str] = os.environ, nodes: Path = Path("/dev")) -> list[str]:
    """GPUs that this process may use: those that CUDA_VISIBLE_DEVICES names, else all of the machine."""
    named = environment.get(VISIBLE)
    if named is None:
        return [str(number) for number, _ in enumerate(nodes.glob("nvidia[0-9]*"))]
    devices: list[str] = []
    for name in (part.strip() for part in named.split(",")):
        if not _NAME.fullmatch(name):  # like CUDA, which reads up to the first entry that is none
            break
        devices.append(name)
    return devices


def device_of(snakemake: Any) -> str:
    """Where a job's networks run: on a GPU where its rule asks for one, unless the configuration says cpu."""
    asked = int(snakemake.resources.get("gpu", 0))
    return "cuda" if asked and snakemake.config.get("device") != "cpu" else "cpu"


@contextmanager
def lent(count: int) -> Iterator[list[str]]:
    """Hold GPUs that no other job of this machine holds, and show CUDA no others; wait for them.

    Call it before CUDA is first used. What was taken and given back, and when, is said on stderr.

    Args:
        count: GPUs; with 0 nothing is held, and CUDA sees none.

    Raises:
        ConfigError: this machine, or what the scheduler gave the job of it, has fewer.
    """
    before = os.environ.get(VISIBLE)
    devices = visible_devices()
    if count > len(devices):
        raise ConfigError(
            f"the job asks for {count} GPU{'s' if count > 1 else ''}, but {len(devices)} can be seen here "
            f"({VISIBLE} is {before!r}): ask for fewer (--set-resources rule:gpu=N), run it on a machine "
            "that has them, or run on the CPU (--config device=cpu)"
        )
    held = _taken(devices, count)
    try:
        os.environ[VISIBLE] = ",".join(held)
        if count:
            sys.stderr.write(f"GPU {','.join(held)} taken at {_now()}\n")
        yield list(held)
    finally:
        if count:
            sys.stderr.write(f"GPU {','.join(held)} given back at {_now()}\n")
        if before is None:
            del os.environ[VISIBLE]
        else:
            os.environ[VISIBLE] = before
        for descriptor in held.values():
            os.close(descriptor)


def _taken(devices: Sequence[str], count: int) -> dict[str, int]:
    """Lock the first free devices, all or none: two jobs must not hold half of what the other needs."""
    if not count:
        return {}
    folder = _folder()
    told = False
    while True:
        held: dict[str, int] = {}
        for device in devices:
            descriptor = try_lock(_file(folder, device)) if len(held) < count else None
            if descriptor is not None:
                held[device] = descriptor
        if len(held) == count:
            return held
        for descriptor in held.values():
            os.close(descriptor)
        if not told:
            named = [f"{device}: {holder(_file(folder, device))}" for device in devices]
            sys.stderr.write(f"waiting for {count} of the GPUs ({'; '.join(named)})\n")
            told = True
        time.sleep(_POLL_S * (0.5 + random.random()))


def _folder() -> Path:
    """Folder of the lock files: one for the machine and all its users, or one per job of a scheduler."""
    if named := os.environ.get(LOCKS):
        return Path(named)
    folder = Path(tempfile.gettempdir()) / "rsuper-devices"
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o1777)  # another user's jobs lock here, too
    job = next((os.environ[name] for name in _JOB_IDS if os.environ.get(name)), None)
    return folder / re.sub(r"\W", "_", job) if job and os.environ.get(VISIBLE) else folder


def _file(folder: Path, device: str) -> Path:
    return folder / f"{device.replace('/', '_')}.lock"


def _now() -> str:
    return datetime.now(UTC).isoformat()
