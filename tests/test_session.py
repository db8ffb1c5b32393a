import os
import shutil

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
