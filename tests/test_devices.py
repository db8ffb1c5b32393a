import os
import re
import signal
import subprocess
import sys
from datetime import datetime
from itertools import pairwise
from types import SimpleNamespace

import pytest

from rsuper import devices
from rsuper.devices import device_of, lent, visible_devices
from rsuper.errors import ConfigError

JOB = """
import os, sys, time
from rsuper.devices import lent
with lent(int(sys.argv[1])) as held:
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ",".join(held)
    print(",".join(held), flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def two(tmp_path, monkeypatch):
    """Two pretend GPUs."""
    monkeypatch.setenv(devices.LOCKS, str(tmp_path / "locks"))
    monkeypatch.setenv(devices.VISIBLE, "0,1")
    return tmp_path


def job(count, seconds):
    command = [sys.executable, "-c", JOB, str(count), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("0,1", ["0", "1"]),
        (" 3 , GPU-8932f937-d72c ", ["3", "GPU-8932f937-d72c"]),
        ("MIG-GPU-5a/1/0", ["MIG-GPU-5a/1/0"]),
        ("0,-1,1", ["0"]),
        ("NoDevFiles", []),
        ("", []),
    ],
)
def test_devices_that_are_named(named, expected, tmp_path):
    (tmp_path / "nvidia0").touch()
    assert visible_devices({devices.VISIBLE: named}, tmp_path) == expected


def test_devices_of_the_machine(tmp_path):
    assert visible_devices({}, tmp_path) == []
    for name in ("nvidia3", "nvidia7", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert visible_devices({}, tmp_path) == ["0", "1"]  # CUDA numbers from 0 what a container was given


@pytest.mark.parametrize(
    ("gpu", "config", "expected"),
    [(1, {}, "cuda"), (1, {"device": "auto"}, "cuda"), (1, {"device": "cpu"}, "cpu"), (0, {}, "cpu")],
)
def test_where_networks_run(gpu, config, expected):
    assert device_of(SimpleNamespace(resources={"gpu": gpu}, config=config)) == expected
    assert device_of(SimpleNamespace(resources={}, config=config)) == "cpu"


def test_never_two_jobs_on_one(two):
    jobs = [job(count, 0.3) for count in (1, 1, 2, 1, 1, 2)]
    held = {}
    for process in jobs:
        out, said = process.communicate()
        assert process.returncode == 0, said
        (start,) = re.findall(r"taken at (\S+)", said)
        (end,) = re.findall(r"given back at (\S+)", said)
        for device in out.strip().split(","):
            held.setdefault(device, []).append((datetime.fromisoformat(start), datetime.fromisoformat(end)))
    assert set(held) == {"0", "1"}
    assert sum(map(len, held.values())) == 8
    for times in held.values():
        assert all(end <= start for (_, end), (start, _) in pairwise(sorted(times)))


def test_a_killed_job_gives_its_device_back(two):
    first = job(2, 600)
    assert first.stdout.readline() == "0,1\n"
    second = job(1, 0)
    assert second.stderr.readline() == (
        f"waiting for 1 of the GPUs (0: process {first.pid}; 1: process {first.pid})\n"
    )
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert second.communicate()[0] == "0\n"


def test_the_environment_is_as_before(two, monkeypatch):
    with lent(1) as held:
        assert held == [os.environ[devices.VISIBLE]] == ["0"]
        with lent(0) as none:
            assert none == []
            assert os.environ[devices.VISIBLE] == ""
    assert os.environ[devices.VISIBLE] == "0,1"
    monkeypatch.delenv(devices.VISIBLE)
    with lent(0):
        assert os.environ[devices.VISIBLE] == ""
    assert devices.VISIBLE not in os.environ


def test_too_many_are_refused(two):
    with pytest.raises(ConfigError, match=r"asks for 3 GPUs, but 2 can be seen here"), lent(3):
        pass


def test_a_schedulers_jobs_number_their_own_devices(two, monkeypatch):
    monkeypatch.delenv(devices.LOCKS)
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(two))
    monkeypatch.setenv(devices.VISIBLE, "0")
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    with lent(1):
        monkeypatch.setenv("SLURM_JOB_ID", "2")
        monkeypatch.setenv(devices.VISIBLE, "0")
        with lent(1) as held:  # waits for ever if the first job's 0 were taken for its own
            assert held == ["0"]
    folder = two / "rsuper-devices"
    assert folder.stat().st_mode & 0o7777 == 0o1777
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.lock")) == [
        "1/0.lock",
        "2/0.lock",
    ]
