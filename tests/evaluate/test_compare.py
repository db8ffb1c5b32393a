import math

import numpy as np
import pandas as pd
import pytest
from scored_runs import make_experiment, random_run, run_cases

from rsuper.errors import ArtifactError
from rsuper.evaluate.compare import comparisons_frame
from rsuper.schemas import COMPARISONS
from rsuper.stats.multiplicity import holm

EXPERIMENT = make_experiment()


def _compare(*runs):
    return comparisons_frame(pd.concat(runs, ignore_index=True), EXPERIMENT, np.random.default_rng(0))


def _pick(frame, other, metric, stratum="all", convention="", rule=""):
    keys = {"other": other, "metric": metric, "stratum": stratum, "convention": convention, "rule": rule}
    return frame[np.logical_and.reduce([frame[name] == value for name, value in keys.items()])].iloc[0]


def test_f1_by_hand():
    # r_super finds all three tumors; segmentation finds nothing but calls, at its best threshold, everything
    # positive: F1 6/6 against 6/9. The calls differ on 3 tumor-free cases; only swapping none or all of them
    # gives as large a difference: 2 of 8 patterns.
    labels = [1, 1, 1, 0, 0, 0]
    frame = _compare(
        run_cases(labels, [0.9, 0.8, 0.7, 0.1, 0.2, 0.3]),
        run_cases(labels, [0.0] * 6, method="segmentation"),
    )
    row = _pick(frame, "segmentation", "f1", rule="oracle_test")
    assert row["difference"] == pytest.approx(1 - 6 / 9)
    assert row["p_value"] == pytest.approx(2 / 8)
    assert row["test"] == "permutation"
    # One perfect score against a constant one: all placements differ alike.
    auc = _pick(frame, "segmentation", "auc")
    assert auc["difference"] == 0.5
    assert auc["reason"].startswith("degenerate")
    assert "in validation" in _pick(frame, "segmentation", "f1", rule="validation")["reason"]
    assert _pick(frame, "segmentation", "dsc", convention="all_cases")["reason"] == "no truth masks"


def test_patients_are_swapped_together():
    labels = [1, 1, 1, 0, 0, 0]
    runs = [
        run_cases(labels, [0.9, 0.8, 0.7, 0.1, 0.2, 0.3]).assign(patient_id="the same"),
        run_cases(labels, [0.0] * 6, method="segmentation").assign(patient_id="the same"),
    ]
    # One patient: both patterns of swaps are as extreme.
    assert _pick(_compare(*runs), "segmentation", "f1", rule="oracle_test")["p_value"] == 1.0
    masks = [
        run_cases(labels, [0.9] * 6, [dice] * 6, method=method).assign(patient_id="the same")
        for method, dice in (("r_super", 0.8), ("segmentation", 0.1))
    ]
    assert _pick(_compare(*masks), "segmentation", "dsc", convention="tumor_cases")["p_value"] == 1.0


def test_a_method_against_its_equal():
    frame = _compare(random_run("r_super", 1), random_run("segmentation", 1))
    tested = frame[frame["p_value"].notna()]
    assert (tested["p_value"] == 1.0).all()
    assert tested["reason"].str.startswith("degenerate").all()
    assert (frame["difference"].dropna() == 0).all()


def test_dsc_and_nsd_by_hand():
    labels = [1, 1, 1, 1, 0, 0]
    scores = [0.9, 0.8, 0.7, 0.6, 0.2, 0.3]
    frame = _compare(
        run_cases(labels, scores, [0.9, 0.7, 0.8, 0.6, 1, 1]),
        run_cases(labels, scores, [0.5, 0.6, 0.4, 0.1, 0, 1], method="segmentation"),
    )
    row = _pick(frame, "segmentation", "dsc", convention="tumor_cases")
    assert row["difference"] == pytest.approx((3.0 - 1.6) / 4)
    # Single differences lie between .1 and .5, and so does every resampled mean.
    assert 0.1 <= row["ci_low"] < row["difference"] < row["ci_high"] <= 0.5
    # All four differences point one way: only swapping none or all is as extreme.
    assert (row["test"], row["p_value"]) == ("sign_flip", 2 / 16)
    everything = _pick(frame, "segmentation", "nsd", convention="all_cases")
    assert everything["difference"] == pytest.approx((5.0 - 2.6) / 6 / 2)


def test_controls_and_ablations():
    runs = [
        random_run(name, seed)
        for seed, name in enumerate(("r_super", "r_super-ball_only", "segmentation", "silent"))
    ]
    frame = _compare(*runs)
    assert set(frame["other"]) == {"r_super-ball_only", "segmentation"}
    assert (frame["ablation"] == (frame["other"] == "r_super-ball_only")).all()
    assert frame.loc[frame["ablation"], "p_adjusted"].isna().all()
    # A single alternative is a family of one.
    alone = frame[~frame["ablation"] & frame["p_value"].notna()]
    pd.testing.assert_series_equal(alone["p_adjusted"], alone["p_value"], check_names=False)


