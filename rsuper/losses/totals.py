"""What a batch sums to, where several processes share it.

A loss that averages over a batch divides two sums. Whoever lets several processes share a batch hands it a
`total` that adds the sums of all; the losses know nothing of processes.
"""

from collections.abc import Callable

from torch import Tensor

Total = Callable[[Tensor], Tensor]


def alone(value: Tensor) -> Tensor:
    """Return the sum as it is: the batch is here."""
    return value


def mean(values: Tensor, total: Total, number: int | None = None) -> Tensor:
    """Average over what all processes have; where nobody has anything: 0.

    Args:
        values: This process's, of any shape; may be empty.
        total: Sums over the processes.
        number: How many there are here; None: as many as `values`.
    """
    here = values.new_full((), float(values.numel() if number is None else number))
    return total(values.sum()) / total(here).clamp_min(1.0)
