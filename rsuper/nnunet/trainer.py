"""nnU-Net's trainer, stopped by steps or by the clock; or as it is."""

import importlib
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer import variants
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import nn

from rsuper.engine import checkpoint
from rsuper.engine.train import LOG, drop_lines_after
from rsuper.errors import DataError, MethodError

_DECAY = 0.9  # exponent of nnU-Net's learning rate


class RunTrainer(nnUNetTrainer):
    """Network, loss, optimizer, augmentation and sampling are nnU-Net's; what may differ is when it ends."""

    def run(self, job: dict[str, Any], model: Path) -> None:
        """Train, or go on; write log.jsonl, the weights and, last, training.json into the model's folder."""
        if job["steps"] is None and job["seconds"] is None:
            summary = self._run_as_it_is(model)
        else:
            summary = self._run_until(job, model)
        network = getattr(self.network, "_orig_mod", self.network)  # where it was compiled
        assert isinstance(network, nn.Module)
        patches = summary["step"] * self.batch_size
        content = {**summary, "mask_patches": patches, "report_patches": 0, "batch_size": self.batch_size}
        checkpoint.finish(network, content, model)

    def _run_until(self, job: dict[str, Any], model: Path) -> dict[str, float]:
        """Train for a number of steps or seconds, with the learning rate falling over these.

        There is no validation between: with fold `all` it would be one on training cases.
        """
        self.on_train_start()
        channels_last(self.network, self.device)
        step, seconds, state = 0, 0.0, model / checkpoint.STATE
        if state.is_file():
            saved = checkpoint.load_state(self.network, self.optimizer, state)
            step, seconds = int(saved["step"]), float(saved["seconds"])
            np.random.seed(job["seed"] + step)  # noqa: NPY002  (nnU-Net draws from the global generators)
            torch.manual_seed(job["seed"] + step)
        drop_lines_after(model / LOG, step)
        self.network.train()
        losses: list[float] = []
        started = time.perf_counter() - seconds
        with (model / LOG).open("a", encoding="utf-8") as log:
            while (done := _share(job, step, seconds)) < 1:
                rate = self.initial_lr * (1 - done) ** _DECAY
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
                batch = next(self.dataloader_train)
                losses.append(float(self.train_step(batch)["loss"]))
                step, seconds = step + 1, time.perf_counter() - started
                if not math.isfinite(losses[-1]):
                    cases = list(batch["keys"])
                    raise DataError(f"step {step - 1}: nnU-Net's loss is {losses[-1]} for cases {cases}")
                if step % job["log_every"] == 0 or _share(job, step, seconds) >= 1:
                    line = {"step": step, "learning_rate": rate, "seconds": round(seconds, 2)}
                    log.write(json.dumps({**line, "loss": float(np.mean(losses))}) + "\n")
                    log.flush()
                    losses.clear()
                if step % job["checkpoint_every"] == 0:
                    progress = {"step": step, "seconds": seconds}
                    checkpoint.save_state(self.network, self.optimizer, progress, state)
        return {"step": step, "seconds": seconds}

    def _run_as_it_is(self, model: Path) -> dict[str, float]:
        """Let nnU-Net train its own number of epochs, from its own last checkpoint where there is one."""
        latest = Path(self.output_folder) / "checkpoint_latest.pth"
        self.initialize()
        if latest.is_file():
            self.load_checkpoint(str(latest))
        started = time.perf_counter()
        self.run_training()
        epochs = self.logger.get_value("train_losses", step=None)
        for epoch, loss in enumerate(epochs):
            if not math.isfinite(loss):
                raise DataError(f"epoch {epoch}: nnU-Net's loss is {loss}")
        size = self.num_iterations_per_epoch
        with (model / LOG).open("w", encoding="utf-8") as log:
            for epoch, loss in enumerate(epochs, start=1):
                log.write(json.dumps({"step": epoch * size, "loss": float(loss)}) + "\n")
        return {"step": len(epochs) * size, "seconds": time.perf_counter() - started}


def _share(job: dict[str, Any], step: int, seconds: float) -> float:
    """Share of the training that is done."""
    return step / job["steps"] if job["steps"] is not None else seconds / job["seconds"]


def trainer_class(names: Sequence[str]) -> type[RunTrainer]:
    """Return our trainer on top of variants of nnU-Net's own that come with it.

    Args:
        names: classes below nnunetv2/training/nnUNetTrainer/variants; the first has the last word.

    Raises:
        MethodError: nnU-Net has no such variant; the message names those it has.
    """
    # nnU-Net's own search imports every module on its way, some of which need what need not be installed.
    root = Path(variants.__path__[0])
    modules = {
        line.removeprefix("class ").partition("(")[0]: path
        for path in sorted(root.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("class nnUNetTrainer")
    }
    if unknown := [name for name in names if name not in modules]:
        raise MethodError(f"nnU-Net has no trainer {unknown[0]!r}; it has {', '.join(sorted(modules))}")
    bases = []
    for name in names:
        parts = modules[name].relative_to(root).with_suffix("").parts
        bases.append(getattr(importlib.import_module(".".join((variants.__name__, *parts))), name))
    # Ours first: how long it trains. Each variant changes what it changes, whichever others there are.
    return type(RunTrainer.__name__, (RunTrainer, *bases), {}) if bases else RunTrainer


def channels_last(network: nn.Module, device: torch.device) -> None:
    """Lay weights out as a CPU convolves fastest (a quarter less time per step); only rounding changes."""
    if device.type == "cpu":
        network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
