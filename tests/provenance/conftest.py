"""A results folder of four jobs, made in milliseconds: a phantom, a training, its metrics, a table."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rsuper.config.experiment import Experiment
from rsuper.provenance.jobs import recorded
from rsuper.provenance.listing import MANIFEST, TABLE
from rsuper.provenance.manifest import write


def run_job(root: Path, rule: str, name: str = "", **asked: Any) -> None:
    """Do as a job does: write its outputs (paths and texts), with what `recorded` leaves."""
    outputs = {str(root / path): text for path, text in asked.pop("outputs").items()}
    inputs = [str(path if Path(path).is_absolute() else root / path) for path in asked.pop("inputs", ())]
    log = root / "logs" / f"{name or rule}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("done\n", encoding="utf-8")
    job = SimpleNamespace(
        rule=rule, threads=1, log=[str(log)], input=inputs, output=list(outputs), **{"params": {}, **asked}
    )
    with recorded(job):
        for path, text in outputs.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text, encoding="utf-8")


def count(root: Path) -> int:
    """Files of a folder, but for the manifest's own."""
    own = (MANIFEST, TABLE)
    seals = tuple(f".{Path(name).name}.sha256" for name in own)
    names = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sum(name not in own and not name.endswith(seals) for name in names)


def overwrite(path: Path, text: str) -> None:
    """Write as somebody does who also takes away the file's checksum, where it has one."""
    path.write_text(text, encoding="utf-8")
    path.with_name(f".{path.name}.sha256").unlink(missing_ok=True)


@pytest.fixture
def job() -> Callable[..., None]:
    """`job(root, rule, name, outputs={path: text}, inputs=[...], params={...}, wildcards={...})`."""
    return run_job


@pytest.fixture
def results(tmp_path: Path, made: Path) -> Path:
    """The folder, for a test that changes it."""
    return Path(shutil.copytree(made, tmp_path / "results" / "tiny"))


@pytest.fixture(scope="session")
def listed(tmp_path_factory: pytest.TempPathFactory, made: Path, experiment: Experiment) -> Path:
    """The folder with its manifest; for tests that only read it."""
    root = Path(shutil.copytree(made, tmp_path_factory.mktemp("listed") / "tiny"))
    assert write(root, experiment) == [f"{root}: {count(root)} files listed"]
    return root


@pytest.fixture
def written(tmp_path: Path, listed: Path) -> Path:
    """The folder with its manifest, for a test that changes it."""
    return Path(shutil.copytree(listed, tmp_path / "results" / "tiny"))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, experiment: Experiment) -> Path:
    """The folder; metadata.csv comes from outside."""
    folder = tmp_path_factory.mktemp("made")
    root, outside = folder / "results" / "tiny", folder / "hospital" / "cases.csv"
    outside.parent.mkdir()
    outside.write_text("case_id\nA\n", encoding="utf-8")
    run_job(
        root,
        "phantom",
        "phantom/tiny",
        inputs=[outside],
        outputs={"raw/tiny/metadata.csv": "case_id\nA\n"},
        wildcards={"dataset": "tiny"},
    )
    for part in ("ct", "pancreas"):
        (root / "raw" / "tiny" / f"{part} A.nii.gz").write_bytes(part.encode())
    run = {"method": "r_super", "seed": 3, "card": {"version": 2}, "deterministic": True}
    run |= {"deterministic_reason": "on a CPU", "data_seed": 5, "work": {"steps": 7}, "seconds_training": 1.5}
    run |= {"cohort_sha256": "c0", "volumes_sha256": "f0", "mask_cases": 4, "report_cases": 6}
    folder = "runs/few/r_super/seed-3"
    text = json.dumps(run)
    run_job(
        root,
        "fit",
        "fit/few/r_super/seed-3",
        inputs=["raw/tiny/metadata.csv"],
        outputs={f"{folder}/run.json": text},
        wildcards={"budget": "few", "method": "r_super", "seed": "3"},
        params={"settings": {"schedule": experiment.model_dump(mode="json")["schedule"]}, "code": "c1"},
    )
    (root / folder / "weights.pt").write_bytes(b"weights")
    run_job(root, "metrics", inputs=[f"{folder}/run.json"], outputs={"metrics.csv": "value\n0.5\n"})
    cards = {"r_super": {"version": 2, "citation": "https://example.org/paper"}}
    tables = {"table2.csv": "auc\n0.5\n", "table2.md": "| auc |\n"}
    run_job(root, "table2", inputs=["metrics.csv"], outputs=tables, params={"cards": cards, "code": "c2"})
    return root
