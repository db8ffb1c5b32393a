"""One run of the whole workflow on config/micro.yaml, in a copy of the project, shared by these tests."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "config", "methods", "profiles", "rsuper", "workflow")


@dataclass(frozen=True)
class Project:
    """A copy of the project that a test may edit and run."""

    root: Path
    prefix: tuple[str, ...] = ()  # of every command

    @property
    def results(self) -> Path:
        return self.root / "results" / "micro"

    def command(self, *arguments: str, config: str = "config/micro.yaml") -> list[str]:
        return [
            *self.prefix,
            sys.executable,
            "-m",
            "snakemake",
            "--cores",
            "2",
            "--config",
            f"experiment={config}",
            "--",
            *arguments,
        ]

    @property
    def environment(self) -> dict[str, str]:
        # The copy's own package wins over the installed one; a method edited here must not train there.
        own = {"PYTHONPATH": str(self.root), "OMP_NUM_THREADS": "1", "CONNECTIONS": str(self.connections)}
        return {**os.environ, **own, **SECRETS}

    @property
    def connections(self) -> Path:
        """What `watch_connections` noted."""
        return self.root / "connections.txt"

    def run(self, *arguments: str, config: str = "config/micro.yaml", options: tuple[str, ...] = ()) -> str:
        """Run Snakemake and return everything it printed; fails the test where it fails."""
        done = self.attempt(*arguments, config=config, options=options)
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    def attempt(
        self, *arguments: str, config: str = "config/micro.yaml", options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake and return what happened."""
        command = self.command(*arguments, config=config)
        place = len(self.prefix) + 3
        command[place:place] = options
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def planned(self, *arguments: str, config: str = "config/micro.yaml") -> dict[str, list[str]]:
        """Rules that a call would run, each with its jobs' outputs."""
        text = self.run(*arguments, config=config, options=("--dry-run",))
        jobs: dict[str, list[str]] = {}
        rule = ""
        for line in text.splitlines():
            if line.startswith(("rule ", "localrule ")):
                rule = line.split()[1].rstrip(":")
            elif line.strip().startswith("output:") and rule != "all":
                jobs.setdefault(rule, []).append(line.split("output:")[1].strip())
        return jobs


def copy_project(folder: Path) -> Project:
    """Copy what the workflow consists of, without results."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part)
    return Project(folder)


def gpu_times(project: Project) -> dict[str, list[tuple[datetime, datetime, str]]]:
    """Per GPU, in order: from when to when which job held it, as the jobs' logs tell."""
    held: dict[str, list[tuple[datetime, datetime, str]]] = {}
    for path in sorted((project.results / "logs").rglob("*.log")):
        text = path.read_text(encoding="utf-8", errors="replace")
        taken, returned = (
            re.findall(rf"GPU (\S+) {word} at (\S+)", text) for word in ("taken", "given back")
        )
        assert [devices for devices, _ in taken] == [devices for devices, _ in returned], path
        for (devices, start), (_, end) in zip(taken, returned, strict=True):
            for device in devices.split(","):
                times = datetime.fromisoformat(start), datetime.fromisoformat(end)
                held.setdefault(device, []).append((*times, str(path.relative_to(project.results))))
    return {device: sorted(times) for device, times in held.items()}


def assert_never_shared(times: dict[str, list[tuple[datetime, datetime, str]]]) -> None:
    """No two jobs held a GPU at one time."""
    for device, jobs in times.items():
        for (_, end, first), (start, _, second) in pairwise(jobs):
            assert end <= start, (device, first, second)


# Of the environment of every run: no file may hold them afterwards.
SECRETS = {
    "HF_TOKEN": "hf_q7Zx81marker",
    "AWS_SECRET_ACCESS_KEY": "wJalr9marker",
    "SITE_PASSWORD": "pw5Qmarker",
}
REMOTE = "https://someone:ghp_m4rkerToken@example.org/site.git"
WATCH = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        if event.endswith(("connect", "sendto")) and arguments[0].family.name == "AF_UNIX":
            return
        with open(os.environ["CONNECTIONS"], "a") as file:
            file.write(f"{event} {arguments[1:] or arguments} by {sys.argv[:3]}\\n")

if "CONNECTIONS" in os.environ:
    sys.addaudithook(watch)
"""


def without_network() -> tuple[str, ...]:
    """Beginning of a command that runs without any network; nothing where this machine does not allow it."""
    for words in (("unshare", "-n"), ("unshare", "-r", "-n")):
        if (
            shutil.which("unshare")
            and subprocess.run([*words, "true"], stderr=subprocess.DEVNULL).returncode == 0
        ):
            return words
    return ()


def watch_connections(project: Project) -> None:
    """Let every process of Python's write down what it tries to reach."""
    (project.root / "sitecustomize.py").write_text(WATCH)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The micro experiment, run to the end: without a network, with secrets in its environment."""
    copied = copy_project(tmp_path_factory.mktemp("project"))
    subprocess.run(["git", "init", "--quiet", str(copied.root)], check=True)
    subprocess.run(["git", "-C", str(copied.root), "remote", "add", "origin", REMOTE], check=True)
    watch_connections(copied)
    Project(copied.root, without_network()).run("all", "report")
    return copied
