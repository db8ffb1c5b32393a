"""What somebody at a terminal sees: runs by name, and of a job that fails its last words, once."""

import os
import pty
import re
import shutil
import subprocess
import termios
from pathlib import Path

import pytest

from tests.workflow.conftest import Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("messages")]

LOG = "results/micro/logs/phantom/phantom_masks.log"
TARGET = "results/micro/raw/phantom_masks/metadata.csv"
BUG = '    {}["no such key"]\n'
USERS = '    from rsuper.errors import DataError\n    raise DataError("case 7: no CT: add it")\n'
KILLED = """    import os, signal, sys
    sys.stderr.write("".join(f"line {number}\\n" for number in range(500)))
    os.kill(os.getpid(), signal.SIGKILL)
"""
SLOW = """    import time
    from rsuper.progress import tracked
    for _ in tracked(range(30), "slow"):
        time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copy_project(tmp_path_factory.mktemp("messages"))


@pytest.fixture
def broken(project: Project):
    """A script whose `main` does something else first."""
    path = project.root / "workflow" / "scripts" / "phantom.py"
    content = path.read_text(encoding="utf-8")

    def do(words: str) -> Project:
        changed = re.sub(r"(def main.*\n    \"\"\".*\n)", lambda found: found[1] + words, content)
        assert (changed != content) == bool(words)
        path.write_text(changed, encoding="utf-8")
        return project

    yield do
    path.write_text(content, encoding="utf-8")
    shutil.rmtree(project.root / "results", ignore_errors=True)


@pytest.mark.parametrize(
    ("words", "said", "log_lines"),
    [
        (BUG, "KeyError: 'no such key'", None),
        (USERS, "DataError: case 7: no CT: add it", 1),
        (KILLED, "line 499", 15),
    ],
    ids=["bug", "users", "killed"],
)
def test_a_failed_job_says_its_last_lines_once(broken, words: str, said: str, log_lines: int | None) -> None:
    done = broken(words).attempt(TARGET)
    assert done.returncode != 0
    text = done.stdout
    assert text.count(said) == 1
    _, _, after = text.partition(f"    last lines of {LOG}: \n")
    shown = [line for line in after.splitlines() if line.startswith("        ")]
    assert said in shown[-1]
    assert log_lines is None or len(shown) == log_lines
    assert ("Traceback (most recent call last):" in text) == (words is BUG)
    assert "A job failed; what was finished is kept." in text
    if words is KILLED:
        assert "SIGKILL" in text
        assert "line 484" not in text


def test_a_script_that_cannot_begin_says_so(broken) -> None:
    project = broken("")
    path = project.root / "workflow" / "scripts" / "phantom.py"
    path.write_text("import no_such_package\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    text = project.attempt(TARGET).stdout
    assert text.count("No module named 'no_such_package'") == 1
    assert f"last lines of {LOG}: none: it ended before it wrote any" in text


def test_runs_are_named_by_method_and_budget(project: Project) -> None:
    shown = project.run("results/micro/table1.csv")
    assert "Writing results/micro/table1.csv" in shown
    assert "Shell command" not in shown
    dry = project.run("table2", options=("--dry-run",))
    assert "rule fit:" in dry  # everything that is known of a job
    rules = Path("workflow/rules/train.smk")
    text = (project.root / rules).read_text(encoding="utf-8")
    for words in ("Training", "Predicting with"):
        assert (
            f"{words} {{wildcards.method}} at budget {{wildcards.budget}}, seed {{wildcards.seed}} (log"
            in text
        )


def test_a_bar_under_snakemake_on_a_terminal(broken) -> None:
    project = broken(SLOW)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    process = subprocess.Popen(
        project.command(TARGET), cwd=project.root, env=project.environment, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    got = b""
    try:
        while part := os.read(ours, 4096):
            got += part
    except OSError:  # the last process has ended
        pass
    os.close(ours)
    assert process.wait() == 0, got.decode()[-4000:]
    text = got.decode()
    assert re.search(r"\rslow: +\d+%\|[# \d]*\| \d+/30 \[00:0\d<00:0\d, ", text)
    assert f"Making the CTs and reports of phantom_masks (log {LOG})" in text
    lines = (project.root / LOG).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("slow: 30/30 cases (100%), took 0:00:0")
    assert lines[1].startswith("phantom_masks: 10/10 cases (100%), took 0:00:0")
    assert len(lines) == 2
