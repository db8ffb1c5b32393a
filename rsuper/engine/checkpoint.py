"""Weights and training state on disk: tensors only (nothing is unpickled), and a JSON beside them."""

import pickle
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rsuper.engine import generators
from rsuper.errors import ArtifactError
from rsuper.files import read_json, write_atomically, write_json

WEIGHTS = "weights.pt"  # what predicts
LAST = "weights_last.pt"  # the last step's own, where averaged weights or the best predict
BEST = "weights_best.pt"  # the best by validation so far, where there is one
STATE = "state.pt"
SUMMARY = "training.json"
_DAMAGED = EOFError, ValueError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile, zlib.error


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a model's parameters and buffers."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    write_atomically(path, lambda temporary: torch.save(state, temporary))


def load_weights(model: nn.Module, path: Path) -> None:
    """Load parameters and buffers; every tensor must fit.

    Raises:
        ArtifactError: the file is missing or damaged, holds no weights or some that are not finite, or
            tensors (named) are missing, extra or of another shape.
    """
    stored = _weights(path)
    own = model.state_dict()
    wrong = sorted(set(own) ^ set(stored)) + [
        name for name in own if name in stored and own[name].shape != stored[name].shape
    ]
    if wrong:
        raise ArtifactError(f"{path}: the weights do not fit the network: {wrong[:5]} ({len(wrong)} tensors)")
    model.load_state_dict(stored)


def transfer_weights(model: nn.Module, path: Path, fresh: Sequence[str]) -> list[str]:
    """Load the parameters and buffers of another network's training into those of the same name and shape.

    Args:
        model: it keeps its own values for what is not transferred.
        path: the other network's weights.
        fresh: names of modules that are never transferred, such as output heads.

    Returns:
        Names of the model's tensors that were not transferred.

    Raises:
        ArtifactError: the file is missing or damaged, or a tensor outside `fresh` (named) is missing or of
            another shape: it is not the network that it is taken for.
    """
    stored = _weights(path)
    own = model.state_dict()
    kept = [name for name in own if any(name == part or name.startswith(f"{part}.") for part in fresh)]
    moved = [name for name in own if name not in kept]
    wrong = [name for name in moved if name not in stored or stored[name].shape != own[name].shape]
    if wrong:
        raise ArtifactError(
            f"{path}: the weights are not of such a network: {wrong[:5]} ({len(wrong)} tensors) do not fit"
        )
    model.load_state_dict({name: stored[name] for name in moved}, strict=False)
    return kept


def save_state(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Mapping[str, Any],
    path: Path,
    *,
    average: Mapping[str, Tensor] | None = None,
    drawn: Sequence[generators.State] | None = None,
) -> None:
    """Write what an interrupted training needs to go on as if nothing had happened.

    Learning rate and batches follow from the step in `progress`.

    Args:
        model: its weights are saved as they are.
        optimizer: of the model.
        progress: numbers and text.
        path: of the state.
        average: averaged weights, where training keeps some.
        drawn: states of the random generators of each process; None: of this one.
    """
    content = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": dict(progress),
        "average": None if average is None else dict(average),
        "generators": [generators.state()] if drawn is None else list(drawn),
    }
    write_atomically(path, lambda temporary: torch.save(content, temporary))


@dataclass(frozen=True)
class Resumed:
    """What a saved state knew beside the weights, the optimizer and the generators."""

    progress: dict[str, Any]
    average: Mapping[str, Tensor] | None


def resume(model: nn.Module, optimizer: torch.optim.Optimizer, path: Path, process: int = 0) -> Resumed:
    """Restore a saved state: weights, optimizer, and the random generators of a process.

    Raises:
        ArtifactError: the file is damaged, is the state of another network or optimizer, or was saved by a
            training with fewer processes.
    """
    content = _load(path)
    try:
        if process >= len(content["generators"]):
            raise ArtifactError(
                f"{path}: saved by {len(content['generators'])} processes, and process {process + 1} wants "
                "to go on from it: continue with as many, or remove the folder's files to begin anew"
            )
        model.load_state_dict(content["model"])
        optimizer.load_state_dict(content["optimizer"])
        generators.restore(content["generators"][process])
        return Resumed(dict(content["progress"]), content["average"])
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise ArtifactError(
            f"{path}: not the state of this training: {error}; remove it to begin anew"
        ) from None


def load_state(model: nn.Module, optimizer: torch.optim.Optimizer, path: Path) -> dict[str, Any]:
    """Restore a saved state and return its progress.

    Raises:
        ArtifactError: the file is damaged.
    """
    return resume(model, optimizer, path).progress


def is_finished(folder: Path) -> bool:
    """Whether a stage's training is complete: its summary is written last."""
    return (folder / SUMMARY).is_file()


def finish(model: nn.Module, summary: Mapping[str, Any], folder: Path) -> None:
    """Write the final weights, then the summary, then drop the state that resuming needed."""
    save_weights(model, folder / WEIGHTS)
    write_json(dict(summary), folder / SUMMARY)
    drop_state(folder)


def drop_state(folder: Path) -> None:
    """Remove the state that resuming needed; none: nothing happens."""
    (folder / STATE).unlink(missing_ok=True)


def summary(folder: Path) -> dict[str, Any]:
    """Read the summary of a finished stage."""
    content: dict[str, Any] = read_json(folder / SUMMARY)
    return content


def _weights(path: Path) -> dict[str, Tensor]:
    stored = _load(path)
    if not isinstance(stored, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in stored.items()
    ):
        raise ArtifactError(f"{path}: no weights: expected tensors by name, got {type(stored).__name__}")
    bad = [name for name, tensor in stored.items() if not torch.isfinite(tensor).all()]
    if bad:
        raise ArtifactError(
            f"{path}: weights that are NaN or infinite: {bad[:5]} ({len(bad)} tensors); train anew"
        )
    return dict(stored)


def _load(path: Path) -> Any:
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file; {_anew(path)}")
    try:
        with zipfile.ZipFile(path) as parts:  # torch itself does not compare the checksums that it writes
            if damaged := parts.testzip():
                raise ArtifactError(f"{path}: damaged: the checksum of {damaged} is another; {_anew(path)}")
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error}; {_anew(path)}") from None
    except (*_DAMAGED, RuntimeError) as error:
        raise ArtifactError(f"{path}: damaged: {' '.join(str(error).split())[:200]}; {_anew(path)}") from None


def _anew(path: Path) -> str:
    """What to remove so that weights or a state are made anew: they, and what says that they are complete."""
    named = [path]
    if path.name != STATE:
        records = [folder / "run.json" for folder in path.parents]
        named += [path.with_name(SUMMARY), *[record for record in records if record.is_file()][:1]]
    return f"to have it made anew, run again after: rm -f {' '.join(map(str, named))}"
