"""A killed run continues; bad input ends with an error that names the thing, and no traceback."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import yaml

from tests.workflow.conftest import ROOT, Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]


def test_a_killed_run_continues(finished: Project, tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    shutil.copytree(finished.root / "results", project.root / "results")
    shutil.copytree(finished.root / ".snakemake", project.root / ".snakemake")
    content = yaml.safe_load((project.root / "config" / "micro.yaml").read_text(encoding="utf-8"))
    content["schedule"] |= {"steps": 60, "checkpoint_every": 10, "log_every": 5}
    (project.root / "long.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    target = "results/micro/runs/full/segmentation/seed-0/run.json"
    model = project.root / Path(target).parent / "model"

    process = subprocess.Popen(
        project.command(target, config="long.yaml"),
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not (model / "state.pt").is_file():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (model / "training.json").exists()
    before = [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines(keepends=True)[:2]]

    project.run(target, config="long.yaml", options=("--unlock",))
    project.run(target, config="long.yaml")
    after = [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]
    assert after[:2] == before  # the same seconds: these steps were not repeated
    assert [line["step"] for line in after] == list(range(5, 61, 5))


def site(finished: Project, tmp_path: Path) -> tuple[Project, Path]:
    """A user's own folder in the AbdomenAtlas layout, and an experiment that reads it."""
    project = copy_project(tmp_path)
    folder = tmp_path / "site"
    made = shutil.ignore_patterns(".*.sha256", "images.txt")  # not in a user's own folder
    shutil.copytree(finished.results / "raw" / "phantom_masks", folder, ignore=made)
    content = yaml.safe_load((ROOT / "config" / "micro.yaml").read_text(encoding="utf-8"))
    content |= {"name": "site", "datasets": {"own": {"source": "abdomenatlas", "root": str(folder)}}}
    (project.root / "site.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return project, folder


def first_case(folder: Path) -> Path:
    return sorted(path for path in folder.iterdir() if path.is_dir())[0]


def no_mask(folder: Path) -> str:
    for name in ("pancreatic_lesion", "kidney_lesion"):
        (first_case(folder) / "segmentations" / f"{name}.nii.gz").unlink()
    return "needs a tumor mask"


def other_grid(folder: Path) -> str:
    path = first_case(folder) / "segmentations" / "pancreas.nii.gz"
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[1:], image.affine), path)
    return "not on the grid of its CT"


def report_twice(folder: Path) -> str:
    name = first_case(folder).name
    pd.DataFrame({"case_id": [name, name], "report": ["a", "b"]}).to_csv(folder / "reports.csv", index=False)
    return name


def empty_cohort(folder: Path) -> str:
    metadata = pd.read_csv(folder / "metadata.csv", dtype=str)
    metadata.iloc[:0].to_csv(folder / "metadata.csv", index=False)
    return "the cohort is empty"


def no_column(folder: Path) -> str:
    metadata = pd.read_csv(folder / "metadata.csv", dtype=str)
    metadata.drop(columns="patient_id").to_csv(folder / "metadata.csv", index=False)
    return "patient_id"


@pytest.mark.parametrize("damage", [no_mask, other_grid, report_twice, empty_cohort, no_column])
def test_bad_data_is_named(finished: Project, tmp_path: Path, damage: Callable[[Path], str]) -> None:
    project, folder = site(finished, tmp_path)
    named = damage(folder)
    done = project.attempt("results/site/data/own/cohort.csv", config="site.yaml")
    assert done.returncode != 0
    assert any(kind in done.stdout for kind in ("DataError", "DamagedError", "ArtifactError"))
    assert named in done.stdout
    assert "Traceback" not in done.stdout


def set_method(content: dict[str, object]) -> str:
    content["budgets"] = {"few": {"methods": ["segmentation", "r_supre"]}}
    return "unknown method 'r_supre'"


def set_variant(content: dict[str, object]) -> str:
    content["budgets"] = {"few": {"methods": ["r_super-halls_only"]}}
    return "unknown variant 'r_super-halls_only'"


def set_targets(content: dict[str, object]) -> str:
    content["targets"] = ["kidney"]
    content["budgets"] = {"few": {"methods": ["r_super-pancreas_only"]}}
    return "variant 'r_super-pancreas_only' is for the targets ['pancreas'], the experiment has ['kidney']"


def drop_key(content: dict[str, object]) -> str:
    del content["schedule"]
    return "key 'schedule' is missing"


def misspell(content: dict[str, object]) -> str:
    content["sheduler"] = 1
    return "key 'sheduler' is not known"


@pytest.mark.parametrize("change", [set_method, set_variant, set_targets, drop_key, misspell])
def test_bad_experiment_is_named(tmp_path: Path, change: Callable[[dict[str, object]], str]) -> None:
    project = copy_project(tmp_path)
    content = yaml.safe_load((ROOT / "config" / "micro.yaml").read_text(encoding="utf-8"))
    named = change(content)
    (project.root / "bad.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    done = project.attempt("table2", config="bad.yaml")
    assert done.returncode != 0
    assert named in done.stdout
    assert "Traceback" not in done.stdout


def test_missing_experiment_file_is_named(tmp_path: Path) -> None:
    done = copy_project(tmp_path).attempt("table2", config="config/nowhere.yaml")
    assert done.returncode != 0
    assert "config/nowhere.yaml: no such file" in done.stdout
    assert "Traceback" not in done.stdout


def test_lint_is_clean(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    done = project.attempt(options=("--lint",))
    assert done.returncode == 0, done.stdout
