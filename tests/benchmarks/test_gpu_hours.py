"""GPU hours: by hand on round numbers, and docs/cluster.md has what the script prints."""

import json

import pytest

from benchmarks import gpu_hours
from benchmarks.gpu_hours import PAPER, SETTINGS, Speed, Work
from rsuper.config.load import load_experiment


@pytest.fixture(scope="module")
def paper():
    return load_experiment(PAPER)


def test_speed_is_per_patch(tmp_path):
    rows = [
        {
            "part": "compile" if "compiled" in setting else "train",
            "setting": setting,
            "median_ms": 3600,
            "patches": 2,
        }
        for setting in SETTINGS.values()
    ]
    path = tmp_path / "gpu.jsonl"
    path.write_text("\n".join(map(json.dumps, [*rows, {"part": "r_super", "ratio": 1.5}])))
    assert gpu_hours.measured(path) == dict.fromkeys(SETTINGS, Speed(0.0005, 0.00075))
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(ValueError, match="no row of part r_super"):
        gpu_hours.measured(path)
    path.write_text(json.dumps({"part": "r_super", "ratio": 1.5}))
    with pytest.raises(ValueError, match=r"no row of \[.float32"):
        gpu_hours.measured(path)


def test_work_is_that_of_the_cards(paper):
    # 100,000 steps per stage, two mask patches, two report patches on top.
    done = {name: gpu_hours.work(name, paper) for name in ("segmentation", "segmentation-stage1_pancreas")}
    assert set(done.values()) == {Work(200_000)}
    assert gpu_hours.work("r_super-no_subsegments", paper) == Work(0, 400_000)
    assert gpu_hours.work("clip_like", paper) == Work(800_000 + 200_000)
    assert gpu_hours.work("models_genesis", paper) == Work(400_000 + 200_000)
    assert gpu_hours.work("nnunet", paper) is None
    assert gpu_hours.training_hours(Work(10, 4), Speed(2, 3)) == 32


def test_prediction_counts_windows_and_cases(paper):
    # 400 mm by windows of 128 at half overlap: 6 per side; 500 mm: 7.
    assert gpu_hours.prediction_hours(paper, Speed(3, 0), 2) == pytest.approx(2 * 6 * 6 * 7)
    assert gpu_hours.tested_cases(paper) == 408 + 100 + 1_598
    assert gpu_hours.report_cases() == 6_718


def test_every_training_of_the_paper_has_a_row_and_the_document_has_the_rows(paper):
    rows = gpu_hours.table(paper, gpu_hours.measured(gpu_hours.MEASURED))
    names = [(row["budget"], row["method"]) for row in rows]
    assert len(names) == len(set(names)) == 17
    assert ("full", "segmentation-stage1_pancreas") in names
    by_name = {row["method"]: row for row in rows}
    # 100,000 steps of 225.36 ms; twice as many patches, 1.28 times as dear.
    assert by_name["segmentation"]["bf16"] == pytest.approx(6.3)
    assert by_name["r_super"]["bf16"] == pytest.approx(16.0)
    assert by_name["segmentation-stage1"]["predict"] == 0
    document = (gpu_hours.ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert gpu_hours.printed(rows, paper) in document
