"""Two pretend GPUs, and two Snakemakes at once that both think them theirs: never two jobs on one device."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.conftest import Project, assert_never_shared, copy_project, gpu_times

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]
RUNS = ("few/segmentation", "full/segmentation", "full/r_super", "full/oracle", "full/silent")


def start(project: Project, locks: Path) -> subprocess.Popen[str]:
    """Train every run, three jobs at once; networks run on the CPU, but the rule asks for GPUs."""
    command = [sys.executable, "-m", "snakemake", "--cores", "3"]
    command += ["--set-resources", "fit:gpu=0 if wildcards.method in ('oracle', 'silent') else 1"]
    command += ["--config", "experiment=config/micro.yaml", "device=cpu", "--"]
    command += [f"results/micro/runs/{run}/seed-0/run.json" for run in RUNS]
    pretend = {"CUDA_VISIBLE_DEVICES": "0,1", "RSUPER_DEVICE_LOCKS": str(locks)}
    return subprocess.Popen(
        command,
        cwd=project.root,
        env=project.environment | pretend,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_never_two_jobs_on_one_device(finished: Project, tmp_path: Path) -> None:
    projects = [copy_project(tmp_path / name) for name in ("first", "second")]
    for project in projects:
        for name in ("raw", "data"):
            shutil.copytree(finished.results / name, project.results / name)
        shutil.copytree(finished.root / ".snakemake", project.root / ".snakemake")
    processes = [start(project, tmp_path / "locks") for project in projects]
    for process in processes:
        output, _ = process.communicate()
        assert process.returncode == 0, output[-6000:]
        # Counted, with nothing said about them.
        assert re.search(r"Provided resources: gpu=\D*2\b", output), output[:3000]
    times: dict[str, list] = {}
    for project in projects:
        for device, held in gpu_times(project).items():
            times.setdefault(device, []).extend(held)
    assert set(times) == {"0", "1"}
    assert sum(map(len, times.values())) == 2 * 5  # two first stages, segmentation twice, R-Super; no control
    assert_never_shared({device: sorted(held) for device, held in times.items()})
