"""The main job end to end on config/micro.yaml: outputs, reruns, controls, equal work."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rsuper.metrics.detection import auc
from tests.workflow.conftest import Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]


FIGURES = ["figure1", "figure3", "figure4", "curve", "roc", "overlays", "landing", "training"]


@contextmanager
def edited(path: Path, old: str, new: str) -> Iterator[None]:
    """Change a file of the copy for a while."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


def test_everything_the_reader_opens_is_there(finished: Project) -> None:
    names = ["table1", "table2", "table2_validation", "table3", "claims", "paper_audit"]
    wanted = [f"{name}.{kind}" for name in names for kind in ("csv", "md", "tex")]
    wanted += [f"figures/{name}.{kind}" for name in FIGURES for kind in ("svg", "png")]
    wanted += ["figures/volume_loss.csv", "figures/overlay_balls.csv", "metrics.csv", "comparisons.csv"]
    wanted += ["figures/curve.csv", "figures/landing.csv", "paper_reference.csv"]
    assert [name for name in wanted if not (finished.results / name).stat().st_size] == []


def test_second_call_runs_nothing(finished: Project) -> None:
    assert finished.planned("all") == {}


@contextmanager
def missing(path: Path) -> Iterator[None]:
    """Without a file, which comes back with its age: nothing that is younger must be made anew."""
    aside = path.with_suffix(".aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


@pytest.mark.parametrize("table", ["table1", "table2", "table3", "claims", "paper_audit"])
def test_deleting_a_table_rebuilds_that_table_alone(finished: Project, table: str) -> None:
    with missing(finished.results / f"{table}.csv"):
        assert set(finished.planned("all")) == {table}


@pytest.mark.parametrize(
    "figure", ["figure1", "figure3", "figure4", "curve", "roc", "overlays", "landing", "training"]
)
def test_deleting_a_figure_redraws_that_figure_alone(finished: Project, figure: str) -> None:
    with missing(finished.results / "figures" / f"{figure}.svg"):
        assert set(finished.planned("all")) == {figure}


def test_overlays_show_the_same_cases_for_every_method(finished: Project) -> None:
    rows = pd.read_csv(finished.results / "figures" / "overlay_balls.csv")
    shown = rows.groupby(["target", "kind"])[["case_id", "slice_z", "view_x", "view_y"]].nunique()
    assert (shown == 1).all(axis=None)
    assert rows.groupby(["budget", "method"]).size().nunique() == 1
    balls = rows[rows["ball_x"].notna()]
    assert len(balls)
    assert balls["diameter_mm"].notna().all()
    assert set(rows["method"]) == {"segmentation", "r_super"}


def test_where_tumors_landed_is_known_for_every_run_of_the_reference(finished: Project) -> None:
    rows = pd.read_csv(finished.results / "figures" / "landing.csv", keep_default_na=False)
    assert set(zip(rows["budget"], rows["method"], rows["seed"], strict=True)) == {("full", "r_super", 0)}
    assert set(rows["step"]) == {2, 4}  # those of the log
    # Phantoms have the truth of every case: a share is missing only where there is no tumor to place.
    assert set(rows["reason"]) <= {"", "the report has no tumor there"}
    assert (rows["true_mm3"] != "").all()


def trained(jobs: dict[str, list[str]]) -> set[str]:
    return {Path(output).parts[4] for output in jobs.get("fit", [])}


@pytest.mark.parametrize(
    ("file", "old", "new", "methods"),
    [
        ("methods/r_super/method.py", "ERROR_STREAM = 12, 19", "ERROR_STREAM = 12, 20", {"r_super"}),
        ("rsuper/losses/geometry.py", "(0.75 *", "(0.7500001 *", {"r_super"}),
        ("rsuper/losses/volume.py", "tolerance: float = 0.1", "tolerance: float = 0.11", {"r_super"}),
        ("methods/silent/method.py", "zero)", "zero * 1)", {"silent"}),
        ("methods/r_super/method.py", "# never there", None, set()),
        ("rsuper/publish/table2.py", "DECIMALS)", "DECIMALS + 0)", set()),
    ],
)
def test_editing_retrains_the_methods_that_use_the_file_alone(
    finished: Project, file: str, old: str, new: str | None, methods: set[str]
) -> None:
    path = finished.root / file
    if new is None:  # a comment changes nothing
        text = path.read_text(encoding="utf-8")
        old, new = text, text + "\n# a comment\n"
    with edited(path, old, new):
        assert trained(finished.planned("all")) == methods


def test_editing_a_shared_loss_retrains_every_method_that_trains(finished: Project) -> None:
    with edited(finished.root / "rsuper/losses/segmentation.py", "2 * overlap", "2.0 * overlap"):
        assert trained(finished.planned("all")) == {"segmentation-stage1", "segmentation", "r_super"}


def numbers(table: pd.DataFrame) -> list[str]:
    metrics = ("dsc", "nsd", "f1", "auc", "sensitivity", "specificity", "dsc_tumor", "nsd_tumor")
    return [name for name in table if name.endswith(tuple(f"_{metric}" for metric in metrics))]


@pytest.mark.parametrize("name", ["table2", "table2_validation", "table3"])
def test_oracle_is_one_in_every_cell(finished: Project, name: str) -> None:
    table = pd.read_csv(finished.results / f"{name}.csv")
    rows = table[table["method"] == "oracle"]
    values = rows[numbers(table)].to_numpy(dtype=float)
    assert len(rows) >= 1
    assert np.isfinite(values).any()
    assert set(np.unique(values[np.isfinite(values)])) == {1.0}


def test_silent_is_the_floor(finished: Project) -> None:
    table = pd.read_csv(finished.results / "table2.csv").set_index("method").loc["silent"]
    for group in ("pancreas_internal", "pancreas_external", "kidney_internal", "kidney_external"):
        positives, negatives = map(int, table[f"{group}_n"].split("+"))
        assert table[f"{group}_auc"] == 0.5
        assert (table[f"{group}_sensitivity"], table[f"{group}_specificity"]) == (1, 0)
        assert table[f"{group}_f1"] == pytest.approx(2 * positives / (2 * positives + negatives), abs=1e-4)
        assert table[f"{group}_dsc_tumor"] == 0
        assert table[f"{group}_dsc"] == pytest.approx(negatives / (positives + negatives), abs=1e-4)


def test_auc_of_shuffled_labels_is_one_half_for_every_method(finished: Project) -> None:
    rng = np.random.default_rng(0)
    files = sorted((finished.results / "runs").glob("*/*/seed-*/cases/*ternal.csv"))
    assert len(files) == 2 * 5
    for file in files:
        cases = pd.read_csv(file)
        for target, rows in cases.groupby("target"):
            labels = rows["truth"].to_numpy(dtype=bool)
            scores = rows["score_top_volume_mean"].to_numpy(dtype=float)
            values = np.array([auc(rng.permutation(labels), scores) for _ in range(200)])
            error = values.std(ddof=1) / np.sqrt(len(values))
            assert abs(values.mean() - 0.5) <= 3 * error + 1e-12, (file, target)


def test_every_method_is_tested_on_the_same_cases(finished: Project) -> None:
    for test_set in ("internal", "external", "validation"):
        files = sorted((finished.results / "runs").glob(f"*/*/seed-*/predictions/{test_set}/predictions.csv"))
        assert len(files) == 5
        first, *others = [pd.read_csv(file)[["case_id", "target"]].to_numpy().tolist() for file in files]
        assert first
        assert all(other == first for other in others)


def test_equal_work(finished: Project) -> None:
    records = {
        path.parts[-3]: json.loads(path.read_text(encoding="utf-8"))
        for path in (finished.results / "runs" / "full").glob("*/*/run.json")
    }
    segmentation, r_super = records["segmentation"], records["r_super"]
    assert segmentation["work"]["steps"] == r_super["work"]["steps"] == 4
    assert segmentation["work"]["mask_patches"] == r_super["work"]["mask_patches"] == 8
    assert (segmentation["work"]["report_patches"], r_super["work"]["report_patches"]) == (0, 8)
    assert records["silent"]["work"]["steps"] == 0
    for key in (
        "card",
        "config",
        "seed",
        "versions",
        "hardware",
        "commit",
        "cohort_sha256",
        "peak_memory_mb",
    ):
        assert key in r_super


def test_rows_that_are_not_run_are_named(finished: Project) -> None:
    table = pd.read_csv(finished.results / "table2.csv")
    status = dict(zip(table["method"] + "@" + table["block"], table["status"], strict=True))
    for method in ("clip_like", "nnunet", "multi_task", "rg_pseudo_labels", "models_genesis"):
        assert status[f"{method}@full"] == "not run in this experiment"
    assert status["r_super@few"] == "not run in this experiment"
    assert status["r_super@full"] == "run"
    assert (table["data_note"] == "digital phantoms, not patients").all()


def test_time_per_rule_is_printed(finished: Project) -> None:
    (finished.results / "table1.csv").unlink()
    text = finished.run("table1")
    assert "Time per rule" in text
    assert "Time and work per run" in text
    assert "presence 1.000" in text  # accuracy of the extraction
