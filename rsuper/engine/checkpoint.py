"""Weights and training state on disk: tensors only (nothing is unpickled), and a JSON beside them."""

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rsuper.artifacts import read_json, write_atomically, write_json
from rsuper.errors import ArtifactError

WEIGHTS = "weights.pt"
STATE = "state.pt"
SUMMARY = "training.json"


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a model's parameters and buffers."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    write_atomically(path, lambda temporary: torch.save(state, temporary))


def load_weights(model: nn.Module, path: Path) -> None:
    """Load parameters and buffers; every tensor must fit.

    Raises:
        ArtifactError: the file is missing or damaged, or tensors (named) are missing, extra or of another
            shape.
    """
    stored: Mapping[str, Tensor] = _load(path)
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
    stored: Mapping[str, Tensor] = _load(path)
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
    model: nn.Module, optimizer: torch.optim.Optimizer, progress: Mapping[str, Any], path: Path
) -> None:
    """Write what an interrupted training needs to go on as if nothing had happened."""
    content = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "progress": dict(progress)}
    write_atomically(path, lambda temporary: torch.save(content, temporary))


def load_state(model: nn.Module, optimizer: torch.optim.Optimizer, path: Path) -> dict[str, Any]:
    """Restore a saved state and return its progress.

    Raises:
        ArtifactError: the file is damaged.
    """
    content = _load(path)
    model.load_state_dict(content["model"])
    optimizer.load_state_dict(content["optimizer"])
    progress: dict[str, Any] = content["progress"]
    return progress


def is_finished(folder: Path) -> bool:
    """Whether a stage's training is complete: its summary is written last."""
    return (folder / SUMMARY).is_file()


def finish(model: nn.Module, summary: Mapping[str, Any], folder: Path) -> None:
    """Write the final weights, then the summary, then drop the state that resuming needed."""
    save_weights(model, folder / WEIGHTS)
    write_json(dict(summary), folder / SUMMARY)
    (folder / STATE).unlink(missing_ok=True)


def summary(folder: Path) -> dict[str, Any]:
    """Read the summary of a finished stage."""
    content: dict[str, Any] = read_json(folder / SUMMARY)
    return content


def _load(path: Path) -> Any:
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
        raise ArtifactError(f"{path}: damaged: {error}") from None
