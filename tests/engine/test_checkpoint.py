import numpy as np
import pytest
import torch
from torch import nn

from rsuper.engine import checkpoint
from rsuper.errors import ArtifactError


def test_round_trip(tmp_path):
    first, second = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    first(torch.randn(8, 3))  # buffers count too
    checkpoint.save_weights(first, tmp_path / "weights.pt")
    checkpoint.load_weights(second, tmp_path / "weights.pt")
    assert all(torch.equal(a, second.state_dict()[name]) for name, a in first.state_dict().items())
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pt"]


def test_tensors_that_do_not_fit_are_named(tmp_path):
    checkpoint.save_weights(nn.Linear(3, 2), tmp_path / "weights.pt")
    with pytest.raises(ArtifactError, match=r"weights.pt: .*\['weight'\]"):
        checkpoint.load_weights(nn.Linear(4, 2), tmp_path / "weights.pt")
    with pytest.raises(ArtifactError, match=r"\['bias'\]"):
        checkpoint.load_weights(nn.Linear(3, 2, bias=False), tmp_path / "weights.pt")


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 torn"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "weights.pt").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"weights.pt: damaged"):
        checkpoint.load_weights(nn.Linear(3, 2), tmp_path / "weights.pt")


def test_a_file_cut_short_is_named(tmp_path):
    checkpoint.save_weights(nn.Linear(30, 20), tmp_path / "weights.pt")
    whole = (tmp_path / "weights.pt").read_bytes()
    (tmp_path / "weights.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtifactError, match=r"weights.pt: damaged"):
        checkpoint.load_weights(nn.Linear(30, 20), tmp_path / "weights.pt")


def test_no_flipped_byte_of_a_tensor_is_loaded(tmp_path):
    """torch writes checksums and does not compare them."""
    path = tmp_path / "model" / "weights.pt"
    (tmp_path / "run.json").write_text("{}")
    torch.manual_seed(0)
    network = nn.Linear(30, 20)
    checkpoint.save_weights(network, path)
    whole = path.read_bytes()
    start = whole.index(network.weight.detach().numpy().tobytes())
    for place in range(start, start + 30 * 20 * 4, 97):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ArtifactError, match=r"rm -f \S+weights\.pt \S+training\.json \S+run\.json$"):
            checkpoint.load_weights(nn.Linear(30, 20), path)


def test_damage_anywhere_else_is_named_or_changes_nothing(tmp_path):
    path, network = tmp_path / "state.pt", nn.Linear(5, 4)
    optimizer = torch.optim.AdamW(network.parameters())
    checkpoint.save_state(network, optimizer, {"step": 3}, path)
    whole, expected = path.read_bytes(), network.weight.detach().clone()
    said = set()
    for place in range(0, len(whole), 11):
        damaged = bytearray(whole)
        damaged[place] ^= 8
        path.write_bytes(damaged)
        fresh = nn.Linear(5, 4)
        try:
            found = checkpoint.load_state(fresh, torch.optim.AdamW(fresh.parameters()), path)
        except ArtifactError as error:
            said.add(str(error).rpartition("; ")[2])
        else:
            assert found == {"step": 3}
            assert torch.equal(fresh.weight, expected)
    assert said == {f"to have it made anew, run again after: rm -f {path}"}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"weights.pt: no such file"):
        checkpoint.load_weights(nn.Linear(3, 2), tmp_path / "weights.pt")


def test_generators_go_on_where_they_were(tmp_path):
    network = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    checkpoint.save_state(network, optimizer, {"step": 3}, tmp_path / checkpoint.STATE)
    expected = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    checkpoint.load_state(network, optimizer, tmp_path / checkpoint.STATE)
    found = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    assert torch.equal(found[0], expected[0])
    assert (found[1] == expected[1]).all()


def test_fewer_processes_saved_it(tmp_path):
    network = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    checkpoint.save_state(network, optimizer, {"step": 3}, tmp_path / checkpoint.STATE)
    with pytest.raises(ArtifactError, match="saved by 1 processes, and process 2 wants to go on"):
        checkpoint.resume(network, optimizer, tmp_path / checkpoint.STATE, process=1)


def test_finishing_drops_the_state(tmp_path):
    network = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    checkpoint.save_state(network, optimizer, {"step": 3}, tmp_path / checkpoint.STATE)
    assert checkpoint.load_state(network, optimizer, tmp_path / checkpoint.STATE) == {"step": 3}
    assert not checkpoint.is_finished(tmp_path)
    checkpoint.finish(network, {"step": 4}, tmp_path)
    assert checkpoint.is_finished(tmp_path)
    assert checkpoint.summary(tmp_path) == {"step": 4}
    assert not (tmp_path / checkpoint.STATE).exists()
