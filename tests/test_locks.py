import errno
import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest

from rsuper import locks
from rsuper.locks import alone, holder, try_lock

HOLD = """
import sys, time
from pathlib import Path
from rsuper.locks import alone
with alone(Path(sys.argv[1])):
    print("held", time.time(), flush=True)
    time.sleep(float(sys.argv[2]))
    print("left", time.time(), flush=True)
"""


def hold(path, seconds):
    command = [sys.executable, "-c", HOLD, str(path), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_one_at_a_time(tmp_path):
    path = tmp_path / "new" / "a.lock"
    first = try_lock(path)
    assert first is not None
    assert try_lock(path) is None
    assert holder(path) == f"process {os.getpid()}"
    os.close(first)
    again = try_lock(path)
    assert again is not None
    os.close(again)


def test_a_killed_process_gives_it_back(tmp_path):
    path = tmp_path / "a.lock"
    process = hold(path, 600)
    assert process.stdout.readline().startswith("held")
    assert try_lock(path) is None
    assert holder(path) == f"process {process.pid}"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    descriptor = try_lock(path)
    assert descriptor is not None
    os.close(descriptor)


def test_a_second_process_waits_and_says_so(tmp_path):
    path = tmp_path / "a.lock"
    first = hold(path, 1.0)
    assert first.stdout.readline().startswith("held")
    second = hold(path, 0)
    left = float(first.communicate()[0].split()[1])
    out, said = second.communicate()
    assert float(out.split()[1]) >= left
    assert said == (f"{path}: held by process {first.pid}, which may be of an earlier run; waiting for it\n")


def test_children_keep_it_until_they_end(tmp_path):
    path = tmp_path / "a.lock"
    descriptor = try_lock(path)
    child = os.fork()
    if not child:
        time.sleep(0.5)
        os._exit(0)
    os.close(descriptor)
    assert try_lock(path) is None
    os.waitpid(child, 0)
    again = try_lock(path)
    assert again is not None
    os.close(again)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch, capsys, code):
    def refuse(descriptor, operation):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with alone(tmp_path / "a.lock"):
        pass
    assert "no locks on this file system" in capsys.readouterr().err


def test_other_errors_are_not_swallowed(tmp_path, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="broken"), alone(tmp_path / "a.lock"):
        pass


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "a.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"a\.lock"):
        try_lock(tmp_path / "a.lock")
