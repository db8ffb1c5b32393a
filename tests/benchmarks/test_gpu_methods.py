"""Times of steps from logs made by hand."""

import json
from pathlib import Path

import pytest

from benchmarks.gpu_methods import stage_rows, table
from rsuper.errors import ArtifactError


def write_run(folder, method, seconds, stage="."):
    model = folder / "model" / stage
    model.mkdir(parents=True)
    lines = [{"step": 3 * (k + 1), "seconds": value} for k, value in enumerate(seconds)]
    (model / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    totals = {
        "step": lines[-1]["step"],
        "seconds": 10.0,
        "stall_seconds": 1.0,
        "mask_patches": 2 * lines[-1]["step"],
        "report_patches": lines[-1]["step"],
    }
    (model / "training.json").write_text(json.dumps(totals), encoding="utf-8")
    hardware = {"device": "cuda", "gpu": "GPU"}
    record = {"method": method, "hardware": hardware, "peak_memory_mb": {"resident": 1, "accelerator": 2048}}
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")


def test_the_first_window_and_a_slow_one_do_not_count(tmp_path):
    write_run(tmp_path, "x", [9.0, 9.3, 9.6, 12.6, 12.9])
    (row,) = stage_rows(tmp_path)
    assert row["step_ms"] == pytest.approx(100.0)
    assert (row["mask_patches"], row["report_patches"]) == (2, 1)
    assert (row["stall_share"], row["peak_gib"], row["device"]) == (0.1, 2.0, "GPU")


def test_too_short_a_log_is_named(tmp_path):
    write_run(tmp_path, "x", [1.0, 2.0])
    with pytest.raises(ArtifactError, match=r"log\.jsonl: 2 lines"):
        list(stage_rows(tmp_path))


def test_times_over_segmentations(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = Path(__file__).parents[2] / "config" / "gpu_steps.yaml"
    with pytest.raises(ArtifactError, match="no finished run"):
        table(experiment)
    runs = tmp_path / "results/gpu_steps/runs/full"
    write_run(runs / "segmentation/seed-0", "segmentation", [1.0, 1.6, 2.2])
    write_run(runs / "r_super/seed-0", "r_super", [1.0, 1.9, 2.8])
    write_run(runs / "clip_like/seed-0", "clip_like", [1.0, 1.3, 1.6], stage="pretraining")
    found = table(experiment).set_index("method")
    assert found["over_segmentation"].to_dict() == pytest.approx(
        {"segmentation": 1.0, "r_super": 1.5, "clip_like": 0.5}
    )
    assert found.loc["clip_like", "stage"] == "pretraining"
