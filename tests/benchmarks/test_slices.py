"""An experiment run in slices, each on a machine of its own, and its tables made at home."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from benchmarks import carried

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENT = """
name: sliced
about: Two slices, for tests.
data_note: digital phantoms, not patients
targets: [pancreas]
seeds: [0]
datasets: {here: {source: phantom}}
phantom:
  hospitals:
    here:
      hospital_id: 1
      cases:
        - {role: mask_train, pancreas: 2, normal: 2}
        - {role: report_train, pancreas: 3, normal: 2}
        - {role: test_internal, pancreas: 2, normal: 2}
test_sets: {internal: {role: test_internal, label: here, paper: UCSF-Test}}
budgets: {full: {methods: [segmentation, r_super]}}
controls: []
preprocess: {spacing_mm: [4.0, 4.0, 4.0], clip_hu: [-80.0, 280.0], normalize: window}
network: {name: unet, inputs: ct, patch: [32, 24, 24], options: {channels: [4, 8, 8, 8]}}
schedule:
  stage1_steps: 2
  steps: 2
  log_every: 1
  mask_patches: 1
  report_patches: 1
  stage1_learning_rate: 0.001
  learning_rate: 0.001
predict: {overlap: 0.25, blend: gaussian, batch: 4}
evaluation: {nsd_tolerances_mm: [4.0], bootstrap_draws: 20}
validation: {share: 0.4}
"""


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, str(ROOT / "benchmarks" / "slices.py"), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def machine(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "sliced.yaml").write_text(EXPERIMENT, encoding="utf-8")
    return folder


@pytest.mark.slow
def test_two_slices_come_home_and_nothing_is_trained_twice(tmp_path):
    home, first, second = (machine(tmp_path, name) for name in ("home", "first", "second"))
    given = ("--experiment", "sliced.yaml")

    done = call(first, "run", *given, "--runs", "full/segmentation", "--minutes", "9", "--out", "out")
    assert done.returncode == 0, done.stdout + done.stderr + (first / "out/snakemake.log").read_text()[-3000:]
    assert call(home, "take", str(first / "out")).returncode == 0
    stage1 = home / "results/sliced/runs/full/segmentation-stage1/seed-0"
    assert (stage1 / "model/weights.pt").is_file()  # R-Super starts from them
    assert not (stage1.parents[1] / "segmentation/seed-0/model/weights.pt").exists()

    done = call(home, "bring", *given, "--runs", "full/r_super")
    assert "1 of 1 first stages" in done.stdout
    (home / ".carried").rename(second / ".carried")
    done = call(second, "run", *given, "--runs", "full/r_super", "--minutes", "9", "--out", "out")
    assert done.returncode == 0, (
        done.stdout + done.stderr + (second / "out/snakemake.log").read_text()[-3000:]
    )
    there = second / "results/sliced/runs/full/segmentation-stage1/seed-0/run.json"
    assert there.read_bytes() == (stage1 / "run.json").read_bytes()
    assert call(home, "take", str(second / "out")).returncode == 0

    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    command += ["--rerun-triggers", "mtime", "--config", "experiment=sliced.yaml", "--"]
    done = subprocess.run(
        [*command, "results/sliced/metrics.csv"],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Computing metrics" in done.stdout
    assert "Training" not in done.stdout


def test_slices_of_other_data_are_not_mixed(tmp_path):
    home, there = machine(tmp_path, "home"), tmp_path / "there"
    for folder, line in ((home, "one"), (there, "two")):
        path = folder / "results/sliced/data/here/cohort.csv"
        path.parent.mkdir(parents=True)
        path.write_text(line, encoding="utf-8")
    carried.pack(there, [there / "results/sliced/data/here/cohort.csv"], tmp_path / "state.tar.xz")
    carried.split(tmp_path / "state.tar.xz", 1)
    done = call(home, "take", str(tmp_path))
    assert done.returncode == 1
    assert "an earlier slice had other data" in done.stderr
    assert "Traceback" not in done.stderr
    assert (home / "results/sliced/data/here/cohort.csv").read_text() == "one"


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_what_is_not_finished_in_time_stays_behind(tmp_path):
    folder = machine(tmp_path, "there")
    given = ("--experiment", "sliced.yaml", "--runs", "full/segmentation", "--out", "out")
    done = call(folder, "run", *given, "--minutes", "0.75")  # 5 s beside the time for packing
    assert done.returncode == 1
    assert "0 of 2 artifacts" in done.stdout
    archive = carried.joined(sorted((folder / "out").glob("state.tar.xz.*")), tmp_path / "state.tar.xz")
    with tarfile.open(archive) as content:
        assert not [name for name in content.getnames() if "/runs/" in name]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("run", "--runs", "full", "--out", "out"), "run 'full': expected BUDGET/METHOD"),
        (("run", "--out", "out"), "say which runs"),
        (("run", "--runs", "full/r_super"), "say where"),
        (("take",), "take FOLDER"),
    ],
)
def test_what_is_not_said_is_asked_for(tmp_path, arguments, text):
    options = () if arguments[0] == "take" else ("--experiment", "sliced.yaml")
    done = call(machine(tmp_path, "here"), *arguments, *options)
    assert done.returncode == 1
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_parts_are_one_file_again_and_a_missing_one_is_named(tmp_path):
    content = bytes(range(256)) * 10
    (tmp_path / "file").write_bytes(content)
    parts = carried.split(tmp_path / "file", 1000 / 2**20)
    assert [part.stat().st_size for part in parts] == [1000, 1000, 560]
    assert not (tmp_path / "file").exists()
    assert carried.joined(parts, tmp_path / "again").read_bytes() == content
    for wrong in (parts[1:], [parts[0], parts[2]], []):
        with pytest.raises(FileNotFoundError, match="bring them all"):
            carried.joined(wrong, tmp_path / "again")


def test_an_archive_cannot_write_outside_of_its_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("x", encoding="utf-8")
    with tarfile.open(tmp_path / "bad.tar.xz", "w:xz") as archive:
        archive.add(tmp_path / "a" / "x", "../escaped")
    with pytest.raises(tarfile.OutsideDestinationError):
        carried.unpack(tmp_path / "bad.tar.xz", tmp_path / "into")
    assert not (tmp_path / "escaped").exists()


def test_packages_of_the_machine_are_not_pinned():
    names = {line.partition("==")[0] for line in carried.pinned()}
    assert not names & set(carried.BROUGHT)
    assert {"pandas", "snakemake", "monai"} <= names
