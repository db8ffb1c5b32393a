"""What a run must not do: reach for the network, tell secrets, show reports and patients where none asked."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.workflow.conftest import REMOTE, SECRETS, Project, without_network

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

REACHES = "import socket; socket.create_connection(('{}', 9), timeout=2)"


def reach(project: Project, prefix: tuple[str, ...], address: str) -> int:
    command = [*prefix, sys.executable, "-c", REACHES.format(address)]
    environment = {**project.environment, "CONNECTIONS": str(project.root / "other.txt")}
    return subprocess.run(command, env=environment, stderr=subprocess.DEVNULL, check=False).returncode


def test_the_default_path_opens_no_connection(finished: Project) -> None:
    assert reach(finished, (), "127.0.0.1") != 0
    assert "socket.connect" in (finished.root / "other.txt").read_text()  # the watch sees
    assert not finished.connections.exists(), finished.connections.read_text()


def test_the_default_path_needs_no_network(finished: Project) -> None:
    prefix = without_network()
    if not prefix:
        pytest.skip("needs a network namespace (unshare -n, as root or with user namespaces)")
    lines = subprocess.run(
        [*prefix, "cat", "/proc/net/dev"], capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"^\s*(\w+):", lines, re.MULTILINE) == ["lo"]
    assert reach(finished, prefix, "127.0.0.1") != 0
    assert (finished.results / "table2.csv").stat().st_size  # made in such a namespace


def written(project: Project) -> Iterator[Path]:
    """Every file that the run left, but the data that it was given (here: made)."""
    for folder in (project.results, project.root / ".snakemake"):
        for path in folder.rglob("*"):
            if path.is_file() and project.results / "raw" not in path.parents:
                yield path


def in_tables_of_cases(path: Path) -> bool:
    """Tables whose rows are cases, with their patient: no log, no figure."""
    return path.name == "cohort.csv" or (path.suffix == ".csv" and path.parent.name == "cases")


def holding(paths: Iterator[Path], markers: set[str]) -> list[tuple[str, str]]:
    """Files that hold a marker, or have one in their name."""
    found = []
    wanted = re.compile("|".join(sorted(map(re.escape, markers))).encode())
    for path in paths:
        hit = wanted.search(path.read_bytes()) or wanted.search(str(path).encode())
        if hit:
            found.append((str(path), hit.group().decode()))
    return found


def test_no_secret_is_told(finished: Project) -> None:
    token = REMOTE.split(":")[2].split("@")[0]
    assert holding(written(finished), {*SECRETS.values(), token}) == []


def test_patients_stand_in_tables_of_cases_alone(finished: Project) -> None:
    tables = [pd.read_csv(path, dtype=str) for path in finished.results.glob("raw/*/metadata.csv")]
    patients = {patient for table in tables for patient in table["patient_id"]}
    assert len(patients) > 40
    others = (path for path in written(finished) if not in_tables_of_cases(path))
    assert holding(others, patients) == []
    assert holding(iter([finished.results / "data" / "phantom_reports" / "cohort.csv"]), patients) != []


def test_reports_stand_nowhere(finished: Project) -> None:
    tables = [pd.read_csv(path, dtype=str) for path in finished.results.glob("raw/*/reports.csv")]
    texts = [text for table in tables for text in table["report"].dropna()]
    sentences = {
        line.strip() for text in texts for line in re.split(r"[.\n]", text) if len(line.strip()) > 20
    }
    assert len(sentences) > 50
    # Wordings on which the extraction is scored are the phantoms' own, and stand in its report.
    assert holding(written(finished), sentences) == []
    kinds = {path.suffix for path in written(finished)}
    assert {".log", ".svg", ".png", ".csv", ".md", ".tex", ".json", ".jsonl", ".html"} <= kinds
