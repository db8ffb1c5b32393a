"""How a training computes. Standard library alone: what is torch-free may hand these on."""

from dataclasses import asdict, dataclass
from typing import Literal

# What changes how long a training takes, or what is watched of it, and no weight.
_WITHOUT_EFFECT = ("check_every", "workers", "prefetch", "tensorboard")


@dataclass(frozen=True)
class Settings:
    """How a training computes, the same for every method.

    The defaults compute on a CPU what the plain loop computes, bit by bit; `rsuper.config.experiment.Engine`
    is the same in an experiment file, and documents each.
    """

    precision: Literal["auto", "float32", "bf16"] = "auto"
    channels_last: bool = False
    compile: bool = False
    deterministic: bool = False
    accumulate: int = 1
    ema: float | None = None
    check_every: int = 1
    workers: int = 0
    prefetch: int = 2
    validate_every: int = 0
    keep: Literal["last", "best"] = "last"
    tensorboard: bool = False

    def decisive(self) -> dict[str, object]:
        """Return what the weights depend on."""
        return {name: value for name, value in asdict(self).items() if name not in _WITHOUT_EFFECT}
