"""A process that trains opens no file of reports. A watch cannot be taken off: subprocesses."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from pathlib import Path
from rsuper.report_guard import refuse_to_open
folder = Path(sys.argv[1])
refuse_to_open([folder / "findings.jsonl", folder / "not_there.csv"], "my_method-variant")
print("other:", (folder / "other.csv").read_text())
{attempt}
print("read it")
"""
REFUSED = [
    'open(folder / "findings.jsonl")',
    '(folder / "sub" / ".." / "findings.jsonl").read_text()',
    'import os; os.open(str(folder / "findings.jsonl"), os.O_RDONLY)',
    'import os; os.chdir(folder); open(b"findings.jsonl", "rb")',
    '(folder / "link.txt").read_bytes()',
    'import pandas; pandas.read_csv(folder / "findings.jsonl")',
    'import numpy; numpy.loadtxt(folder / "findings.jsonl", dtype=str)',
    'open(folder / "not_there.csv", "w")',
    'import sqlite3; sqlite3.connect(folder / "findings.jsonl")',
]


def attempt(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    (folder / "findings.jsonl").write_text("a 2 cm mass\n")
    (folder / "other.csv").write_text("fine")
    (folder / "sub").mkdir()
    (folder / "link.txt").symlink_to(folder / "findings.jsonl")
    script = SCRIPT.replace("{attempt}", code)
    return subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("code", REFUSED)
def test_a_file_of_reports_cannot_be_opened_by_any_name(tmp_path, code):
    done = attempt(tmp_path, code)
    assert done.returncode == 1
    assert done.stdout == "other: fine\n"
    assert "MethodError: method 'my_method-variant' opened" in done.stderr
    assert "methods/my_method/method.yaml" in done.stderr


def test_everything_else_can(tmp_path):
    done = attempt(tmp_path, 'open(folder / "new.csv", "w").write("x"); open(0)')
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("read it\n")


def test_every_file_that_tells_of_reports_is_on_the_list(collection):
    names = {path.name for path in collection.report_files()}
    assert names == {
        "reports.csv",
        "stated.jsonl",
        "findings.jsonl",
        "cohort.csv",
        "seed-0.csv",
        "answers.sqlite",
    }
