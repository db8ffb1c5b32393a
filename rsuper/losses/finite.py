"""The one check for NaN and infinity that the losses share."""

import torch
from jaxtyping import Bool
from torch import Tensor

from rsuper.errors import NonFiniteError


def finite_entries(values: Tensor) -> Bool[Tensor, " b"]:
    """Whether all values of each entry of the first axis are finite."""
    return torch.isfinite(values).flatten(1).all(1)


def check_finite(name: str, values: Tensor) -> None:
    """Raise if an entry of the first axis has NaN or infinity; one transfer from the device.

    Raises:
        NonFiniteError: Names the first such entry.
    """
    flags = finite_entries(values).tolist()
    if not all(flags):
        raise NonFiniteError(name, flags.index(False))