def test_trained_controls_are_compared_outside_of_holm_and_marks():
    budgets = {"full": {"methods": ["segmentation", "r_super"], "controls": ["all_masks"]}}
    experiment = make_experiment(budgets=budgets)
    runs = [random_run(name, seed) for seed, name in enumerate(("r_super", "all_masks", "segmentation"))]
    frame = comparisons_frame(pd.concat(runs), experiment, np.random.default_rng(0))
    assert set(frame["other"]) == {"all_masks", "segmentation"}
    assert (frame["ablation"] == (frame["other"] == "all_masks")).all()
    alone = frame[~frame["ablation"] & frame["p_value"].notna()]
    pd.testing.assert_series_equal(alone["p_adjusted"], alone["p_value"], check_names=False)


def test_holm_runs_over_the_alternatives_of_one_test():
    others = ["segmentation", "nnunet", "multi_task"]
    runs = [
        random_run(name, seed, shift)
        for seed, (name, shift) in enumerate(zip(others, (0, 1, 2), strict=True))
    ]
    frame = _compare(random_run("r_super", 9, 3.0), *runs)
    family = frame[(frame["metric"] == "auc") & (frame["stratum"] == "small")]
    assert len(family) == 3
    assert family["p_adjusted"].tolist() == pytest.approx(holm(family["p_value"].tolist()))
    assert (family["p_adjusted"] >= family["p_value"]).all()


def test_cases_are_paired_by_name_and_not_by_order():
    ours, other = random_run("r_super", 1), random_run("segmentation", 2)
    pd.testing.assert_frame_equal(_compare(ours, other), _compare(other[::-1], ours))


@pytest.mark.parametrize(("short", "full"), [("segmentation", "r_super"), ("r_super", "segmentation")])
def test_a_missing_case_is_named(short, full):
    runs = {name: random_run(name, 1) for name in (short, full)}
    runs[short] = runs[short].drop(index=7)
    with pytest.raises(ArtifactError, match=rf"case 'case007' is among the cases of {full}.* not of {short}"):
        _compare(*runs.values())


def test_a_missing_test_set_is_named():
    with pytest.raises(ArtifactError, match=r"external.*have no row of segmentation"):
        _compare(
            random_run("r_super", 1),
            random_run("r_super", 1, test_set="external"),
            random_run("segmentation", 1),
        )


@pytest.mark.parametrize(("column", "value"), [("truth", True), ("patient_id", "someone else")])
def test_a_truth_or_patient_that_differs_is_named(column, value):
    other = random_run("segmentation", 1)
    other.loc[3, column] = value
    with pytest.raises(ArtifactError, match=f"case 'case003' differs in '{column}'"):
        _compare(random_run("r_super", 1), other)


@pytest.mark.parametrize("lost", [slice(0, 1), slice(None)])
def test_a_missing_validation_case_is_named(lost):
    runs = {name: random_run(name, 1) for name in ("r_super", "segmentation")}
    held_out = {name: random_run(name, 2, test_set="validation") for name in runs}
    assert not _compare(*runs.values(), *held_out.values()).empty
    held_out["segmentation"] = held_out["segmentation"].drop(index=held_out["segmentation"].index[lost])
    with pytest.raises(ArtifactError, match=r"case 'case000' .* r_super .*validation.* not of segmentation"):
        _compare(*runs.values(), *held_out.values())


def test_failures_of_either_run_are_counted():
    ours, other = random_run("r_super", 1), random_run("segmentation", 2)
    other.loc[0, "score_top_volume_mean"] = math.nan
    frame = _compare(ours, other)
    assert "segmentation: 1 of 60 cases failed" in _pick(frame, "segmentation", "auc")["reason"]


def test_budgets_without_the_reference_and_no_cases_have_no_rows():
    frame = _compare(random_run("segmentation", 1), random_run("nnunet", 2))
    assert frame.empty
    assert list(frame.columns) == list(COMPARISONS.columns)
    assert _compare(run_cases([], [])).empty


def test_budgets_and_seeds_are_apart():
    runs = [
        random_run(name, seed, seed=seed, budget=budget)
        for seed in (0, 1)
        for budget in ("few", "full")
        for name in ("r_super", "segmentation")
    ]
    frame = _compare(*runs)
    # Per budget and seed (and all seeds) and stratum: AUC, F1 by 2 rules, DSC and NSD by 2 conventions.
    assert len(frame) == 2 * 3 * 3 * (1 + 2 + 4)


def test_a_method_for_one_target_is_compared_there_alone():
    frame = _compare(
        random_run("r_super", 1),
        random_run("r_super", 2, target="kidney"),
        random_run("r_super-pancreas_only", 3),
    )
    assert set(zip(frame["other"], frame["target"], strict=True)) == {("r_super-pancreas_only", "pancreas")}
