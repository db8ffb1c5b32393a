import math

import pandas as pd
import pytest
from long_forms import make_experiment, metric, metrics_of

from rsuper.artifacts import read_table, write_table
from rsuper.publish.figures.curve_points import all_reports, curve_frame, same_masks
from rsuper.publish.figures.tables import CURVE


def budget(masks, reports, *, mask_cases=None, report_cases=None):
    """As many masks of either target, a third of all; one report less of the kidney."""
    return {
        "masks": {"pancreas": masks, "kidney": masks},
        "mask_cases": 3 * masks if mask_cases is None else mask_cases,
        "reports": {"pancreas": reports, "kidney": max(reports - 1, 0)},
        "report_cases": 3 * reports if report_cases is None else report_cases,
    }


COUNTS = {
    "m40": budget(40, 90),
    "m5": budget(5, 90),
    "m5_r30": budget(5, 30),
    "m5_r0": budget(5, 0),
    "m20": budget(20, 90),
    "m40_r30": budget(40, 30),
}


def rows(budgets, methods=("segmentation", "r_super"), **changes):
    return [metric(name, method, "auc", 0.7, **changes) for name in budgets for method in methods]


def points(found, curve, method="r_super"):
    own = found[(found["curve"] == curve) & (found["method"] == method)]
    return list(zip(own["budget"], own["masks"], own["reports"], strict=True))


def test_which_budgets_lie_on_which_curve():
    found = curve_frame(metrics_of(rows(COUNTS)), COUNTS, make_experiment())
    assert points(found, "a") == [("m5", 5, 90), ("m20", 20, 90), ("m40", 40, 90)]
    assert points(found, "a", "segmentation") == [("m5", 5, 0), ("m20", 20, 0), ("m40", 40, 0)]
    # Five masks have three numbers of reports, 40 masks have two.
    assert points(found, "b") == [("m5_r0", 5, 0), ("m5_r30", 5, 30), ("m5", 5, 90)]
    # Segmentation sees no report: it stands once, as run with the most.
    assert points(found, "b", "segmentation") == [("m5", 5, 0)]


def test_kidney_has_numbers_of_its_own():
    found = curve_frame(metrics_of(rows(COUNTS, target="kidney")), COUNTS, make_experiment())
    assert points(found, "b") == [("m5_r0", 5, 0), ("m5_r30", 5, 29), ("m5", 5, 89)]


def test_budgets_by_their_numbers():
    assert all_reports(COUNTS) == ["m40", "m5", "m20"]
    assert same_masks(COUNTS) == ["m5", "m5_r30", "m5_r0"]
    assert all_reports({}) == same_masks({}) == []
    # As many tumors, but other tumor-free CTs: not the same masks.
    assert same_masks({"one": budget(5, 90), "other": budget(5, 30, mask_cases=99)}) == []
    # Three budgets with one number of reports are no curve; of two equal groups the first.
    same = {f"same{index}": budget(8, 90) for index in range(3)}
    assert same_masks(same) == []
    pairs = {name: COUNTS[name] for name in ("m5", "m40", "m40_r30", "m5_r30")}
    assert same_masks(same | pairs) == ["m5", "m5_r30"]


def test_no_second_curve_without_the_reference_at_two_numbers_of_reports():
    only = [*rows(["m5"]), *rows(["m5_r30", "m5_r0"], ["segmentation"])]
    found = curve_frame(metrics_of(only), COUNTS, make_experiment())
    assert set(found["curve"]) == {"a"}
    # Segmentation may be missing there, or be run at fewer reports alone.
    found = curve_frame(metrics_of(rows(["m5", "m5_r30"], ["r_super"])), COUNTS, make_experiment())
    assert points(found, "b") == [("m5_r30", 5, 30), ("m5", 5, 90)]
    few = [*rows(["m5", "m5_r30"], ["r_super"]), *rows(["m5_r30", "m5_r0"], ["segmentation"])]
    found = curve_frame(metrics_of(few), COUNTS, make_experiment())
    assert points(found, "b", "segmentation") == [("m5_r30", 5, 0)]


def test_which_numbers_are_taken_and_in_which_order():
    cells = [
        metric("m5", "r_super", "dsc", 0.9),  # of all CTs
        metric("m5", "r_super", "dsc", 0.3, convention="tumor_cases"),
        metric("m5", "r_super", "f1", 0.5, rule="validation"),
        metric("m5", "r_super", "auc", 0.7),
        metric("m5", "r_super", "auc", 0.1, stratum="small"),
        metric("m5", "r_super", "auc", 0.2, test_set="validation"),
        metric("m5", "r_super", "sensitivity", 0.4),
        metric("m5", "r_super", "f1", 0.6),
        metric("m5", "r_super", "f1", 0.65, target="kidney", test_set="internal"),
        metric("m5", "r_super", "f1", 0.55, test_set="internal"),
        *rows(["m5"], ["oracle", "mine", "nnunet", "r_super-volume_only", "segmentation-stage1"]),
        *rows(["unknown"]),
    ]
    found = curve_frame(metrics_of(cells), COUNTS, make_experiment())
    assert list(found) == list(CURVE.columns)
    names = ["target", "test_set", "metric", "value"]
    assert found[names].to_numpy().tolist() == [
        ["pancreas", "external", "f1", 0.6],
        ["pancreas", "external", "auc", 0.7],
        ["pancreas", "external", "dsc_tumor", 0.3],
        ["pancreas", "internal", "f1", 0.55],
        ["kidney", "internal", "f1", 0.65],
    ]
    first = found.iloc[0]
    assert (first["ci_low"], first["ci_high"]) == pytest.approx((0.5, 0.7))
    assert (first["n_positive"], first["n_negative"], first["seed"]) == (40, 60, "0")


def test_order_is_that_of_the_numbers_not_of_the_input():
    cells = metrics_of([row for seed in ("10", "all", "2") for row in rows(COUNTS, seed=seed)])
    found = curve_frame(cells, COUNTS, make_experiment())
    assert found["seed"].tolist()[:3] == ["all", "2", "10"]
    backwards = curve_frame(cells[::-1], dict(reversed(COUNTS.items())), make_experiment())
    pd.testing.assert_frame_equal(found, backwards)
    again = curve_frame(cells, COUNTS, make_experiment())
    pd.testing.assert_frame_equal(found, again)


def test_a_result_without_value_keeps_its_reason(tmp_path):
    cells = metrics_of([metric("m5", "r_super", "auc", math.nan, reason="no tumor")])
    write_table(curve_frame(cells, COUNTS, make_experiment()), tmp_path / "curve.csv", CURVE)
    (row,) = read_table(tmp_path / "curve.csv", CURVE).to_dict("records")
    assert math.isnan(row["value"])
    assert (row["reason"], row["masks"], row["reports"]) == ("no tumor", 5, 90)


def test_nothing_measured_is_no_row(tmp_path):
    for counts in (COUNTS, {}):
        found = curve_frame(metrics_of([]), counts, make_experiment())
        assert (list(found), len(found)) == (list(CURVE.columns), 0)
    write_table(found, tmp_path / "curve.csv", CURVE)
    assert read_table(tmp_path / "curve.csv", CURVE).empty
