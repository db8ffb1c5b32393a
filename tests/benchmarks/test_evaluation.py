"""The sample is scored by the rule's own functions, and every stage is timed."""

import nibabel as nib
import numpy as np
import pytest

from benchmarks.evaluation import Stopwatch, ellipsoid, evaluate_case, metrics_seconds, write_case
from rsuper.config.experiment import Evaluation


def test_ellipsoid_has_its_volume():
    mask = ellipsoid((60, 50, 40), (1.0, 1.0, 2.0), (2.0, 0.0, 0.0), (20.0, 15.0, 30.0))
    assert mask.flags.f_contiguous
    assert mask.sum() * 2 == pytest.approx(4 / 3 * np.pi * 20 * 15 * 30, rel=0.02)


def test_a_stopwatch_adds_up_and_passes_on():
    watch = Stopwatch()
    assert watch("stage", max, 1, 2) == 2
    assert watch("stage", sorted, [1, 2], reverse=True) == [2, 1]
    assert list(watch.seconds) == ["stage"]


def test_a_case_is_written_read_and_scored(tmp_path):
    write_case(tmp_path, 14, (0.75, 0.75, 5.0), np.random.default_rng(0))
    stored = nib.load(tmp_path / "pancreas_map.nii.gz")
    assert stored.get_data_dtype() == np.uint16
    watch = Stopwatch()
    evaluation = Evaluation()
    rows = evaluate_case(tmp_path, watch, evaluation.nsd_tolerances_mm)
    assert [row["target"] for row in rows] == ["pancreas", "kidney"]
    assert all(row["truth"] and row["reason"] == "" and 0.5 < row["dsc"] <= 1 for row in rows)
    stages = {"read map", "read organ masks", "- decompress alone", "- case score", "- lesions"}
    stages |= {"- NSD surfel", "score (all of it)"}
    assert stages <= set(watch.seconds)
    assert min(metrics_seconds(rows, Evaluation(bootstrap_draws=10), 8)) > 0
