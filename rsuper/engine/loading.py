"""Batches on their way to the device: made ahead in worker processes, pinned, copied without a wait."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rsuper.engine.settings import Settings

BatchT = TypeVar("BatchT")


@runtime_checkable
class Changeable(Protocol):
    """A batch, or a part of one, with changes that are made on the device that trains."""

    def augmented(self) -> Any:
        """Return it with the changes made; it may not ask the device for anything."""


@dataclass(frozen=True)
class Loaded(Generic[BatchT]):
    """A batch as it was made, and on the device with its changes made (on a CPU without: the same)."""

    host: BatchT
    device: BatchT


class Loader(Generic[BatchT]):
    """Hands out batches in the order asked for, and notes how long the training waited for them.

    A batch depends on its number alone, so it does not matter which process makes it, or how far ahead.

    Args:
        batches: number -> batch, on the CPU; called in worker processes that were forked from this one.
        numbers: in the order in which they are wanted.
        settings: `workers` processes make batches, each `prefetch` ahead; 0: they are made when asked for.
        device: where batches are wanted.
    """

    def __init__(
        self,
        batches: Callable[[int], BatchT],
        numbers: Sequence[int],
        settings: Settings,
        device: torch.device,
    ) -> None:
        self.stall_s = 0.0
        self._device = device
        self._batches = _ahead(batches, numbers, settings, device) if settings.workers else None
        self._made = map(batches, numbers) if self._batches is None else self._batches

    def __next__(self) -> Loaded[BatchT]:
        """Return the next batch."""
        started = time.perf_counter()
        host = next(self._made)
        # Copies from pinned memory are queued, and the host goes on.
        device = host if self._device.type == "cpu" else changed(host, self._to_device)
        self.stall_s += time.perf_counter() - started
        return Loaded(host, _augmented(device))

    def _to_device(self, tensor: Tensor) -> Tensor:
        pinned = tensor if tensor.is_pinned() else tensor.pin_memory()
        return pinned.to(self._device, non_blocking=True)


def _augmented(value: Any) -> Any:
    if isinstance(value, Changeable):
        return value.augmented()
    if not is_dataclass(value) or isinstance(value, type):
        return value
    parts = {field.name: _augmented(getattr(value, field.name)) for field in fields(value)}
    kept = all(parts[field.name] is getattr(value, field.name) for field in fields(value))
    return value if kept else replace(value, **parts)


@dataclass(frozen=True)
class _Numbered(Dataset["_Pinnable"]):
    batches: Callable[[int], Any]

    def __getitem__(self, number: int) -> "_Pinnable":
        return _Pinnable(self.batches(number))


@dataclass(frozen=True)
class _Pinnable:
    """What the loader's thread pins; it asks the object itself to."""

    batch: Any

    def pin_memory(self) -> "_Pinnable":
        return _Pinnable(changed(self.batch, Tensor.pin_memory))


def _ahead(
    batches: Callable[[int], BatchT], numbers: Sequence[int], settings: Settings, device: torch.device
) -> Iterator[BatchT]:
    loader = DataLoader(
        _Numbered(batches),
        batch_size=None,
        sampler=numbers,
        num_workers=settings.workers,
        prefetch_factor=settings.prefetch,
        collate_fn=_as_it_is,
        pin_memory=device.type == "cuda",
        multiprocessing_context="fork",  # samplers and open arrays need not be pickled
        generator=torch.Generator(),  # else the loader draws from the global one
    )
    return (each.batch for each in loader)


def _as_it_is(item: Any) -> Any:
    return item


def changed(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return a batch with every tensor changed: of dataclasses, tuples, lists and mappings; others as is."""
    if isinstance(value, Tensor):
        return change(value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: changed(getattr(value, field.name), change) for field in fields(value)}
        kept = all(parts[field.name] is getattr(value, field.name) for field in fields(value))
        return value if kept else replace(value, **parts)
    if isinstance(value, tuple | list):
        items = [changed(each, change) for each in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, Mapping) and any(isinstance(each, Tensor) for each in value.values()):
        return {name: changed(each, change) for name, each in value.items()}
    return value
