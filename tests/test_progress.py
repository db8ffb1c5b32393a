"""One line a minute in a log, a bar on a terminal; a pseudo-terminal stands for the latter."""

import os
import pty
import re
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from rsuper import progress
from rsuper.progress import Meter, polled, tracked

ROOT = Path(__file__).parents[1]


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def passing(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def log(capsys):
    lines = []

    def written():
        lines.extend(capsys.readouterr().err.splitlines())
        return lines

    return written


def test_one_line_a_minute_and_one_at_the_end(passing, log):
    for _ in tracked(range(600), "internal"):
        passing.now += 0.5  # 300 s in all
    assert log() == [
        "internal: 120/600 cases (20%), 0:04:00 left",
        "internal: 240/600 cases (40%), 0:03:00 left",
        "internal: 360/600 cases (60%), 0:02:00 left",
        "internal: 480/600 cases (80%), 0:01:00 left",
        "internal: 600/600 cases (100%), took 0:05:00",
    ]


def test_slow_steps_have_a_line_each(passing, log):
    with Meter("fit", 3, "steps", note=lambda: "much memory") as meter:
        for _ in range(3):
            passing.now += 3600
            meter.step()
    assert log()[0] == "fit: 1/3 steps (33%), 2:00:00 left, much memory"
    assert len(log()) == 3


def test_what_was_done_before_is_no_speed(passing, log):
    with Meter("fit", 100, "steps", done=90) as meter:
        passing.now += 60
        meter.step(5)
    assert log()[0] == "fit: 95/100 steps (95%), 0:01:00 left"


def test_an_unknown_number_has_no_time_left(passing, log):
    for _ in tracked(iter("abc"), "reading", unit="files"):
        passing.now += 60
    assert log() == [
        "reading: 1 files",
        "reading: 2 files",
        "reading: 3 files",
        "reading: 3 files, took 0:03:00",
    ]


def test_what_fails_says_nothing_at_the_end(passing, log):
    with pytest.raises(KeyError), Meter("x", 3):
        raise KeyError
    for _ in tracked([1, 2, 3], "x"):
        break
    assert log() == []


def test_polling_tells_what_another_does(monkeypatch, log, tmp_path):
    monkeypatch.setattr(progress, "POLL_S", 0.01)
    monkeypatch.setattr(progress, "LINE_S", 0.0)
    made = tmp_path / "made"

    def count():
        return len(list(made.iterdir()))  # not there at first: no answer

    with polled("phantom", 2, count) as meter:
        time.sleep(0.05)
        made.mkdir()
        (made / "1").touch()
        while meter.done < 1:
            time.sleep(0.01)
        (made / "2").touch()
    assert log()[-1] == "phantom: 2/2 cases (100%), took 0:00:00"
    assert "phantom: 1/2 cases (50%), 0:00:00 left" in log()


JOB = """
import sys, time
from contextlib import redirect_stderr
from rsuper import progress
progress.BAR_S = 0.05
with open(sys.argv[1], "w") as log, redirect_stderr(log):
    for _ in progress.tracked(range(40), sys.argv[2]):
        time.sleep(0.02)
"""


def on_a_terminal(commands, folder):
    """Run commands side by side on one pseudo-terminal and return all that it got."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen(command, stderr=theirs, cwd=folder, env=environment) for command in commands]
    os.close(theirs)
    got = b""
    try:
        while part := os.read(ours, 4096):
            got += part
    except OSError:  # the last process has ended
        pass
    os.close(ours)
    assert [process.wait() for process in running] == [0] * len(running)
    return got.decode()


def test_a_bar_on_a_terminal_and_lines_in_the_log(tmp_path):
    got = on_a_terminal([[sys.executable, "-c", JOB, "a.log", "internal"]], tmp_path)
    bars = [part for part in got.split("\r") if "internal" in part]
    assert len(bars) > 3
    assert re.search(r"internal: +\d+%\|[# \d]*\| \d+/40 \[00:0\d<00:0\d", bars[-1])
    assert "\n" not in got  # it goes, and leaves the line to whoever comes next
    assert got.rstrip(" \r").rsplit("\r", 1)[-1] == bars[-1].rstrip()
    assert (tmp_path / "a.log").read_text() == "internal: 40/40 cases (100%), took 0:00:01\n"


def test_of_two_jobs_one_at_a_time_has_the_terminal(tmp_path):
    jobs = [[sys.executable, "-c", JOB, f"{name}.log", name] for name in ("first", "other")]
    got = on_a_terminal(jobs, tmp_path)
    order = re.findall(r"first|other", got)
    changes = sum(a != b for a, b in pairwise(order))
    assert changes <= 1
    assert len(order) > 3


def test_off_a_terminal_there_is_no_bar(tmp_path):
    command = [sys.executable, "-c", JOB, "a.log", "internal"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "a.log").read_text().count("\n") == 1


def test_without_a_terminal_tqdm_is_not_even_imported(tmp_path):
    code = "import sys, rsuper.progress as p; list(p.tracked([1], 'x')); print('tqdm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
