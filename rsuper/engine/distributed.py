"""Several processes that train one network, and compute the loss and the gradient of one.

Each makes its share of a step's patches. What a loss sums or counts over a batch goes through `total`, what
it compares across the batch through `gathered`; gradients are averaged over the processes. For a single
process each of these returns what it is given. A loss that does neither is averaged over the processes, each
weighing the same.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from rsuper.errors import ConfigError

ValueT = TypeVar("ValueT")
# One process may label all report cases while the others wait. One that dies is noticed by the launcher.
_PATIENCE = timedelta(hours=48)


def number() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return which of the processes this is, from 0."""
    return dist.get_rank() if number() > 1 else 0


def is_leader() -> bool:
    """Whether this process writes the files."""
    return rank() == 0


class _Total(torch.autograd.Function):
    """Sum over the processes; its gradient makes up for the averaging of gradients."""

    @staticmethod
    def forward(ctx: object, value: Tensor) -> Tensor:
        summed = value.detach().clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        # Every process computes the same loss of the same sum, and its own patches' part of the gradient:
        # the gradient is the sum of these parts, and the average of the processes is that over their number.
        return gradient * number()


def total(value: Tensor) -> Tensor:
    """Sum a tensor over all processes, with gradient; alone: the tensor itself.

    All processes must call it alike, with one shape.
    """
    summed: Tensor = _Total.apply(value) if number() > 1 else value
    return summed


def gathered(rows: Tensor) -> Tensor:
    """Join the rows of all processes, in their order, with gradient; alone: the tensor itself.

    Processes may have different numbers of rows; what a row holds must have one shape.
    """
    if number() == 1:
        return rows
    counts: list[int] = everybodys(len(rows))
    before, after = sum(counts[: rank()]), sum(counts[rank() + 1 :])
    return total(F.pad(rows, [0, 0] * (rows.ndim - 1) + [before, after]))


def everybodys(value: ValueT) -> list[ValueT]:
    """Return the values of all processes, in their order; any that pickle can carry."""
    if number() == 1:
        return [value]
    values: list[ValueT | None] = [None] * number()
    dist.all_gather_object(values, value)
    return values  # type: ignore[return-value]


def counted(own: Mapping[str, int]) -> Counter[str]:
    """Add the counts of all processes."""
    counts: Counter[str] = Counter()
    for each in everybodys(Counter(own)):
        counts.update(each)
    return counts


def average(values: Tensor) -> Tensor:
    """Average over the processes, in place and without gradient."""
    if number() > 1:
        dist.all_reduce(values)
        values /= number()
    return values


def average_gradients(model: nn.Module) -> None:
    """Average the gradients over the processes, all in one transfer.

    Parameters without a gradient are left out; they must be the same in every process.
    """
    gradients = [each.grad for each in model.parameters() if each.grad is not None]
    if number() == 1 or not gradients:
        return
    joined = average(torch.cat([each.reshape(-1) for each in gradients]))
    parts = joined.split([each.numel() for each in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view(gradient.shape))


def share_weights(model: nn.Module) -> None:
    """Give every process the leader's parameters and buffers."""
    if number() > 1:
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, src=0)


def barrier() -> None:
    """Wait until all processes are here."""
    everybodys(None)  # a barrier of its own would need to know the device


@contextmanager
def leader_first() -> Iterator[None]:
    """Let the leader do what is inside before the others: they find the files that it wrote."""
    if not is_leader():
        barrier()
    yield
    if is_leader():
        barrier()


@contextmanager
def together() -> Iterator[None]:
    """Train together with the other processes that torch's launcher started; alone: nothing happens.

    Each takes the GPU of its number on its machine, where there are GPUs.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        backend = "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def launch(entry: Callable[..., object], arguments: Sequence[object], processes: int) -> None:
    """Call a function in several new processes of this machine, by torch's elastic launcher, and wait.

    Args:
        entry: importable by its name; what it trains it trains inside `together`.
        arguments: of the function; pickled.
        processes: on a machine with GPUs at most as many as these.

    Raises:
        ConfigError: fewer than one process, or more than there are GPUs.
        ChildFailedError: of torch: a process failed; the others are ended, and the message has its traceback.
    """
    gpus = torch.cuda.device_count()
    if processes < 1 or (gpus and processes > gpus):
        raise ConfigError(f"{processes} processes cannot train together on a machine with {gpus} GPUs")
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        run_id=f"rsuper-{os.getpid()}",
        max_restarts=0,
        monitor_interval=0.5,
        start_method="spawn",
    )
    elastic_launch(config, entry)(*arguments)
