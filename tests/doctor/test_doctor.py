"""Wrong situations made on purpose: each is a line with what was seen and the command that mends it."""

import ast
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rsuper.doctor import cluster, disk, machine, software
from rsuper.doctor.__main__ import main
from rsuper.doctor.findings import FAIL, PASS, ROOT, WARN, Asked, answer, looked

MICRO = Asked(ROOT / "config" / "micro.yaml")


COUNTED = disk.weight_bytes


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working folder: no results, no locks. Few tests count weights: torch takes seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(disk, "weight_bytes", lambda experiment: 105_136)
    return tmp_path


def only(findings):
    assert len(findings) == 1, findings
    return findings[0]


def test_a_machine_that_is_ready(capsys, monkeypatch):
    said = {"version": "2.13.0", "cuda": None, "gpus": []}
    monkeypatch.setattr(software, "answer", lambda command: (True, json.dumps(said)))  # torch takes seconds
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert main(["--config", str(MICRO.config)]) == 0
    out = capsys.readouterr().out
    assert " 0 fail" in out.splitlines()[-1]
    subjects = [line.split()[1] for line in out.splitlines()[:-1] if not line.strip().startswith("fix:")]
    assert subjects[:6] == ["python", "packages", "torch", "gpu", "profile", "lock"]
    assert subjects[6:] == ["experiment", "data", "memory", "disk", "results"]


def test_another_python(monkeypatch):
    monkeypatch.setattr(software, "VERSION", (3, 99))
    found = only(software.python(MICRO))
    assert (found.level, found.fix) == (FAIL, "make setup PYTHON=python3.11")


@pytest.mark.parametrize(
    ("package", "version", "level", "said"),
    [
        ("numpy", "1.0", FAIL, "numpy 1.0 (pinned: "),
        ("pydantic-core", None, FAIL, "pydantic-core is missing"),  # of what a needed one needs
        ("hypothesis", "0.1", WARN, "hypothesis 0.1 (pinned: "),  # of the tests
        ("hypothesis", None, PASS, "as pinned"),
    ],
)
def test_a_package_that_is_not_as_pinned(monkeypatch, package, version, level, said):
    real = importlib.metadata.version

    def pretended(name):
        if software._spelled(name) != package:
            return real(name)
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", pretended)
    found = only(software.packages(MICRO))
    assert found.level == level
    assert said in found.seen
    assert bool(found.fix) == (level != PASS)


