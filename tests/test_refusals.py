import errno
import os
import shlex
import subprocess
import time

import pytest

from rsuper import refusals
from rsuper.errors import ArtifactError, MachineError
from rsuper.refusals import cannot_write, refusal, refuse_the_future


def error_of(number, path="results/a.csv"):
    return OSError(number, os.strerror(number), path)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (error_of(errno.ENOSPC), "results/a.csv: No space left on device: make room on that disk"),
        (error_of(errno.EDQUOT), "make room on that disk"),
        (error_of(errno.EROFS), "results/a.csv: Read-only file system: make it writable for you"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), "x: Permission denied: make it writable"),
        (error_of(errno.EMFILE), "allow more open files"),
        (MemoryError(), r"memory ran out.*\(out of memory\)"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), "memory ran out"),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."), "memory ran out"),
        (ImportError("libtorch.so: failed to map segment from shared object"), "memory ran out"),
        (OSError("libgomp.so.1: failed to map segment from shared object"), "memory ran out"),
    ],
)
def test_what_the_machine_refuses_is_told_with_a_remedy(tmp_path, error, told):
    found = refusal(error, tmp_path)
    assert isinstance(found, MachineError)
    with pytest.raises(MachineError, match=told):
        raise found
    assert str(found).endswith("then run the same command again: what is finished is kept")


def test_the_cause_behind_another_error_is_found(tmp_path):
    outer = RuntimeError("file write failed")
    outer.__cause__ = error_of(errno.ENOSPC)
    assert "No space left" in str(refusal(outer, tmp_path))


def test_an_error_of_ours_is_not_explained_away(tmp_path):
    assert refusal(ValueError("axis 3 is out of bounds"), tmp_path) is None
    assert refusal(FileNotFoundError(errno.ENOENT, "No such file", "x"), tmp_path) is None


def test_a_full_disk_explains_what_a_library_hides(tmp_path, monkeypatch):
    monkeypatch.setattr(refusals, "free_bytes", lambda folder: 4096)
    assert "no space left" in str(refusal(RuntimeError("PytorchStreamWriter failed"), tmp_path))


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_run(tmp_path, monkeypatch):
    assert cannot_write([tmp_path / "results" / "new"]) == ""
    assert list(tmp_path.iterdir()) == []

    def refuse(**_):
        raise error_of(errno.EROFS, str(tmp_path))

    monkeypatch.setattr(refusals.tempfile, "TemporaryFile", refuse)
    assert cannot_write([tmp_path / "results"]).startswith(
        f"{tmp_path}: Read-only file system: make it writable"
    )


def test_files_of_the_future_are_refused_before_jobs_are_run(tmp_path):
    folder = tmp_path / "results" / "runs"
    folder.mkdir(parents=True)
    for name in ("a.csv", "b.csv"):
        (folder / name).touch()
    folders = [tmp_path / "results", folder, tmp_path / "none"]
    refuse_the_future(tmp_path / "results", folders)
    for name in ("a.csv", "b.csv"):
        os.utime(folder / name, (time.time() + 86400,) * 2)
    with pytest.raises(ArtifactError, match=r"a\.csv \(and 1 more\): written in the future") as caught:
        refuse_the_future(tmp_path / "results", folders)
    command = str(caught.value).rpartition("run again: ")[2]
    subprocess.run(shlex.split(command), check=True)
    refuse_the_future(tmp_path / "results", folders)
