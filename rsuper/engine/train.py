"""The one training loop. A method brings a model, batches and a loss that names its terms."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from rsuper.engine import checkpoint, distributed, generators
from rsuper.engine.average import Average
from rsuper.engine.board import Board
from rsuper.engine.computing import adamw, computed, deterministic, device_of
from rsuper.engine.loading import Loader
from rsuper.engine.progress import AnyBatch, Progress, Watch
from rsuper.engine.progress import drop_lines_after as drop_lines_after
from rsuper.engine.stage import Stage as Stage
from rsuper.engine.stage import learning_rate as learning_rate
from rsuper.errors import DataError
from rsuper.files import drop_unfinished

LOG, VALIDATION = "log.jsonl", "validation.jsonl"

BatchT = TypeVar("BatchT", bound=AnyBatch)
Validate = Callable[[nn.Module], Mapping[str, float]]


def train(
    model: nn.Module,
    batches: Callable[[int], BatchT],
    loss: Callable[[nn.Module, BatchT], dict[str, Tensor]],
    stage: Stage,
    out: Path,
    *,
    validate: Validate | None = None,
) -> None:
    """Train for a number of steps; called again after a kill it continues, called after the end it returns.

    Where several processes train together (`rsuper.engine.distributed`), each calls this alike, with its own
    share of the patches; the leader writes the files.

    Args:
        model: already on its device; it is changed in place and ends with the final weights.
        batches: step -> batch, on the CPU. It must depend on the step alone, so that a resumed run sees the
            same batches. With accumulation the further batches of a step have numbers above 2^32.
        loss: gives named, already weighted terms; their sum is minimized. A tensor without gradient is a
            measurement: its mean per step is logged beside the terms, and it is not part of the loss. The
            model that it is handed computes as the settings say, and returns float32.
        stage: steps, learning rate, schedule and settings.
        out: folder of this stage: weights.pt, training.json (written last), log.jsonl (every `log_every`
            steps the means of terms and measurements, and what the batches counted), and while it runs
            state.pt.
        validate: model in eval mode -> numbers about held-out cases, the higher `score` the better; asked
            every `validate_every` steps. They go to validation.jsonl, the best weights to weights_best.pt.

    Raises:
        ConfigError: a setting that this device or installation does not have.
        DataError: a loss term is not finite; names the term, the step and the batch's cases.
        ValueError: no term has a gradient.
    """
    out.mkdir(parents=True, exist_ok=True)
    if checkpoint.is_finished(out):
        checkpoint.load_weights(model, out / checkpoint.WEIGHTS)
        if distributed.is_leader():
            checkpoint.drop_state(out)  # a kill may have come just before
        return
    if distributed.is_leader():
        drop_unfinished(out)
    with deterministic(stage.settings.deterministic):
        training = _Training(model, loss, stage, out)
        training.run(batches, validate)
        training.finish()
    distributed.barrier()  # whoever reads the weights next finds them
    if not distributed.is_leader():
        checkpoint.load_weights(model, out / checkpoint.WEIGHTS)


@dataclass(frozen=True)
class _Unread:
    """Losses of a step, still on the device."""

    step: int
    case_ids: Sequence[str]
    names: Sequence[str]  # of the values; the gradient's norm comes after
    minimized: Sequence[str]
    values: Tensor


class _Training(Generic[BatchT]):
    """One stage: the model with all that changes while it is trained."""

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[nn.Module, BatchT], dict[str, Tensor]],
        stage: Stage,
        out: Path,
    ) -> None:
        settings, self.device = stage.settings, device_of(model)
        self.model, self.loss, self.stage, self.out = model, loss, stage, out
        self.optimizer = adamw(model, stage.learning_rate, stage.schedule.weight_decay)
        self.average = None if settings.ema is None else Average(model, settings.ema)
        self.progress = Progress()
        self.best: dict[str, float] = {"score": -math.inf, "step": 0}
        if (out / checkpoint.STATE).is_file():
            self._resume()
        distributed.share_weights(model)
        self.computed = computed(model, settings, self.device)
        self.unread: list[_Unread] = []

    def _resume(self) -> None:
        path = self.out / checkpoint.STATE
        resumed = checkpoint.resume(self.model, self.optimizer, path, distributed.rank())
        self.progress = Progress.restored(resumed.progress)
        self.best = {name: resumed.progress[f"best:{name}"] for name in self.best}
        if self.average is not None and resumed.average is not None:
            self.average.restore(resumed.average)

    def run(self, batches: Callable[[int], BatchT], validate: Validate | None) -> None:
        """Take the steps that are left."""
        stage, progress = self.stage, self.progress
        loader = Loader(batches, stage.batches_from(progress.step), stage.settings, self.device)
        self.model.train()
        log, validation = (_Lines(self.out / name, progress.step) for name in (LOG, VALIDATION))
        with (
            Board(self.out, progress.step, stage.settings.tensorboard) as board,
            Watch(stage.name, stage.steps, str(self.device), progress.step) as watch,
        ):
            while progress.step < stage.steps:
                rate, waited_s = learning_rate(progress.step, stage), loader.stall_s
                made = self._update(loader, rate)
                progress.count(made)
                progress.stall_seconds += loader.stall_s - waited_s
                patches = sum(each.mask_patches + each.report_patches for each in made)
                watch.step(patches, loader.stall_s - waited_s)
                if stage.is_checked(progress.step):
                    self._read()
                if stage.is_logged(progress.step):
                    line = progress.log_line(rate)
                    log.add(line)
                    board.add(line)
                if validate is not None and stage.is_validated(progress.step):
                    validation.add({"step": progress.step, **self._validated(validate)})
                if stage.is_saved(progress.step):
                    self._save()

    def _update(self, loader: Loader[BatchT], rate: float) -> list[BatchT]:
        """Take one step and queue its losses to be read; return its batches."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        parts = self.stage.settings.accumulate
        made: list[BatchT] = []
        found: dict[str, list[Tensor]] = {}
        for _ in range(parts):
            batch = next(loader)
            made.append(batch.host)
            terms = self._terms(batch.device)
            minimized = [name for name, term in terms.items() if term.requires_grad]
            if not minimized:
                raise ValueError(f"no term of the loss has a gradient, got {list(terms)}")
            total = torch.stack([terms[name].float() for name in minimized]).sum()
            (total if parts == 1 else total / parts).backward()
            for name, term in terms.items():
                found.setdefault(name, []).append(term.detach().float().to(self.device))
        distributed.average_gradients(self.model)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.stage.schedule.clip_norm)
        self.optimizer.step()
        if self.average is not None:
            self.average.update(self.progress.step)
        values = [each[0] if parts == 1 else torch.stack(each).sum() / parts for each in found.values()]
        cases = [case for batch in made for case in batch.case_ids]
        queued = torch.stack([*values, norm.detach().float()])
        self.unread.append(_Unread(self.progress.step, cases, list(found), minimized, queued))
        return made

    def _terms(self, batch: BatchT) -> dict[str, Tensor]:
        try:
            return self.loss(self.computed, batch)
        except DataError as error:
            raise DataError(f"step {self.progress.step}: {error}") from error

    def _read(self) -> None:
        """Bring the queued losses to the host by one transfer, and refuse what is not finite.

        A step's losses are read when it is done: the host queues a whole step before it waits. Weights that
        took in what is not finite are lost with the run that ends here; the last checkpoint is from before.
        """
        own = torch.cat([each.values for each in self.unread])
        joined, mine = torch.stack([distributed.average(own.clone()), own]).tolist()
        for each in self.unread:
            *numbers, norm = joined[: len(each.values)]
            here = all(math.isfinite(value) for value in mine[: len(numbers)])
            joined, mine = joined[len(each.values) :], mine[len(each.values) :]
            values = dict(zip(each.names, numbers, strict=True))
            where = f"for cases {list(each.case_ids)}"
            if bad := [name for name, value in values.items() if not math.isfinite(value)]:
                of = "in another process, whose message names its cases" if here else where
                raise DataError(f"step {each.step}: loss term(s) {bad} not finite {of}")
            if not math.isfinite(norm):
                raise DataError(f"step {each.step}: the gradient is not finite {where}")
            minimized = sum(values[name] for name in each.minimized)
            self.progress.add({**values, "loss": minimized, "gradient_norm": norm})
        self.unread.clear()

    def _validated(self, validate: Validate) -> Mapping[str, float]:
        """Ask for numbers about held-out cases, and keep the weights if they are the best so far."""
        with self._predicting():
            found = validate(self.computed) if distributed.is_leader() else {}
            if found and found["score"] > self.best["score"]:
                self.best = {"score": found["score"], "step": self.progress.step}
                checkpoint.save_weights(self.model, self.out / checkpoint.BEST)
        self.model.train()
        return found

    @contextmanager
    def _predicting(self) -> Iterator[None]:
        """Inside, the model has the weights that predict, and is in eval mode."""
        self.model.eval()
        with self.average.applied() if self.average is not None else nullcontext(), torch.no_grad():
            yield

    def _save(self) -> None:
        best = {f"best:{name}": value for name, value in self.best.items()}
        content = {**self.progress.saved(), **best}
        drawn = distributed.everybodys(generators.state())
        if distributed.is_leader():
            average = None if self.average is None else self.average.saved()
            path = self.out / checkpoint.STATE
            checkpoint.save_state(self.model, self.optimizer, content, path, average=average, drawn=drawn)

    def finish(self) -> None:
        """Write the weights that predict, then the summary; the leader's model has these weights then."""
        summary: dict[str, object] = dict(self.progress.summary())
        if not distributed.is_leader():
            return
        best_step = int(self.best["step"])
        keeps_best = self.stage.settings.keep == "best" and best_step > 0
        if self.average is not None or keeps_best:
            checkpoint.save_weights(self.model, self.out / checkpoint.LAST)
        if self.average is not None:
            self.average.install()
        if keeps_best:
            checkpoint.load_weights(self.model, self.out / checkpoint.BEST)
        if best_step:
            summary |= {
                "best_step": best_step,
                "best_score": self.best["score"],
                "kept": self.stage.settings.keep,
            }
        checkpoint.finish(self.model, summary, self.out)


class _Lines:
    """A log of JSON lines that the leader writes; what an interrupted run wrote past `step` is dropped."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        if distributed.is_leader():
            drop_lines_after(path, step)

    def add(self, line: Mapping[str, object]) -> None:
        if distributed.is_leader():
            with self.path.open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
