"""The one training loop. A method brings a model, batches and a loss that names its terms."""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn
from tqdm import tqdm

from rsuper.artifacts import write_lines
from rsuper.config.experiment import Schedule
from rsuper.engine import checkpoint
from rsuper.errors import DataError

LOG = "log.jsonl"


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


BatchT = TypeVar("BatchT", bound=AnyBatch)


@dataclass(frozen=True)
class Stage:
    """How long and how fast one stage of training is; taken from the experiment's schedule."""

    steps: int
    learning_rate: float
    schedule: Schedule
    name: str = "train"

    def is_logged(self, done: int) -> bool:
        """Whether the log gets a line after so many steps: every `log_every`, and after the last."""
        return done % self.schedule.log_every == 0 or done == self.steps


def train(
    model: nn.Module,
    batches: Callable[[int], BatchT],
    loss: Callable[[nn.Module, BatchT], dict[str, Tensor]],
    stage: Stage,
    out: Path,
) -> None:
    """Train for a number of steps; called again after a kill it continues, called after the end it returns.

    Args:
        model: already on its device; it is changed in place and ends with the final weights.
        batches: step -> batch. It must depend on the step alone, so that a resumed run sees the same batches.
        loss: gives named, already weighted terms; their sum is minimized. A tensor without gradient is a
            measurement: its mean per step is logged beside the terms, and it is not part of the loss.
        stage: steps, learning rate and schedule.
        out: folder of this stage: weights.pt, training.json (written last), log.jsonl (every `log_every`
            steps the means of terms and measurements, and what the batches counted), and while it runs
            state.pt.

    Raises:
        DataError: a loss term is not finite; names the term, the step and the batch's cases.
        ValueError: no term has a gradient.
    """
    out.mkdir(parents=True, exist_ok=True)
    if checkpoint.is_finished(out):
        checkpoint.load_weights(model, out / checkpoint.WEIGHTS)
        return
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=stage.learning_rate, weight_decay=stage.schedule.weight_decay
    )
    progress = Progress()
    if (out / checkpoint.STATE).is_file():
        progress = Progress.restored(checkpoint.load_state(model, optimizer, out / checkpoint.STATE))
    drop_lines_after(out / LOG, progress.step)
    model.train()
    with (
        (out / LOG).open("a", encoding="utf-8") as log,
        tqdm(total=stage.steps, initial=progress.step, desc=stage.name, mininterval=5) as bar,
    ):
        while progress.step < stage.steps:
            batch = batches(progress.step)
            _set_learning_rate(optimizer, learning_rate(progress.step, stage))
            terms = _update(model, batch, loss, optimizer, stage.schedule.clip_norm, progress.step)
            progress.add(batch, terms)
            bar.update()
            if stage.is_logged(progress.step):
                log.write(json.dumps(progress.log_line(learning_rate(progress.step - 1, stage))) + "\n")
                log.flush()
            if progress.step % stage.schedule.checkpoint_every == 0 and progress.step < stage.steps:
                checkpoint.save_state(model, optimizer, progress.saved(), out / checkpoint.STATE)
    checkpoint.finish(model, progress.summary(), out)