def test_a_local_version_is_the_pinned_one(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.13.0+cpu")
    assert software._version("torch") == "2.13.0"
    assert software.pinned(["torch==2.13.0  # why", "# none", "Typing_Extensions==4"]) == {
        "torch": "2.13.0", "typing-extensions": "4"
    }  # fmt: skip


def test_torch_that_cannot_be_imported(monkeypatch):
    monkeypatch.setattr(software, "TORCH", "raise ImportError('libcudart.so: no such file')")
    found = only(software.torch(MICRO))
    assert found.level == FAIL
    assert "libcudart.so" in found.seen
    monkeypatch.setattr(software, "TORCH", "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    assert "ended by signal 4" in only(software.torch(MICRO)).seen


@pytest.mark.parametrize(
    ("visible", "usable", "level", "said"),
    [
        ("", [], PASS, "networks run on the CPU"),
        (
            "0,1",
            [["A100", 2**36], ["A100", 2**36]],
            PASS,
            "A100 (64 GiB), A100 (64 GiB); each job takes one, 2",
        ),
        ("0,1", [], FAIL, "2 seen, and jobs would be given them, but torch can use 0"),
    ],
)
def test_gpus(monkeypatch, visible, usable, level, said):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    answered = json.dumps({"version": "2.13.0", "cuda": "13.0", "gpus": usable})
    monkeypatch.setattr(software, "answer", lambda command: (True, f"a warning\n{answered}"))
    found = software.torch(MICRO)[1]
    assert (found.subject, found.level) == ("gpu", level)
    assert said in found.seen
    assert found.fix == ("" if level == PASS else f"CUDA_VISIBLE_DEVICES= make table2 CONFIG={MICRO.config}")


@pytest.mark.parametrize(
    ("here", "level", "cores"), [(100_000, PASS, ""), (3000, WARN, "1"), (1000, FAIL, "1"), (7000, WARN, "4")]
)
def test_memory_against_what_was_measured(monkeypatch, here, level, cores):
    monkeypatch.setattr(machine, "memory_mb", lambda: here)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    found = only(machine.memory(MICRO))
    assert found.level == level
    assert "1600 MB" in found.seen
    assert found.fix == (f'make table2 CONFIG={MICRO.config} ARGS="--cores {cores}"' if cores else "")


def test_memory_that_jobs_took_before(folder):
    path = folder / "benchmarks" / "fit" / "full" / "x.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("s\th:m:s\tmax_rss\n1\t0:00:01\t-\n9\t0:00:09\t2345.6\n")
    assert machine.measured_mb(folder / "benchmarks") == 2346
    assert machine.measured_mb(folder / "nothing") == 0


def test_memory_that_an_experiment_asks_for(monkeypatch):
    monkeypatch.setattr(machine, "memory_mb", lambda: 32_000)
    found = only(machine.memory(Asked(ROOT / "config" / "paper.yaml")))
    assert found.level == WARN  # what is asked for need not be taken
    assert "64000 MB is what the largest job may ask for (fit)" in found.seen
    found = only(machine.memory(Asked(ROOT / "config" / "paper.yaml", "profiles/slurm")))
    assert found.level == PASS


def test_no_room_on_the_disk(monkeypatch):
    monkeypatch.setattr("rsuper.refusals.free_bytes", lambda folder: 60_000_000)
    assert only(disk.disk(MICRO)).level == WARN  # hardly more than it takes
    monkeypatch.setattr("rsuper.refusals.free_bytes", lambda folder: 1_000_000)
    found = only(disk.disk(MICRO))
    assert found.level == FAIL
    assert found.seen.startswith("1 MB free; about 49.5 MB needed: raw ")
    assert "for 58 CTs by the section phantom" in found.seen
    assert found.fix.startswith("df -h results")


def test_what_is_written_needs_no_room_again(folder, monkeypatch):
    (folder / "results" / "micro" / "raw").mkdir(parents=True)
    (folder / "results" / "micro" / "raw" / "ct").write_bytes(os.urandom(48_000_000))
    monkeypatch.setattr("rsuper.refusals.free_bytes", lambda folder: 3_000_000)
    assert only(disk.disk(MICRO)).level == PASS


def test_the_estimate_by_hand(folder):
    from rsuper.config.load import load_experiment

    content = yaml.safe_load(MICRO.config.read_text())
    content["validation"] = {"share": 0.5}
    (folder / "hand.yaml").write_text(yaml.safe_dump(content))
    experiment = load_experiment(folder / "hand.yaml")
    cases, unknown = disk.counted(experiment, folder)
    assert unknown == []
    assert {name: (each.number, each.tested) for name, each in cases.items()} == {
        "phantom_masks": (10, 0), "phantom_reports": (34, 14), "phantom_external": (14, 14)
    }  # fmt: skip
    voxels = 56 * 40 * 40
    parts = disk.estimate(experiment, cases)
    assert parts["raw"] == pytest.approx(disk.RAW * 58 * voxels, rel=0.001)
    assert parts["store"] == pytest.approx(disk.STORE * 58 * voxels, rel=0.001)
    maps = 2 * (28 + 15)  # two targets; test sets and half of what is trained on
    predicted = maps * (3 * disk.MAP * voxels + 2 * disk.CONTROL_MAP)
    assert parts["predictions"] == pytest.approx(predicted, rel=0.001)
    # Two stages 1, segmentation at both budgets, r_super.
    assert parts["weights"] == 2 * 5 * 105_136


@pytest.mark.slow
def test_weights_of_a_network_that_cannot_be_built_are_not_counted(monkeypatch):
    from rsuper.config.load import load_experiment

    monkeypatch.setattr(disk, "COUNT", "import no_such_package")
    assert COUNTED(load_experiment(MICRO.config)) == 0


@pytest.mark.slow
def test_weights_are_those_of_the_network():
    from rsuper.config.load import load_experiment
    from rsuper.networks.build import build_network

    network = build_network("unet", 1, 2, channels=[4, 8, 8, 16])
    expected = sum(weight.numel() * weight.element_size() for weight in network.parameters())
    assert COUNTED(load_experiment(MICRO.config)) == expected == 105_136


def test_data_that_are_not_there():
    asked = Asked(ROOT / "config" / "paper.yaml")
    found = only(disk.disk(asked))
    assert found.level == WARN
    assert "unknown, as the folder is not there: abdomenatlas, ucsf, jhh" in found.seen


def test_a_lock_that_a_killed_snakemake_left(folder):
    code = (
        "import sys; from rsuper.session import lock_note; lock_note(); "
        "open('.snakemake/locks/0.input.lock', 'w'); print(flush=True); sys.stdin.read()"
    )
    (folder / ".snakemake" / "locks").mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
    )
    process.stdout.readline()
    found = only(machine.lock(MICRO))
    assert found.level == WARN
    assert f"at work in this folder (process {process.pid})" in found.seen
    process.kill()
    process.communicate()
    found = only(machine.lock(MICRO))
    assert (found.level, found.fix) == (FAIL, f"make unlock CONFIG={MICRO.config}")
    (folder / ".snakemake" / "locks" / "0.input.lock").unlink()
    assert only(machine.lock(MICRO)).level == PASS
    assert list((folder / ".snakemake" / "present").iterdir()) == []  # the doctor counts as none that runs


def test_results_that_cannot_be_written(folder, monkeypatch):
    import tempfile

    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    assert only(machine.results(MICRO)).level == PASS
    assert not (folder / "results").exists()
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    found = only(machine.results(MICRO))
    assert (found.level, found.fix) == (FAIL, "chmod -R u+rwX results/micro")
    assert "Permission denied" in found.seen


def test_results_of_the_future(folder):
    (folder / "results" / "micro").mkdir(parents=True)
    (folder / "results" / "micro" / "table2.csv").touch()
    os.utime(folder / "results" / "micro" / "table2.csv", (4e9, 4e9))
    found = only(machine.results(MICRO))
    assert found.level == FAIL
    assert "written in the future" in found.seen


def test_an_experiment_with_an_error(folder, capsys, monkeypatch):
    monkeypatch.setattr(software, "TORCH", 'print(\'{"version": "0", "cuda": null, "gpus": []}\')')
    (folder / "x.yaml").write_text(f"extends: {MICRO.config}\nsede: 3\n")
    assert main(["--config", "x.yaml"]) == 1
    out = capsys.readouterr().out
    assert "fail  experiment  x.yaml: key 'sede' is not known; do you mean 'seeds'?" in out
    assert "disk" not in out  # nothing can be said about it


@pytest.mark.parametrize("name", ["nowhere", "profiles/slrum"])
def test_a_profile_that_is_not_there(name):
    found = only(cluster.profile(Asked(MICRO.config, name)))
    assert found.level == FAIL
    assert "there are profiles/default, profiles/kubernetes, profiles/slurm" in found.seen


def test_a_profile_that_is_no_yaml(folder):
    (folder / "mine").mkdir()
    (folder / "mine" / "profile.yaml").write_text("executor: [slurm\n")
    found = only(cluster.profile(Asked(MICRO.config, "mine")))
    assert found.level == FAIL
    assert "not readable as YAML" in found.seen


def test_an_executor_that_is_not_installed(folder):
    (folder / "mine").mkdir()
    (folder / "mine" / "profile.yaml").write_text("executor: flux\n")
    found = only(cluster.profile(Asked(MICRO.config, "mine")))
    assert found.level == FAIL
    assert found.fix.endswith("snakemake-executor-plugin-flux")


@pytest.fixture
def programs(folder, monkeypatch):
    """A PATH with nothing on it but what a test puts there."""
    place = folder / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place))

    def put(name, script):
        (place / name).write_text(f"#!/bin/sh\n{script}\n")
        (place / name).chmod(0o755)

    return put


