"""docs/new-method.md, followed to the letter in a copy of the project: seconds per step, and what changed.

    python benchmarks/new_method.py --out results/reference/new_method

Nothing is trained before: the rows beside the new one are part of the time of `make report`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "new-method.md"
LOOK = "look"  # title of a block that is run by Python, not written to a file
LEFT_OUT = (".git", ".venv*", ".snakemake", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "build")
_BLOCK = re.compile(r'```(\w+)(?: title="([^"]+)")?\n(.*?)```', re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A command, or a file with its content."""

    file: str  # "" for a command
    text: str

    @property
    def what(self) -> str:
        """The command, or what is done with the file."""
        return f"write {self.file}" if self.file else self.text


def steps(document: str) -> Iterator[Step]:
    """Yield what the blocks of a document ask for, in order, one command at a time."""
    for language, title, content in _BLOCK.findall(document):
        if title == LOOK:
            yield Step("", f".venv/bin/python -c '{content}'")
        elif language == "sh":
            for line in content.splitlines():
                yield Step("", line)
        else:
            assert title, f"a block of {language} without a file"
            yield Step(title, content)


def copied(folder: Path) -> Path:
    """Copy the project, commit the copy, and let it use the environment that this process runs in."""
    if not folder.exists():
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT, "results"))
    venv = folder / ".venv"
    venv.mkdir()
    for path in Path(sys.prefix).iterdir():
        (venv / path.name).symlink_to(path)
    stamp = venv / ".installed"
    stamp.unlink(missing_ok=True)
    stamp.touch()  # younger than pyproject.toml: make has nothing to install
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "as it is"]):
        git(folder, *words)
    return folder


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, as nobody in particular."""
    command = ["git", "-c", "user.name=nobody", "-c", "user.email=nobody@example.org", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def walk(folder: Path, document: str) -> Iterator[tuple[Step, float, str]]:
    """Do what a document says; yield each step, the seconds it took and what it printed.

    Raises:
        RuntimeError: a command failed; its output is the message.
    """
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    for step in steps(document):
        started = time.perf_counter()
        if step.file:
            (folder / step.file).write_text(step.text, encoding="utf-8")
            yield step, time.perf_counter() - started, ""
            continue
        done = subprocess.run(
            ["bash", "-c", step.text],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{step.text}: exit {done.returncode}\n{done.stdout[-6000:]}")
        yield step, time.perf_counter() - started, done.stdout


def main() -> None:
    """Walk, and write times.csv, changed.txt and table2.csv."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = copied(Path(name) / "project")
        rows: list[dict[str, str | float]] = []
        for step, seconds, _ in walk(folder, DOCUMENT.read_text(encoding="utf-8")):
            print(f"{seconds:7.1f} s  {step.what.splitlines()[0][:90]}", flush=True)
            rows.append({"step": step.what.splitlines()[0], "seconds": round(seconds, 1)})
        pd.DataFrame(rows).to_csv(out / "times.csv", index=False)
        git(folder, "add", "--all")
        changed = git(folder, "diff", "--cached", "--stat")
        (out / "changed.txt").write_text(changed, encoding="utf-8")
        table = pd.read_csv(folder / "results" / "micro" / "table2.csv")
        kept = ["block", "budget", "method", "label", "status", "kidney_external_auc", "kidney_external_dsc"]
        table.loc[table["status"] == "run", kept].to_csv(out / "table2.csv", index=False)
    print(f"{pd.DataFrame(rows)['seconds'].sum():7.1f} s\n{changed}", end="")


if __name__ == "__main__":
    main()
