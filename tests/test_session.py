import os
import shutil
import subprocess
import sys

import pytest

from rsuper import session
from rsuper.errors import ConfigError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(session.VARIABLE, raising=False)
    yield tmp_path
    os.environ.pop(session.VARIABLE, None)


def test_jobs_go_on_while_their_snakemake_counts_as_alive(folder, monkeypatch):
    session.check()  # no cluster, no session
    session.begin()
    (folder / "deeper").mkdir()
    monkeypatch.chdir(folder / "deeper")
    session.check()


def test_unlocking_ends_it(folder):
    session.begin()
    shutil.rmtree(folder / ".snakemake" / "locks")
    with pytest.raises(ConfigError, match="submitted by a Snakemake that was killed"):
        session.check()


def test_another_session_does_not_end_it(folder):
    session.begin()
    first = os.environ[session.VARIABLE]
    session.begin()
    assert os.environ[session.VARIABLE] != first
    session.end()
    os.environ[session.VARIABLE] = first
    session.check()
    session.end()
    session.end()
    assert list((folder / ".snakemake" / "locks").iterdir()) == []


NOTE = """
import sys
from rsuper.session import lock_note
print(lock_note(), flush=True)
sys.stdin.read()
"""


def snakemake_lookalike():
    """A process that says what it sees, and lives until its input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", NOTE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline()


def test_a_lock_is_said_to_be_of_one_that_runs_or_of_one_that_was_killed(folder):
    first, said = snakemake_lookalike()
    assert said == "\n"
    second, said = snakemake_lookalike()
    assert said.startswith(f"Another Snakemake is at work in this folder (process {first.pid})")
    second.communicate()
    (folder / ".snakemake" / "locks").mkdir()
    lock = folder / ".snakemake" / "locks" / "0.input.lock"
    lock.touch()
    first.kill()
    first.communicate()
    third, said = snakemake_lookalike()
    assert "was killed and left its lock" in said
    assert "`make unlock`" in said
    third.communicate()
    lock.unlink()
    last, said = snakemake_lookalike()
    assert said == "\n"
    last.communicate()
    assert len(list(session.PRESENT.iterdir())) == 1  # marks of the dead do not gather


def test_a_folder_that_cannot_be_written_says_nothing(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(session, "try_lock", refuse)
    assert session.lock_note() == ""
