"""A finished micro experiment, copies of it to be disturbed, and calls of Snakemake in them."""

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLES = [f"{name}.{kind}" for name in ("table2", "table2_validation") for kind in ("csv", "md", "tex")]
TABLES += ["metrics.csv", "comparisons.csv", "supervision.json"]
LIMIT_S = 600  # a call that takes longer hangs


@dataclass(frozen=True)
class Ended:
    """How a call of Snakemake ended: exit status and everything it printed."""

    status: int
    said: str


@dataclass(frozen=True)
class Project:
    """A folder with an experiment's results.

    Attributes:
        folder: in which Snakemake is called.
        experiment: file; where it is relative, below the folder of the code.
        code: folder of the Snakefile.
        late: disturb only the last jobs, which take seconds.
    """

    folder: Path
    experiment: Path = ROOT / "tests" / "faults" / "experiment.yaml"
    code: Path = ROOT
    late: bool = False

    @property
    def results(self) -> Path:
        """The experiment's own folder."""
        text = (self.code / self.experiment).read_text(encoding="utf-8")
        named = re.search(r"^name: (\S+)", text, re.MULTILINE)
        assert named
        return self.folder / "results" / named[1]

    def at(self, folder: Path) -> "Project":
        """A real copy, with the times of its files."""
        folder.mkdir(parents=True, exist_ok=True)
        for part in ("results", ".snakemake"):
            shutil.copytree(self.folder / part, folder / part)
        if (
            not self.experiment.is_absolute()
        ):  # jobs have its name as it is given: another would be another job
            (folder / "config").symlink_to(self.code / "config")
        return replace(self, folder=folder)

    def start(
        self, *options: str, cores: int = 2, wrapper: tuple[str, ...] = (), **environment: str
    ) -> subprocess.Popen[str]:
        """Start Snakemake as the leader of a process group; its output goes to `log()`."""
        forms = [
            str(self.results.relative_to(self.folder) / name) for name in ("metrics.csv", "comparisons.csv")
        ]
        command = [*wrapper, sys.executable, "-m", "snakemake", "--snakefile", str(self.code / "Snakefile")]
        command += [
            "--cores",
            str(cores),
            *options,
            "--config",
            f"experiment={self.experiment}",
            "--",
            "table2",
            *forms,
        ]
        with self.log(new=True).open("w", encoding="utf-8") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(self.code), "OMP_NUM_THREADS": "1", **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def log(self, *, new: bool = False) -> Path:
        """File with what the last call printed, or the next one will."""
        place = self.folder.parent / f"{self.folder.name}.said"
        place.mkdir(exist_ok=True)
        number = len(list(place.iterdir())) + (1 if new else 0)
        return place / f"{number}.txt"

    def ended(self, process: subprocess.Popen[str], log: Path) -> Ended:
        """Wait for a call that was started."""
        try:
            status = process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
        return Ended(status, log.read_text(encoding="utf-8", errors="replace"))

    def run(self, *options: str, cores: int = 2, wrapper: tuple[str, ...] = (), **environment: str) -> Ended:
        """Call Snakemake and wait."""
        process = self.start(*options, cores=cores, wrapper=wrapper, **environment)
        return self.ended(process, self.log())

    def tables(self) -> dict[str, bytes]:
        """What the tables hold, byte by byte; those that are missing are not among them."""
        paths = [self.results / name for name in TABLES]
        return {path.name: path.read_bytes() for path in paths if path.is_file()}


def descendants(pid: int) -> list[tuple[int, str]]:
    """Living processes below one, each with its command line."""
    found, known = [], {pid}
    rows = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                parent = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
                command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (OSError, IndexError):
                continue
            rows.append((int(place.name), parent, command))
    grown = True
    while grown:
        grown = False
        for child, parent, command in rows:
            if parent in known and child not in known:
                known.add(child)
                found.append((child, command))
                grown = True
    return found
