import json
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from rsuper.artifacts import run_record, write_json
from rsuper.config.load import read_yaml
from rsuper.engine.provenance import repeatability
from rsuper.engine.settings import Settings
from rsuper.methods import find
from rsuper.records import _repeatability, write_record

KEYS = {
    "method", "label", "card", "config", "experiment", "about", "data_note", "targets", "network", "schedule",
    "engine", "preprocess", "seed", "mask_cases", "report_cases", "cohort_sha256", "code_fingerprint",
    "commit", "dirty", "changed", "versions", "hardware", "seconds_this_session", "seconds_training", "ended",
    "peak_memory_mb", "work", "budget", "data_seed", "volumes_sha256", "deterministic",
    "deterministic_reason", "resolved_experiment",
}  # fmt: skip


@pytest.fixture
def recorded(task_for, collection, experiment, tmp_path):
    """`recorded(name)`: the record of a run whose training did 7 steps of 2 mask and 3 report patches."""

    def record(name):
        task, method = task_for(name, tmp_path), find(name)
        totals = {"step": 7, "mask_patches": 14, "report_patches": 21, "seconds": 2.34}
        write_json(totals, task.workdir / "model" / "training.json")
        write_record(task, method, method.config({}), experiment, collection, 1.26, "full")
        return json.loads(run_record(task.workdir).read_text(encoding="utf-8"))

    return record


def test_everything_is_there_and_work_is_counted(recorded, experiment, collection):
    record = recorded("r_super-volume_only")
    assert set(record) == KEYS
    assert record["work"] == {"steps": 7, "mask_patches": 14, "report_patches": 21}
    assert (record["method"], record["label"]) == ("r_super-volume_only", "Vol. Loss only")
    assert record["card"] == find("r_super").card.model_dump(mode="json")
    assert record["config"]["ball_weight"] == 0  # the variant's
    assert record["config"]["volume_weight"] == 0.1
    assert (record["mask_cases"], record["report_cases"]) == (3, 3)
    assert record["schedule"] == experiment.schedule.model_dump(mode="json")
    assert record["cohort_sha256"] == collection.hash()
    assert record["volumes_sha256"] == collection.volumes_hash()
    assert record["seconds_this_session"] == 1.3
    assert record["seconds_training"] == 2.3  # of all sessions
    assert record["budget"]["name"] == "full"
    assert record["data_seed"] == experiment.data_seed
    assert record["resolved_experiment"]["evaluation"]["bootstrap_draws"] == 1000  # defaults too
    assert record["dirty"] in (True, False, None)
    assert record["peak_memory_mb"]["resident"] > 10
    assert {"python", "torch", "numpy"} <= set(record["versions"])
    assert record["hardware"]["device"] == "cpu"
    assert record["deterministic"] is True
    assert record["deterministic_reason"].startswith("on a CPU")


def test_a_method_sees_no_more_than_its_record_says(recorded):
    record = recorded("segmentation")
    assert (record["mask_cases"], record["report_cases"]) == (3, 0)
    assert record["card"]["version"] == read_yaml(find("segmentation").folder / "method.yaml")["version"]
    silent = recorded("silent")
    assert (silent["mask_cases"], silent["report_cases"]) == (0, 0)


def test_no_path_host_or_secret_of_the_machine(recorded, tmp_path, experiment, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "secret-of-the-environment")
    text = json.dumps(recorded("segmentation"))
    assert str(tmp_path) not in text
    assert str(Path(__file__).resolve().parents[1]) not in text
    assert platform.node() not in text
    assert "secret-of-the-environment" not in text


def test_a_gpu_that_cannot_repeat_itself_says_why():
    free, strict = Settings(), Settings(deterministic=True)
    assert repeatability("cpu", free)["deterministic"]
    assert repeatability("cuda", strict)["deterministic"]
    found = repeatability("cuda", free)
    assert found["deterministic"] is False
    assert "engine.deterministic off" in str(found["reason"])


def test_a_method_may_know_why_its_runs_differ(task_for, tmp_path):
    method = find("nnunet")
    task = task_for("nnunet", tmp_path)
    wall_time, steps = method.config({}), method.config({"length": 5})
    assert "wall time" in method.module.varies(task, wall_time)
    assert method.module.varies(task, steps) == ""
    assert "GPU" in method.module.varies(replace(task, device="cuda"), steps)
    assert _repeatability(task, method, wall_time)["deterministic"] is False
    assert _repeatability(task, method, steps)["deterministic"] is True
