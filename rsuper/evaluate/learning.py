"""Whether a run learned: its training loss on masks at the end, beside that of the network before it."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from rsuper.artifacts import Layout
from rsuper.errors import ArtifactError
from rsuper.methods import find

# The share of the log's lines, at least one, whose mean is the loss at the start or at the end.
WINDOW = 0.1
_LOG = Path("model") / "log.jsonl"


@dataclass(frozen=True)
class Learning:
    """Training loss at the start and at the end, means over a tenth of the log."""

    start: float
    end: float

    @property
    def fell(self) -> bool:
        """Whether the loss is lower at the end."""
        return self.end < self.start


def learning_of(layout: Layout, budget: str, method: str, seed: int) -> Learning | None:
    """Compare the start of what a run was trained from with its own end; None where no log tells.

    A row that continues another run (the card's `needs`) hardly improves on its own start any more: its end
    is compared with the start of that run, on the terms of the loss that both have, those on masks. Others,
    and nnU-Net, whose loss has no named terms, are compared with their own start.

    Raises:
        ArtifactError: a log is not JSON lines with numbers.
    """
    own = log_lines(layout.run(budget, method, seed) / _LOG)
    if not own:
        return None
    terms = sorted(name for name in own[0] if name.startswith("mask_") and name != "mask_patches")
    for needed in find(method).needs:
        earlier = log_lines(layout.run(budget, needed, seed) / _LOG)
        if earlier and terms and all(name in earlier[0] for name in terms):
            return Learning(_mean(earlier, terms, last=False), _mean(own, terms, last=True))
    names = terms or ["loss"]
    return Learning(_mean(own, names, last=False), _mean(own, names, last=True)) if len(own) > 1 else None


def log_lines(path: Path) -> list[dict[str, float]]:
    """Read a training log; nothing where there is none.

    Raises:
        ArtifactError: it is not JSON lines with numbers.
    """
    if not path.is_file():
        return []
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [{name: float(value) for name, value in line.items()} for line in lines]
    except (ValueError, TypeError, AttributeError) as error:
        raise ArtifactError(
            f"{path}: not a log of numbers ({error}); remove the run and make it again"
        ) from error


def _mean(lines: list[dict[str, float]], names: list[str], *, last: bool) -> float:
    size = max(1, int(WINDOW * len(lines)))
    chosen = lines[-size:] if last else lines[:size]
    return fmean(sum(line[name] for name in names) for line in chosen)
