"""How long and how fast one stage of training is."""

import math
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from rsuper.engine.settings import Settings

# Batches of one optimizer step are this far apart, so that the first has the step's own number: with or
# without accumulation it is the same batch, and two stages never share one.
BATCH_STRIDE = 2**32


@runtime_checkable
class Schedule(Protocol):
    """What the loop must know of an experiment's schedule."""

    @property
    def policy(self) -> str:
        """`one_cycle` or `warmup_poly`; see `learning_rate`."""

    @property
    def weight_decay(self) -> float:
        """AdamW's, on all parameters."""

    @property
    def clip_norm(self) -> float:
        """Largest norm of a step's gradient."""

    @property
    def checkpoint_every(self) -> int:
        """Steps between two states to continue from."""

    @property
    def log_every(self) -> int:
        """Steps between two lines of the log."""


@dataclass(frozen=True)
class Stage:
    """How long and how fast one stage of training is, and how it computes; taken from the experiment."""

    steps: int
    learning_rate: float
    schedule: Schedule
    name: str = "train"
    settings: Settings = field(default_factory=Settings)

    def is_logged(self, done: int) -> bool:
        """Whether the log gets a line after so many steps: every `log_every`, and after the last."""
        return done <= self.steps and (done % self.schedule.log_every == 0 or done == self.steps)

    def is_saved(self, done: int) -> bool:
        """Whether the state is saved after so many steps: every `checkpoint_every`, not the last."""
        return done % self.schedule.checkpoint_every == 0 and done < self.steps

    def is_validated(self, done: int) -> bool:
        """Whether the network is validated then: every `validate_every` steps, and after the last."""
        every = self.settings.validate_every
        return every > 0 and (done % every == 0 or done == self.steps)

    def is_checked(self, done: int) -> bool:
        """Whether the host reads the losses after so many steps, and waits for the device to have them."""
        wanted = done % self.settings.check_every == 0
        return wanted or self.is_logged(done) or self.is_saved(done) or self.is_validated(done)

    def batches_from(self, step: int) -> list[int]:
        """Numbers of the batches from a step on: `accumulate` per step, the first has the step's number."""
        parts = range(self.settings.accumulate)
        return [own + part * BATCH_STRIDE for own in range(step, self.steps) for part in parts]


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