NO_ACCOUNTING = "echo 'Slurm accounting storage is disabled' >&2; exit 1"


@pytest.mark.parametrize(
    ("line", "sacct", "level", "fix"),
    [
        ("slurm-status-command: squeue", NO_ACCOUNTING, PASS, ""),
        ("slurm-status-command: sacct", NO_ACCOUNTING, FAIL, "sed -i 's/^slurm-status-command:.*/"),
        ("jobs: 3", NO_ACCOUNTING, FAIL, "echo 'slurm-status-command: squeue' >> "),
        ("jobs: 3", "echo 17", PASS, ""),
    ],
)
def test_slurm_accounting(folder, programs, line, sacct, level, fix):
    (folder / "mine").mkdir()
    path = folder / "mine" / "profile.yaml"
    path.write_text(f"executor: slurm\n{line}\n")
    programs("sbatch", "exit 0")
    programs("squeue", "echo 1; echo 2")
    programs("sacct", sacct)
    found, queue, accounting = cluster.profile(Asked(MICRO.config, "mine"))
    assert (found.level, queue.level, accounting.level) == (PASS, PASS, level)
    assert "2 jobs in its queue" in queue.seen
    assert accounting.fix.startswith(fix)
    if fix:  # the command does what it says
        os.environ["PATH"] += ":/usr/bin:/bin"
        assert answer(["sh", "-c", accounting.fix], cwd=folder)[0]
        os.environ["PATH"] = str(folder / "bin")
        assert cluster.profile(Asked(MICRO.config, "mine"))[2].level == PASS


