"""Files that would run something if they were unpickled: as checkpoint, array, image, table or text."""

import pickle
from pathlib import Path

import blosc2
import numpy as np
import pytest
import torch
from torch import nn

from rsuper.artifacts import read_json, read_table
from rsuper.config.load import read_yaml
from rsuper.data.cohort import read_findings
from rsuper.data.report_vectors import read_vectors
from rsuper.data.store import StoredCase, index_from
from rsuper.data.volumes import read_ct
from rsuper.engine import checkpoint
from rsuper.errors import RsuperError
from rsuper.schemas import METRICS

INDEX = {"case_id": "A", "shape": [4, 4, 4], "spacing_mm": [1.0, 1.0, 1.0], "mean_hu": 0.0, "std_hu": 1.0}
INDEX |= {"boxes": {}, "tumor_voxels": {}}


class Touches:
    """Unpickled, it leaves a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.mark,))


def store(folder: Path) -> None:
    StoredCase(folder, index_from(INDEX)).ct((0, 0, 0), (4, 4, 4))


READERS = {
    "weights.pt": lambda folder: checkpoint.load_weights(nn.Linear(2, 2), folder / "weights.pt"),
    "state.pt": lambda folder: checkpoint.resume(
        model := nn.Linear(2, 2), torch.optim.SGD(model.parameters(), 0.1), folder / "state.pt"
    ),
    "vectors.csv": lambda folder: read_vectors(folder / "vectors.csv"),
    "metrics.csv": lambda folder: read_table(folder / "metrics.csv", METRICS),
    "findings.jsonl": lambda folder: read_findings(folder / "findings.jsonl"),
    "run.json": lambda folder: read_json(folder / "run.json"),
    "own.yaml": lambda folder: read_yaml(folder / "own.yaml"),
    "ct.nii.gz": lambda folder: read_ct(folder / "ct.nii.gz"),
    "ct.nii": lambda folder: read_ct(folder / "ct.nii"),
    "A.ct.b2nd": store,
}


def pickled(mark: Path) -> bytes:
    return pickle.dumps(Touches(mark), protocol=2)


def in_torch(mark: Path) -> bytes:
    path = mark.with_suffix(".made")
    torch.save({"weight": Touches(mark)}, path)
    return path.read_bytes()


def in_numpy(mark: Path) -> bytes:
    path = mark.with_suffix(".npy")
    np.save(path, np.array([Touches(mark)], dtype=object), allow_pickle=True)
    return path.read_bytes()


def in_npz(mark: Path) -> bytes:
    path = mark.with_suffix(".npz")
    np.savez(path, a=np.array([Touches(mark)], dtype=object), allow_pickle=True)
    return path.read_bytes()


WRITERS = {"pickle": pickled, "torch": in_torch, "npy": in_numpy, "npz": in_npz}


def test_such_a_file_does_what_it_must_not(tmp_path):
    pickle.loads(pickled(tmp_path / "mark"))  # the danger is real
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("name", READERS)
def test_it_is_refused_and_nothing_is_run(kind, name, tmp_path):
    mark = tmp_path / "mark"
    (tmp_path / name).write_bytes(WRITERS[kind](mark))
    with pytest.raises((RsuperError, RuntimeError)) as found:
        READERS[name](tmp_path)
    assert not mark.exists()
    if name != "A.ct.b2nd":
        assert isinstance(found.value, RsuperError)


def test_an_array_of_the_store_that_would_be_computed_is_refused(tmp_path):
    numbers = blosc2.asarray(np.ones((4, 4, 4), np.int16), urlpath=str(tmp_path / "x.b2nd"), mode="w")
    lazy = numbers + numbers
    lazy.save(urlpath=str(tmp_path / "A.ct.b2nd"))
    with pytest.raises((RsuperError, blosc2.exceptions.UnsafeDeserializationError, ValueError, RuntimeError)):
        store(tmp_path)