class Progress:
    """Counters of a stage, and the running means of the loss terms since the last log line."""

    def __init__(self) -> None:
        self.step = 0
        self.seconds = 0.0
        self.mask_patches = 0
        self.report_patches = 0
        self.counts: Counter[str] = Counter()
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
        progress.mask_patches = int(saved["mask_patches"])
        progress.report_patches = int(saved["report_patches"])
        progress._since_log = int(saved["since_log"])
        progress.counts = Counter({name: int(number) for name, number in _under("count:", saved).items()})
        progress._logged = Counter({name: int(number) for name, number in _under("logged:", saved).items()})
        progress._sums = Counter(_under("sum:", saved))
        return progress

    def add(self, batch: AnyBatch, terms: dict[str, float]) -> None:
        """Count a finished step."""
        self.step += 1
        self.mask_patches += batch.mask_patches
        self.report_patches += batch.report_patches
        self.counts.update(batch.counts)
        self._since_log += 1
        self._sums.update(terms)

    def saved(self) -> dict[str, int | float]:
        """Everything that a resumed run must know."""
        sums = {f"sum:{name}": value for name, value in self._sums.items()}
        logged = {f"logged:{name}": number for name, number in self._logged.items()}
        return {**self.summary(), "since_log": self._since_log, **sums, **logged}

    def summary(self) -> dict[str, int | float]:
        """Totals of the stage so far."""
        return {
            "step": self.step,
            "seconds": self._elapsed(),
            "mask_patches": self.mask_patches,
            "report_patches": self.report_patches,
            **{f"count:{name}": number for name, number in sorted(self.counts.items())},
        }

    def log_line(self, rate: float) -> dict[str, int | float]:
        """Means and counts since the last line; starts a new window."""
        means = {name: round(total / self._since_log, 6) for name, total in self._sums.items()}
        counts = {f"count:{name}": self.counts[name] - self._logged[name] for name in sorted(self.counts)}
        self._sums.clear()
        self._since_log = 0
        self._logged = self.counts.copy()
        seconds = round(self._elapsed(), 2)
        return {"step": self.step, "learning_rate": rate, "seconds": seconds, **means, **counts}

    def _elapsed(self) -> float:
        return self.seconds + time.perf_counter() - self._started


def _under(prefix: str, saved: Mapping[str, int | float]) -> dict[str, int | float]:
    """Entries whose name starts with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in saved.items() if name.startswith(prefix)}


def learning_rate(step: int, stage: Stage) -> float:
    """Return the learning rate of a step (from 0).

    `one_cycle`: linear rise over the first tenth, then a half cosine to zero. `warmup_poly`: the official
    code's schedule with an epoch of a hundredth of the run: exponential rise over five, then (1 - t)^0.9.
    """
    done = step / stage.steps
    if stage.schedule.policy == "one_cycle":
        rise = 0.1
        if done < rise:
            factor = (step + 1) / (rise * stage.steps + 1)
        else:
            factor = 0.5 * (1 + math.cos(math.pi * (done - rise) / (1 - rise)))
    else:
        warm = 0.05
        factor = math.exp(10 * (done / warm - 1)) if done < warm else (1 - done) ** 0.9
    return stage.learning_rate * factor


def _set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _update(
    model: nn.Module,
    batch: BatchT,
    loss: Callable[[nn.Module, BatchT], dict[str, Tensor]],
    optimizer: torch.optim.Optimizer,
    clip_norm: float,
    step: int,
) -> dict[str, float]:
    try:
        terms = loss(model, batch)
    except DataError as error:
        raise DataError(f"step {step}: {error}") from error
    minimized = [name for name, term in terms.items() if term.requires_grad]
    if not minimized:
        raise ValueError(f"no term of the loss has a gradient, got {list(terms)}")
    total = torch.stack([terms[name].float() for name in minimized]).sum()
    values = dict(
        zip(terms, torch.stack([term.detach().float() for term in terms.values()]).tolist(), strict=True)
    )
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        raise DataError(f"step {step}: loss term(s) {bad} not finite for cases {list(batch.case_ids)}")
    optimizer.zero_grad(set_to_none=True)
    total.backward()
    norm = float(nn.utils.clip_grad_norm_(model.parameters(), clip_norm))
    if not math.isfinite(norm):
        raise DataError(f"step {step}: the gradient is not finite for cases {list(batch.case_ids)}")
    optimizer.step()
    return {**values, "loss": sum(values[name] for name in minimized), "gradient_norm": norm}


def drop_lines_after(path: Path, step: int) -> None:
    """Forget what a log says about steps past the checkpoint that training continues from.

    A line that a kill left torn goes too. No file: nothing happens.

    Args:
        path: JSON lines, each with a `step`.
        step: the checkpoint's.
    """
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        write_lines((line.removesuffix("\n") for line in kept), path)
