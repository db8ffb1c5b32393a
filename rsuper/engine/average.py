"""Exponential moving average of a model's weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from rsuper.errors import ConfigError


class Average:
    """The average of a model's parameters over its training; buffers are not averaged.

    A step's weights count 1 - `decay`; in the first steps more, so that the random start is soon forgotten.

    Source: the official code's EMA (0.99 with such a ramp), which it keeps and does not predict with.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        if not 0 < decay < 1:
            raise ConfigError(f"section 'engine' of the experiment: ema must be between 0 and 1, got {decay}")
        self.decay = decay
        self._own = {name: each for name, each in model.named_parameters() if each.requires_grad}
        self._mean = {name: each.detach().clone() for name, each in self._own.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step (from 0)."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, own in self._own.items():
            self._mean[name].lerp_(own, share)

    def saved(self) -> dict[str, Tensor]:
        """What a resumed run must know."""
        return self._mean

    @torch.no_grad()
    def restore(self, saved: Mapping[str, Tensor]) -> None:
        """Continue from what was saved."""
        for name, mean in self._mean.items():
            mean.copy_(saved[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the model has the averaged weights."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def install(self) -> None:
        """Give the model the averaged weights for good."""
        for name, own in self._own.items():
            own.copy_(self._mean[name])

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, own in self._own.items():
            kept = own.clone()
            own.copy_(self._mean[name])
            self._mean[name].copy_(kept)
