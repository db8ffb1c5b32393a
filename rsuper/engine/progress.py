"""What a stage of training has done so far: counters, means of its losses, a line for whoever watches."""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from rsuper.engine import distributed
from rsuper.engine.provenance import peak_memory_mb
from rsuper.errors import ArtifactError
from rsuper.files import write_lines
from rsuper.progress import Meter

_OWN = ("mask_patches", "report_patches")


@runtime_checkable
class AnyBatch(Protocol):
    """What the loop must know about a batch."""

    @property
    def case_ids(self) -> tuple[str, ...]:
        """Cases of the batch, for error messages."""

    @property
    def mask_patches(self) -> int:
        """Number of CT-Mask patches."""

    @property
    def report_patches(self) -> int:
        """Number of CT-Report patches."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Whatever else is worth counting, such as the regions that a report could supervise."""


class Progress:
    """Counters of a stage, and the running means of the loss terms since the last log line.

    A process counts its own patches; where totals are asked for, the counts of all processes are added. So
    all must ask for them after the same steps.
    """

    def __init__(self) -> None:
        self.step = 0
        self.seconds = 0.0
        self.stall_seconds = 0.0
        self.patches: Counter[str] = Counter(dict.fromkeys(_OWN, 0))
        self.counts: Counter[str] = Counter()
        self._own: Counter[str] = Counter()  # of this process, since the last totals
        self._logged: Counter[str] = Counter()  # counts up to the last log line
        self._sums: Counter[str] = Counter()
        self._since_log = 0
        self._started = time.perf_counter()

    @classmethod
    def restored(cls, saved: Mapping[str, int | float]) -> "Progress":
        """Continue from what `saved` wrote (log lines and checkpoints need not fall on the same steps)."""
        progress = cls()
        progress.step = int(saved["step"])
        progress.seconds = saved["seconds"]
        progress.stall_seconds = saved["stall_seconds"]
        progress.patches = Counter({name: int(saved[name]) for name in _OWN})
        progress._since_log = int(saved["since_log"])
        progress.counts = Counter({name: int(number) for name, number in _under("count:", saved).items()})
        progress._logged = Counter({name: int(number) for name, number in _under("logged:", saved).items()})
        progress._sums = Counter(_under("sum:", saved))
        return progress

    def count(self, batches: Sequence[AnyBatch]) -> None:
        """Count a finished step and what its batches held."""
        self.step += 1
        for batch in batches:
            self._own.update({name: getattr(batch, name) for name in _OWN})
            self._own.update({f"count:{name}": number for name, number in batch.counts.items()})

    def add(self, terms: Mapping[str, float]) -> None:
        """Take in the losses of a step."""
        self._since_log += 1
        self._sums.update(terms)

    def saved(self) -> dict[str, int | float]:
        """Everything that a resumed run must know."""
        sums = {f"sum:{name}": value for name, value in self._sums.items()}
        logged = {f"logged:{name}": number for name, number in self._logged.items()}
        return {**self.summary(), "since_log": self._since_log, **sums, **logged}

    def summary(self) -> dict[str, int | float]:
        """Totals of the stage so far."""
        self._settle()
        return {
            "step": self.step,
            "seconds": self.elapsed(),
            "stall_seconds": self.stall_seconds,
            **self.patches,
            **{f"count:{name}": number for name, number in sorted(self.counts.items())},
        }

    def log_line(self, rate: float) -> dict[str, int | float]:
        """Means and counts since the last line; starts a new window."""
        self._settle()
        means = {name: round(total / self._since_log, 6) for name, total in self._sums.items()}
        counts = {f"count:{name}": self.counts[name] - self._logged[name] for name in sorted(self.counts)}
        self._sums.clear()
        self._since_log = 0
        self._logged = self.counts.copy()
        seconds = round(self.elapsed(), 2)
        return {"step": self.step, "learning_rate": rate, "seconds": seconds, **means, **counts}

    def elapsed(self) -> float:
        """Seconds that the stage has taken, in all of its sessions."""
        return self.seconds + time.perf_counter() - self._started

    def _settle(self) -> None:
        new = distributed.counted(self._own)
        self._own.clear()
        self.patches.update({name: new[name] for name in _OWN})
        self.counts.update(_under("count:", new))


def _under(prefix: str, saved: Mapping[str, int | float]) -> dict[str, int | float]:
    """Entries whose name starts with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in saved.items() if name.startswith(prefix)}


class Watch:
    """Tells whoever reads the terminal or the job's log how far a training is: a context around its steps.

    Steps and time left, patches per second, memory, share of time without data.
    """

    def __init__(self, name: str, steps: int, device: str, done: int = 0) -> None:
        self.device = device
        self._meter = Meter(name, steps, "steps", done=done, note=self.note)
        self._started = time.perf_counter()
        self._patches = 0
        self._stall_s = 0.0

    def step(self, patches: int, stall_s: float) -> None:
        """Note a step: its patches, and seconds that it waited for data."""
        self._patches += patches
        self._stall_s += stall_s
        if distributed.is_leader():
            self._meter.step()

    def note(self) -> str:
        """Describe the session so far."""
        seconds = time.perf_counter() - self._started
        memory = peak_memory_mb(self.device)
        return (
            f"{self._patches * distributed.number() / seconds:.1f} patches/s, "
            + ", ".join(f"{where} {mb / 1024:.1f} GB" for where, mb in memory.items())
            + f", waited for data {self._stall_s / seconds:.0%}"
        )

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *ended: Any) -> None:
        if distributed.is_leader():
            self._meter.__exit__(*ended)


def drop_lines_after(path: Path, step: int) -> None:
    """Forget what a log says about steps past the checkpoint that training continues from.

    A line that a kill left torn goes too. No file: nothing happens.

    Args:
        path: JSON lines, each with a `step`.
        step: the checkpoint's.

    Raises:
        ArtifactError: another line than the last is damaged.
    """
    if path.is_file():
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        try:
            kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        except (json.JSONDecodeError, KeyError, TypeError):
            places = sorted(path.parent.rglob("state.pt"))
            raise ArtifactError(
                f"{path}: a line is damaged; to begin this training anew, run again after: "
                f"rm -f {' '.join(map(str, [path, *places]))}"
            ) from None
        write_lines((line.removesuffix("\n") for line in kept), path, sealed=False)
