"""What each row cost: training and prediction time, memory, work, and where it ran."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rsuper.artifacts import Layout, read_json, run_record
from rsuper.publish.figures.shown_runs import Run
from rsuper.publish.html.grid import Grid, listed
from rsuper.publish.rows import Card, label_of
from rsuper.publish.timing import seconds_of

_HEADINGS = {
    "label": "Method",
    "budget": "Budget",
    "seeds": "Seeds",
    "training_s": "Training, s",
    "predict_s": "Prediction, s",
    "steps": "Steps",
    "mask_patches": "Mask patches",
    "report_patches": "Report patches",
    "peak_mb": "Peak memory, MB",
    "device": "Device",
}


def read_records(layout: Layout, runs: Sequence[Run]) -> dict[Run, Mapping[str, Any]]:
    """Read the record of every run.

    Raises:
        ArtifactError: one is missing or damaged.
    """
    return {run: read_json(run_record(layout.run(*run))) for run in runs}


def cost_grid(records: Mapping[Run, Mapping[str, Any]], root: Path, cards: Sequence[Card]) -> Grid:
    """Add up what the seeds of a row cost: means over them, the highest peak.

    Args:
        records: run.json of each run.
        root: results folder, which holds Snakemake's times.
        cards: names to print.
    """
    rows = [
        {
            "label": label_of(method, cards),
            "budget": budget,
            "training_s": float(record["seconds_training"]),
            "predict_s": seconds_of(root, "predict", budget, method, f"seed-{seed}"),
            **{name: float(record["work"][name]) for name in ("steps", "mask_patches", "report_patches")},
            "peak_mb": max(record["peak_memory_mb"].values(), default=0.0),
            "device": device_of(record),
        }
        for (budget, method, seed), record in records.items()
    ]
    frame = pd.DataFrame(rows).astype({"predict_s": float})  # blank where Snakemake noted no time
    grouped = frame.groupby(["label", "budget"], sort=False)
    means = ["training_s", "predict_s", "steps", "mask_patches", "report_patches"]
    table = grouped[means].mean().round(0)
    table["seeds"] = grouped.size()
    table["peak_mb"] = grouped["peak_mb"].max().round(0)
    table["device"] = grouped["device"].agg(lambda names: ", ".join(dict.fromkeys(names)))
    table = table.reset_index()
    training, prediction = (_hours(float(frame[name].sum())) for name in ("training_s", "predict_s"))
    note = (
        f"Means over the seeds of a row. All rows: {training} of training, {prediction} of prediction. The "
        "first stage, which rows of a budget share, is in none of them."
    )
    return listed(table, "cost-grid", "Cost per row", _HEADINGS, notes=[note])


def device_of(record: Mapping[str, Any]) -> str:
    """Name what a run was computed on."""
    hardware = record["hardware"]
    return str(hardware.get("gpu") or hardware.get("cpu") or "unknown")


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.0f} minutes"
