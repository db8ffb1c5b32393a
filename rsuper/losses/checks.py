"""Checks that the losses share: what strangers get wrong is named, with one transfer from the device."""

import torch
from torch import Tensor

from rsuper.errors import NonFiniteError


def check_finite(name: str, values: Tensor) -> None:
    """Raise if an entry of the first axis has NaN or infinity; one transfer from the device.

    Raises:
        NonFiniteError: Names the first such entry.
    """
    flags = torch.isfinite(values).flatten(1).all(1).tolist()
    if not all(flags):
        raise NonFiniteError(name, flags.index(False))


def check_mask(name: str, mask: Tensor, shape: torch.Size) -> None:
    """Raise if a mask is not boolean or has another shape.

    Numbers are refused: the complement of an integer is no mask, and label 3 would count three times.

    Raises:
        ValueError: Names the mask.
    """
    if mask.dtype != torch.bool:
        raise ValueError(f"{name} must be a bool tensor (such as mask > 0), got {mask.dtype}")
    if mask.shape != shape:
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {tuple(mask.shape)}")


def sent(values: Tensor, to: Tensor) -> Tensor:
    """Copy values to another tensor's type and device.

    From the host to a GPU by way of pinned memory: so the copy does not wait for the work before it.
    """
    if to.is_cuda and not values.is_cuda:
        return values.to(to.dtype).pin_memory().to(to.device, non_blocking=True)
    return values.to(to)