def test_slurm_that_does_not_answer(folder, programs):
    assert cluster.slurm({}, folder)[0].seen.startswith("sbatch and squeue: no such program")
    programs("sbatch", "exit 0")
    programs("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    found = only(cluster.slurm({}, folder))
    assert found.level == FAIL
    assert "Unable to contact slurm controller" in found.seen


def test_kubernetes(programs):
    assert cluster.kubernetes().level == FAIL
    programs("kubectl", "echo no >&2; exit 1")
    assert cluster.kubernetes().level == FAIL
    programs("kubectl", "echo yes")
    found = cluster.profile(Asked(MICRO.config, str(ROOT / "profiles" / "kubernetes")))
    assert [each.level for each in found] == [PASS, PASS]


def test_a_program_that_stays_silent(monkeypatch):
    monkeypatch.setattr("rsuper.doctor.findings.SILENT_S", 0.2)
    assert answer(["sleep", "9"]) == (False, "no answer within 0.2 s")


def test_broken_packages_are_lines_of_their_own():
    def some_check(asked):
        raise ModuleNotFoundError("No module named 'pydantic'")

    found = only(looked(some_check, MICRO))
    assert (found.level, found.subject) == (FAIL, "some check")
    assert "No module named 'pydantic'" in found.seen
    assert found.fix == "rm -f .venv/.installed && make setup"


def test_without_any_package(folder):
    # -S: no site-packages, as with a Python that nothing was installed for.
    command = [sys.executable, "-S", "-m", "rsuper.doctor", "--config", str(MICRO.config)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == ""
    lines = {line.split()[1]: line for line in done.stdout.splitlines()[:-1] if "fix:" not in line}
    assert "none of the" in lines["packages"]
    assert lines["experiment"].startswith("fail")
    assert lines["lock"].startswith("pass")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "rsuper" / "doctor").glob("*.py")), ids=lambda path: path.name
)
def test_any_python_can_read_it(path: Path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    names = [
        name
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
    ]
    outside = {name.split(".")[0] for name in names} - sys.stdlib_module_names
    assert outside <= {"rsuper"}
    assert all(name.startswith("rsuper.doctor") for name in names if name.startswith("rsuper"))
