"""profiles/kubernetes against a stand-in for kubectl that runs a job's command here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.conftest import Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("kubernetes")]

KUBECTL = f"""#!{sys.executable}
import json, os, pathlib, subprocess, sys

folder = pathlib.Path(os.environ["KUBECTL_JOBS"])
command = sys.argv[1]
if command == "create":
    job = json.load(sys.stdin)
    (folder / (job["metadata"]["name"] + ".json")).write_text(json.dumps(job))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    environment = {{item["name"]: item["value"] for item in container["env"]}}
    ended = folder / (job["metadata"]["name"] + ".code")
    script = 'sh "$1"; echo $? > "$2.new"; mv "$2.new" "$2"'
    subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", container["command"][1], str(ended)],
        cwd=container["workingDir"], env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
elif command == "get":
    name = sys.argv[3]
    ended = folder / (name + ".code")
    if not (folder / (name + ".json")).exists():
        sys.exit('Error from server (NotFound): jobs.batch "' + name + '" not found')
    kind = None if not ended.exists() else "Failed" if int(ended.read_text()) else "Complete"
    conditions = [] if kind is None else [{{"type": kind, "status": "True"}}]
    print(json.dumps({{"status": {{"conditions": conditions}}}}))
elif command == "delete":
    (folder / "deleted").write_text(" ".join(sys.argv[3:]))
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder in which the stand-in keeps its jobs."""
    pytest.importorskip(
        "snakemake_executor_plugin_cluster_generic", reason="the extra 'kubernetes' is missing: make setup"
    )
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "kubectl").write_text(KUBECTL)
    (programs / "kubectl").chmod(0o755)
    (programs / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (programs / "python3").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    monkeypatch.setenv("KUBECTL_JOBS", str(jobs))
    return jobs


def attempt(project: Project, target: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", "profiles/kubernetes"]
    command += ["--config", "experiment=config/micro.yaml", "--latency-wait", "5", "--retries", "0"]
    command += ["--seconds-between-status-checks", "1", "--", target]
    return subprocess.run(command, cwd=project.root, env=project.environment, capture_output=True, text=True)


def test_jobs_run_and_fail(cluster: Path, tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    target = "results/micro/raw/phantom_masks/metadata.csv"
    done = attempt(project, target)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert (project.root / target).exists()
    (path,) = cluster.glob("rsuper-phantom-*.json")
    job = json.loads(path.read_text())["spec"]
    assert job["activeDeadlineSeconds"] == 60 * 60
    (container,) = job["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "8000M"}
    assert container["workingDir"] == str(project.root)
    assert "RSUPER_SESSION" in {item["name"] for item in container["env"]}

    (project.root / "workflow" / "scripts" / "phantom.py").write_text("raise SystemExit(3)\n")
    done = attempt(project, "results/micro/raw/phantom_external/metadata.csv")
    assert done.returncode != 0
    assert "Error in rule phantom" in done.stdout + done.stderr


def test_the_commands_by_themselves(cluster: Path, tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")

    def call(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "profiles/kubernetes/jobs.py", *words],
            cwd=project.root,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    script = tmp_path / "script.sh"
    script.write_text("exit 1\n")
    amounts = ["--cpus", "8", "--gpus", "2", "--mem-mb", "100", "--minutes", "3"]
    name = call("submit", "--rule", "report_vectors", *amounts, str(script))
    assert name.startswith("rsuper-report-vectors-")
    job = json.loads((cluster / f"{name}.json").read_text())["spec"]["template"]["spec"]
    assert job["containers"][0]["resources"]["requests"]["nvidia.com/gpu"] == "2"
    assert job["securityContext"]["runAsUser"] == os.getuid()
    while call("status", name) == "running":
        pass
    assert call("status", name) == "failed"
    assert call("status", "never-there") == "failed"
    call("cancel", name, "another")
    assert (cluster / "deleted").read_text().startswith(f"{name} another")
