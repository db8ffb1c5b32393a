"""README: its commands run on config/micro.yaml, its table is made from files, its map leads somewhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.figures import readme_results
from rsuper.publish.rows import PAPER_ROWS
from tests.workflow.conftest import ROOT, Project

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
MICRO = "config/micro.yaml"
# Commands that other tests run to the letter, each with the test that does.
ELSEWHERE = {
    "make new-method NAME=my_idea": "tests/workflow/test_new_method.py",
    "make test-method NAME=my_idea": "tests/workflow/test_new_method.py",
}
# Commands that are run as they are; all others on micro.yaml.
AS_THEY_ARE = ("make help", "make config-show", "make table2 CONFIG=config/paper.yaml")


def test_every_command_is_in_one_of_the_lists():
    assert len(COMMANDS) > 10
    assert set(ELSEWHERE) <= set(COMMANDS)
    for command, test in ELSEWHERE.items():
        text = (ROOT / test).read_text(encoding="utf-8")
        assert "new-method.md" in text, f"{test} does not follow the document with `{command}`"
        assert command in (ROOT / "docs" / "new-method.md").read_text(encoding="utf-8")
    assert all(any(c.startswith(start) for c in COMMANDS) for start in AS_THEY_ARE)


def test_the_set_up_is_two_commands():
    assert BLOCKS[0].count("\n") == 2
    assert [line.split("#")[0].strip() for line in BLOCKS[0].splitlines()] == ["make table2", "make test"]


def on_micro(command: str) -> str:
    """The same command for the experiment of seconds."""
    if command.startswith(AS_THEY_ARE):
        return command
    if command.startswith("make"):
        return re.sub(r" CONFIG=\S+|$", f" CONFIG={MICRO}", command, count=1)
    return command.replace("results/", f"--config experiment={MICRO} -- results/micro/")


@pytest.fixture(scope="module")
def checkout(finished: Project) -> Path:
    """The finished run in what looks like a clone with its environment set up."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "tests", "docs", "README.md"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, finished.root / name)
    venv = finished.root / ".venv"
    venv.mkdir()
    for part in ("bin", "lib"):
        (venv / part).symlink_to(Path(sys.prefix) / part)
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", venv)
    (venv / ".installed").touch()
    return finished.root


@pytest.mark.slow
@pytest.mark.workflow
@pytest.mark.xdist_group("workflow")
@pytest.mark.parametrize("command", [c for c in dict.fromkeys(COMMANDS) if c not in ELSEWHERE])
def test_the_command_does_it(checkout: Path, command: str) -> None:
    if command == "make test":
        command = "make -n test"  # this is one of its tests
    path = f"{checkout / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["bash", "-c", on_micro(command)],
        cwd=checkout,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Traceback" not in done.stdout


def test_the_table_of_results_is_what_the_files_say():
    found = TEXT.partition(readme_results.BEGIN)[2].partition(readme_results.END)[0].strip()
    assert found == readme_results.table().strip()


def test_the_map_names_folders_and_targets_that_are_there():
    section = TEXT.partition("## From the paper to the folder")[2].partition("\n## ")[0]
    folders = set(re.findall(r"`((?:methods|rsuper)/[\w/.]+)`", section))
    assert len(folders) > 10
    assert [name for name in folders if not (ROOT / name).exists()] == []
    cards = {path.parent.name for path in (ROOT / "methods").glob("*/method.yaml")}
    mapped = {name.split("/")[1] for name in folders if name.startswith("methods/")}
    assert mapped <= cards
    paradigms = {method.partition("-")[0] for _, _, method in PAPER_ROWS}
    assert mapped >= paradigms


def test_the_picture_is_of_the_study_that_is_kept(tmp_path):
    subprocess.run([sys.executable, str(ROOT / "docs" / "figures" / "finding.py"), str(tmp_path)], check=True)
    assert (tmp_path / "finding.png").read_bytes() == (ROOT / "docs" / "figures" / "finding.png").read_bytes()
