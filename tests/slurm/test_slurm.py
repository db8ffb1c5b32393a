"""The micro experiment through a real Slurm: a job cancelled, Snakemake killed, the result of a local run."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.slurm.cluster import GPUS, Cluster, SlurmJob, reason_to_skip, started
from tests.workflow.conftest import ROOT, Project, assert_never_shared, copy_project, gpu_times

pytestmark = pytest.mark.slurm

# There is no real GPU: networks run on the CPU, and the rules ask for GPUs all the same.
CONTROL = "wildcards.method in ('oracle', 'silent')"
PRETEND = [
    "--config",
    "experiment=long.yaml",
    "device=cpu",
    "--set-resources",
    *(f"{rule}:gpu=0 if {CONTROL} else 1" for rule in ("fit", "predict")),
]
# The type of GPU as profiles/slurm shows it; threads as alone, since they change the last digits on a CPU.
SITE = [
    *(f"{rule}:gpu_model='' if {CONTROL} else 'toy'" for rule in ("fit", "predict")),
    "--set-threads",
    "fit=1",
    "predict=1",
    "--slurm-init-seconds-before-status-checks",
    "3",
    "--latency-wait",
    "5",
]
LONG = {"stage1_steps": 60, "steps": 80, "checkpoint_every": 5, "log_every": 5}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    reason = reason_to_skip()
    if reason:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="rsuper-slurm-"))
    with started(folder) as running:
        yield running
    left = [path.parent.name for path in Path("/proc").glob("[0-9]*/environ") if belongs(path, folder)]
    assert left == []
    shutil.rmtree(folder)


def belongs(environment: Path, folder: Path) -> bool:
    """Whether a process was started for the Slurm of this folder."""
    try:
        return f"SLURM_CONF={folder}/".encode() in environment.read_bytes()
    except OSError:  # it has ended
        return False


def long_experiment(folder: Path) -> Project:
    """A copy of the project, and the micro experiment with trainings long enough to be interrupted."""
    project = copy_project(folder)
    content = yaml.safe_load((ROOT / "config" / "micro.yaml").read_text(encoding="utf-8"))
    content["schedule"] |= LONG
    (project.root / "long.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return project


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Project:
    """The same experiment on this machine alone, with as many pretend GPUs."""
    project = long_experiment(tmp_path_factory.mktemp("local"))
    environment = project.environment | {"CUDA_VISIBLE_DEVICES": ",".join(map(str, range(GPUS)))}
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *PRETEND, "--", "all"]
    subprocess.run(command, cwd=project.root, env=environment, check=True)
    return project


def start(project: Project, cluster: Cluster, *options: str) -> subprocess.Popen[bytes]:
    """Start Snakemake with profiles/slurm; what it says is appended to a file."""
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", "profiles/slurm", *PRETEND, *SITE]
    with (project.root / "said.txt").open("ab") as output:
        return subprocess.Popen(
            [*command, *options, "--", "all"],
            cwd=project.root,
            env=cluster.environment
            | project.environment
            | {"SLURM_CONF": str(cluster.folder / "slurm.conf")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def said(project: Project) -> str:
    return (project.root / "said.txt").read_text(encoding="utf-8", errors="replace")


def wait_for(what: Callable[[], object], process: subprocess.Popen[bytes], project: Project) -> object:
    """Wait until something is there, while Snakemake runs."""
    deadline = time.monotonic() + 3600
    while not (found := what()):
        assert process.poll() is None, said(project)[-6000:]
        assert time.monotonic() < deadline, said(project)[-6000:]
        time.sleep(0.2)
    return found


def training(project: Project, cluster: Cluster) -> tuple[SlurmJob, Path] | None:
    """A job that trains and has left a checkpoint, and the folder of its run."""
    running = [job for job in cluster.jobs() if job.state == "RUNNING" and job.comment.startswith("rule_fit")]
    for state in project.results.glob("runs/*/*/seed-*/model/**/state.pt"):
        budget, method, _ = (folder := state.relative_to(project.results / "runs")).parts[:3]
        run = project.results / "runs" / Path(*folder.parts[:3])
        for job in running:
            if f"_{budget}_{method}_" in f"{job.comment}_" and not (run / "run.json").exists():
                return job, run
    return None


def log_lines(run: Path) -> list[dict[str, object]]:
    (path,) = run.glob("model/**/log.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def interrupted(project: Project, cluster: Cluster) -> tuple[Path, list[dict[str, object]]]:
    """Cancel a training, then kill Snakemake while others run; return the run and what it had logged."""
    process = start(project, cluster)
    found = wait_for(lambda: training(project, cluster), process, project)
    assert isinstance(found, tuple)
    job, run = found
    before = log_lines(run)[:1]
    cluster.call("scancel", job.number)

    def others() -> bool:
        return any(
            other.state == "RUNNING" and other.comment.startswith(("rule_fit", "rule_predict"))
            for other in cluster.jobs()
            if other.number != job.number
        )

    wait_for(lambda: job.number in said(project).partition("error")[2] and others(), process, project)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert cluster.jobs() != []  # they outlive it
    return run, before


def tables(project: Project) -> dict[str, bytes]:
    patterns = ("*.csv", "*.md", "data/*/*.csv", "data/*/*.jsonl", "runs/*/*/*/cases/*.csv", "figures/*.csv")
    return {
        str(path.relative_to(project.results)): path.read_bytes()
        for pattern in patterns
        for path in project.results.glob(pattern)
    }


def test_the_micro_experiment(
    local: Project, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = long_experiment(tmp_path_factory.mktemp("slurm"))
    run, before = interrupted(project, cluster)

    locked = start(project, cluster)
    assert locked.wait() != 0
    assert "locked" in said(project).lower()
    assert start(project, cluster, "--unlock").wait() == 0
    assert start(project, cluster).wait() == 0, said(project)[-6000:]
    assert cluster.jobs() == []
    again = start(project, cluster)
    assert again.wait() == 0
    assert "Nothing to be done" in said(project)

    assert log_lines(run)[:1] == before  # the same seconds: these steps were not repeated
    expected, found = tables(local), tables(project)
    assert len(expected) > 30
    assert found.keys() == expected.keys()
    assert [name for name, content in expected.items() if found[name] != content] == []

    for one in (local, project):
        times = gpu_times(one)
        assert_never_shared(times)
        assert set(times) == {str(number) for number in range(GPUS)}
        jobs = [name for held in times.values() for _, _, name in held]
        assert not any("oracle" in name or "silent" in name for name in jobs)
        assert (
            len(jobs)
            == len(list((one.results / "logs" / "fit").rglob("*.log")))
            + len(list((one.results / "logs" / "predict").rglob("*.log")))
            - 4
        )  # both controls


def test_a_job_that_outlived_its_snakemake_does_nothing(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = long_experiment(tmp_path_factory.mktemp("orphans"))
    cluster.call("scontrol", "update", "PartitionName=debug", "State=DOWN")  # nothing starts: all jobs wait
    try:
        process = start(project, cluster)
        wait_for(lambda: [job for job in cluster.jobs() if job.state == "PENDING"], process, project)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert start(project, cluster, "--unlock").wait() == 0
    finally:
        cluster.call("scontrol", "update", "PartitionName=debug", "State=UP")
    deadline = time.monotonic() + 120
    while cluster.jobs():
        assert time.monotonic() < deadline
        time.sleep(0.5)
    logs = [path.read_text() for path in (project.root / ".snakemake" / "slurm_logs").rglob("*.log")]
    assert logs
    assert all("was killed" in text and "Traceback" not in text for text in logs)
    # Tables that need no run are made by Snakemake itself, before it was killed.
    assert not (project.results / "raw").exists()
    assert not (project.results / "figures" / "volume_loss.csv").exists()
