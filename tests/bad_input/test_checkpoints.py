"""Bad checkpoints: nothing in them is run, and what is no weight or state of the network is named."""

import io
import pickle
from collections import OrderedDict

import pytest
import torch
from torch import nn

from rsuper.engine import checkpoint
from tests.bad_input.refused import kinds, refused


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


def saved(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def sound(**changes: object) -> dict[str, object]:
    return {**network().state_dict(), **changes}


def flipped() -> bytes:
    """A byte of the pickle that says which tensors there are is another one."""
    data = bytearray(saved(sound()))
    data[data.index(b"0.weight")] ^= 0xFF
    return bytes(data)


class Runs:
    """What a pickle can do: call anything."""

    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("this was run",))


WEIGHTS = {
    "empty checkpoint": (b"", "weights.pt: damaged"),
    "text as checkpoint": (b"no weights", "weights.pt: damaged"),
    "truncated checkpoint": (saved(sound())[:900], "weights.pt: damaged"),
    "checkpoint with a byte changed": (flipped(), "weights.pt: "),
    "ZIP of something else": (b"PK\x05\x06" + b"\x00" * 18, "weights.pt: damaged"),
    "plain pickle": (pickle.dumps({"a": 1}, protocol=2), "weights.pt: "),
    "pickle that runs something": (pickle.dumps(Runs(), protocol=2), "weights.pt: damaged"),
    "checkpoint that runs something": (saved({"0.weight": Runs()}), "weights.pt: damaged"),
    "a whole network": (saved(network()), "weights.pt: damaged"),
    "a number": (saved(3), "weights.pt: no weights: expected tensors by name, got int"),
    "a list of tensors": (saved([torch.zeros(3)]), "weights.pt: no weights"),
    "weights by number": (saved({0: torch.zeros(3)}), "weights.pt: no weights"),
    "numbers for tensors": (saved({"0.weight": 1.0}), "weights.pt: no weights"),
    "tensor too many": (
        saved(sound(extra=torch.zeros(1))),
        r"do not fit the network: \['extra'\] \(1 tensors",
    ),
    "tensor missing": (saved({"0.weight": torch.zeros(4, 3)}), "do not fit the network: .*3 tensors"),
    "tensor of another shape": (saved(sound(**{"1.bias": torch.zeros(3)})), r"\['1.bias'\]"),
    "weights that are NaN": (
        saved(sound(**{"1.bias": torch.full((2,), torch.nan)})),
        r"weights that are NaN or infinite: \['1.bias'\]",
    ),
    "infinite weights": (saved(sound(**{"1.bias": torch.full((2,), torch.inf)})), "NaN or infinite"),
}


@pytest.mark.parametrize("name", kinds("checkpoints", WEIGHTS))
def test_weights(name, tmp_path, capsys):
    content, says = WEIGHTS[name]
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    own = network()
    before = OrderedDict((key, tensor.clone()) for key, tensor in own.state_dict().items())
    refused(lambda: checkpoint.load_weights(own, path), says)
    assert all(torch.equal(tensor, before[key]) for key, tensor in own.state_dict().items())
    assert "this was run" not in capsys.readouterr().out


@pytest.mark.parametrize("name", kinds("checkpoints", ["no checkpoint", "folder as checkpoint"]))
def test_no_weights(name, tmp_path):
    path = tmp_path if name.startswith("folder") else tmp_path / "none.pt"
    refused(lambda: checkpoint.load_weights(network(), path), f"{path.name}: no such file")


@pytest.mark.parametrize("name", kinds("checkpoints", ["weights of another network, transferred"]))
def test_transferred_weights(name, tmp_path):
    (tmp_path / "weights.pt").write_bytes(saved({"other": torch.zeros(1)}))
    says = r"weights.pt: the weights are not of such a network: \['0.weight'"
    refused(lambda: checkpoint.transfer_weights(network(), tmp_path / "weights.pt", ["1"]), says)


def without(key: str):
    return lambda content: content.pop(key)


def replaced(key: str, value: object):
    return lambda content: content.update({key: value})


STATES = {
    "state without its optimizer": (without("optimizer"), "not the state of this training"),
    "state without its generators": (without("generators"), "not the state of this training"),
    "state of another network": (
        replaced("model", nn.Linear(2, 2).state_dict()),
        "not the state of this training: Error.*loading state_dict",
    ),
    "state of another optimizer": (replaced("optimizer", {"state": {}}), "not the state of this training"),
    "state whose progress is none": (replaced("progress", 3), "not the state of this training"),
    "state of generators that are none": (replaced("generators", [{"torch": 1}]), "not the state of this"),
}


@pytest.mark.parametrize("name", kinds("checkpoints", STATES))
def test_states(name, tmp_path):
    change, says = STATES[name]
    own, path = network(), tmp_path / "state.pt"
    optimizer = torch.optim.AdamW(own.parameters())
    checkpoint.save_state(own, optimizer, {"step": 1}, path)
    content = torch.load(path, weights_only=True)
    change(content)
    path.write_bytes(saved(content))
    refused(lambda: checkpoint.resume(own, optimizer, path), f"state.pt: {says}.*")


SUMMARIES = {
    "summary that is no JSON": b"{",
    "summary not in UTF-8": b"\xff\xfe",
    "summary without end": b"[" * 9999,
}


@pytest.mark.parametrize("name", kinds("checkpoints", SUMMARIES))
def test_summaries(name, tmp_path):
    (tmp_path / checkpoint.SUMMARY).write_bytes(SUMMARIES[name])
    refused(lambda: checkpoint.summary(tmp_path), "training.json: damaged JSON")
