"""What made a file: every job leaves a record beside the results, once what it made is complete."""

import platform
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rsuper.files import sha256_of, write_json
from rsuper.installation import checkout, processor, versions
from rsuper.public import public

FOLDER, LOGS = "provenance", "logs"


def root_of(log: Path) -> Path:
    """Folder of the results that a job's log belongs to: the one that holds `logs`, else the log's own."""
    parts = log.parts
    return Path(*parts[: parts.index(LOGS)]) if LOGS in parts else log.parent


def record_file(log: Path) -> Path:
    """Where a job's record lies: x/logs/fit/a.log -> x/provenance/fit/a.json."""
    below = log.relative_to(root_of(log))
    below = below.relative_to(LOGS) if LOGS in log.parts else below
    return root_of(log) / FOLDER / below.with_suffix(".json")


@contextmanager
def recorded(job: Any) -> Iterator[None]:
    """Write the record of a job when its work is done; while it works, and after an error, there is none.

    Args:
        job: Snakemake's description of it: log, rule, threads, and where it has them input, output, params,
            wildcards.
    """
    log = Path(job.log[0])
    root, path = root_of(log), record_file(log)
    path.unlink(missing_ok=True)
    started, clock = datetime.now(UTC), time.perf_counter()
    inputs = described(getattr(job, "input", ()), root)
    yield
    facts = finished(started, time.perf_counter() - clock, job.threads)
    outputs = described(getattr(job, "output", ()), root)
    write_json(_asked(job) | facts | {"inputs": inputs, "outputs": outputs}, path)


def _asked(job: Any) -> dict[str, object]:
    """What a job was asked to do."""
    settings = {str(name): value for name, value in getattr(job, "params", {}).items()}
    cards = settings.pop("cards", None)  # ours to publish, addresses and all
    return {
        "rule": job.rule,
        "wildcards": dict(getattr(job, "wildcards", {}).items()),
        "settings": public(settings) | ({} if cards is None else {"cards": cards}),
    }


def finished(started: datetime, seconds: float, threads: int = 1) -> dict[str, object]:
    """What can be said at the end of a piece of work: code, packages, machine, time and memory."""
    # Not the clock's own time: it may have been set in between.
    ended = started + timedelta(seconds=seconds)
    return {
        **checkout(),
        "versions": versions(),
        "hardware": {**processor(), "threads": threads, "gpus": _gpus()},
        "started": started.isoformat(timespec="milliseconds"),
        "ended": ended.isoformat(timespec="milliseconds"),
        "seconds": round(seconds, 3),
        "peak_memory_mb": round(max(map(_peak_mb, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))), 1),
    }


def described(files: Iterable[str], root: Path) -> list[dict[str, object]]:
    """Name files, with size and hash; of one outside the results' folder no more than its own name."""
    return [
        {
            **_named(path, root),
            "bytes": path.stat().st_size,
            "sha256": sha256_of(path),
        }
        for path in dict.fromkeys(map(Path, files))
        if path.exists()  # an output that is missing is Snakemake's to name
    ]


def _named(path: Path, root: Path) -> Mapping[str, str]:
    if path.is_relative_to(root):
        return {"path": path.relative_to(root).as_posix()}
    return {"outside": path.name}


def _gpus() -> list[str]:
    """Names of the GPUs that torch used; where nobody imported it, none was."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return []
    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]


def _peak_mb(whose: int) -> float:
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(whose).ru_maxrss * unit / 2**20
