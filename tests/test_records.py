import json
from pathlib import Path

import pytest

from rsuper.artifacts import run_record, write_json
from rsuper.config.load import read_yaml
from rsuper.methods import find
from rsuper.records import write_record

KEYS = {
    "method", "label", "card", "config", "experiment", "about", "data_note", "targets", "network", "schedule",
    "engine", "preprocess", "seed", "mask_cases", "report_cases", "cohort_sha256", "code_fingerprint",
    "commit", "versions", "hardware", "seconds_this_session", "peak_memory_mb", "work",
}  # fmt: skip


@pytest.fixture
def recorded(task_for, collection, experiment, tmp_path):
    """`recorded(name)`: the record of a run whose training did 7 steps of 2 mask and 3 report patches."""

    def record(name):
        task, method = task_for(name, tmp_path), find(name)
        totals = {"step": 7, "mask_patches": 14, "report_patches": 21}
        write_json(totals, task.workdir / "model" / "training.json")
        write_record(task, method, method.config({}), experiment, collection, 1.26)
        return json.loads(run_record(task.workdir).read_text(encoding="utf-8"))

    return record


def test_everything_is_there_and_work_is_counted(recorded, experiment, collection):
    record = recorded("r_super-volume_only")
    assert set(record) == KEYS
    assert record["work"] == {"steps": 7, "mask_patches": 14, "report_patches": 21}
    assert (record["method"], record["label"]) == ("r_super-volume_only", "Vol. Loss only")
    assert record["config"]["ball_weight"] == 0  # the variant's
    assert record["config"]["volume_weight"] == 0.1
    assert (record["mask_cases"], record["report_cases"]) == (3, 3)
    assert record["schedule"] == experiment.schedule.model_dump(mode="json")
    assert record["cohort_sha256"] == collection.hash()
    assert record["seconds_this_session"] == 1.3
    assert record["peak_memory_mb"]["resident"] > 10
    assert {"python", "torch", "numpy"} <= set(record["versions"])
    assert record["hardware"]["device"] == "cpu"


def test_a_method_sees_no_more_than_its_record_says(recorded):
    record = recorded("segmentation")
    assert (record["mask_cases"], record["report_cases"]) == (3, 0)
    assert record["card"]["version"] == read_yaml(find("segmentation").folder / "method.yaml")["version"]
    silent = recorded("silent")
    assert (silent["mask_cases"], silent["report_cases"]) == (0, 0)


def test_no_path_or_host_of_the_machine(recorded, tmp_path):
    text = json.dumps(recorded("segmentation"))
    assert str(tmp_path) not in text
    assert str(Path(__file__).resolve().parents[1]) not in text
