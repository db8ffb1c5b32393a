import math

import numpy as np
import pandas as pd
import pytest
from scored_runs import make_experiment, random_run, run_cases

from rsuper.evaluate.summary import metrics_frame
from rsuper.metrics.detection import auc
from rsuper.schemas import METRICS

EVALUATION = make_experiment().evaluation
LABELS = [1, 1, 1, 1, 0, 0, 0, 0]


def _metrics(cases):
    return metrics_frame(cases, EVALUATION, np.random.default_rng(0))


def _pick(frame, metric, stratum="all", convention="", rule=""):
    keys = {"metric": metric, "stratum": stratum, "convention": convention, "rule": rule}
    return frame[np.logical_and.reduce([frame[name] == value for name, value in keys.items()])].iloc[0]


def test_counts_by_hand():
    cases = pd.concat(
        [
            run_cases(LABELS, [0.9, 0.8, 0.7, 0.2, 0.75, 0.3, 0.2, 0.1], [0.8, 0.6, 0.4, 0, 0, 1, 1, 1]),
            run_cases([1, 0], [0.8, 0.74], test_set="validation"),
        ]
    )
    frame = _metrics(cases)
    # Pairs won: 4 + 4 + 3 + (0.2 against .75, .3, .2, .1: 0 + 0 + .5 + 1) of 16.
    assert _pick(frame, "auc")["value"] == pytest.approx(12.5 / 16)
    # Above 0.5: 3 of 4 tumors, 1 of 4 others: F1 6/8. Above 0.15: 8/11. Above 0.775: 4/6.
    best = _pick(frame, "f1", rule="oracle_test")
    assert (best["value"], best["threshold"]) == (pytest.approx(0.75), pytest.approx(0.5))
    assert _pick(frame, "sensitivity", rule="oracle_test")["value"] == 0.75
    assert _pick(frame, "specificity", rule="oracle_test")["value"] == 0.75
    # Validation chooses 0.77: tumors at .9 and .8, nothing else.
    honest = _pick(frame, "f1", rule="validation")
    assert (honest["value"], honest["threshold"]) == (pytest.approx(2 * 2 / 6), pytest.approx(0.77))
    assert _pick(frame, "dsc", convention="tumor_cases")["value"] == pytest.approx(1.8 / 4)
    assert _pick(frame, "dsc", convention="all_cases")["value"] == pytest.approx(4.8 / 8)
    assert _pick(frame, "nsd_voxel_2mm", convention="tumor_cases")["value"] == pytest.approx(0.9 / 4)
    assert _pick(frame, "dsc", convention="tumor_cases")["n_negative"] == 0
    assert (best["n_positive"], best["n_negative"]) == (4, 4)


def test_lesions_by_hand():
    dsc = [0.8, 0.6, 0.4, 0, 0, 1, 1, 1]
    frame = _metrics(run_cases(LABELS, [0.9, 0.8, 0.7, 0.2, 0.75, 0.3, 0.2, 0.1], dsc))
    # Three of four tumors found; one false piece in eight CTs.
    found, false = _pick(frame, "lesion_sensitivity"), _pick(frame, "false_positives_per_ct")
    assert (found["value"], found["n_positive"], found["n_negative"]) == (0.75, 4, 0)
    assert (false["value"], false["n_positive"], false["n_negative"]) == (1 / 8, 4, 4)
    # Small tumors are cases 1 and 3: one of two; all tumor-free CTs stay: 1 piece in 6.
    assert _pick(frame, "lesion_sensitivity", stratum="small")["value"] == 0.5
    assert _pick(frame, "false_positives_per_ct", stratum="small")["value"] == pytest.approx(1 / 6)
    # A failed case finds nothing and marks nothing, and its tumor counts.
    failed = _metrics(run_cases(LABELS, [math.nan, 0.8, 0.7, 0.2, 0.75, 0.3, 0.2, 0.1], dsc))
    assert _pick(failed, "lesion_sensitivity")["value"] == 0.5
    unknown = _metrics(run_cases(LABELS, [0.9, 0.8, 0.7, 0.2, 0.75, 0.3, 0.2, 0.1]))
    assert math.isnan(_pick(unknown, "lesion_sensitivity")["value"])
    assert _pick(unknown, "false_positives_per_ct")["reason"] == "no truth masks"


def test_strata_reuse_the_overall_threshold():
    frame = _metrics(run_cases(LABELS, [0.9, 0.8, 0.7, 0.2, 0.75, 0.3, 0.2, 0.1]))
    # Small tumors are cases 1 and 3 (0.8, 0.2); threshold 0.5; one of four others above it.
    small = _pick(frame, "f1", stratum="small", rule="oracle_test")
    assert (small["threshold"], small["n_positive"], small["n_negative"]) == (pytest.approx(0.5), 2, 4)
    assert small["value"] == pytest.approx(2 * 1 / (2 + 1 + 1))
    assert _pick(frame, "specificity", stratum="large", rule="oracle_test")["value"] == 0.75


def test_oracle_and_silent():
    perfect = _metrics(run_cases(LABELS, [1.0] * 4 + [0.0] * 4, [1.0] * 8))
    measured = perfect[(perfect["rule"] != "validation") & perfect["value"].notna()]
    halved = measured["metric"].str.startswith("nsd")  # NSD is half of DSC in these made-up cases
    clean = measured["metric"] == "false_positives_per_ct"
    assert (measured["value"] == np.where(halved, 0.5, np.where(clean, 0.0, 1.0))).all()
    assert len(measured) == 3 * (1 + 3 + 3 * 2 + 2)
    labels = [1, 1, 1, 0, 0, 0, 0, 0]
    silent = _metrics(run_cases(labels, [0.0] * 8, [0.0] * 3 + [1.0] * 5))
    assert _pick(silent, "auc")["value"] == 0.5
    assert _pick(silent, "f1", rule="oracle_test")["value"] == pytest.approx(2 * 3 / (2 * 3 + 5))
    assert _pick(silent, "sensitivity", rule="oracle_test")["value"] == 1.0
    assert _pick(silent, "specificity", rule="oracle_test")["value"] == 0.0
    assert _pick(silent, "dsc", convention="tumor_cases")["value"] == 0.0
    assert _pick(silent, "dsc", convention="all_cases")["value"] == pytest.approx(5 / 8)


def test_failed_cases_count_and_are_counted():
    frame = _metrics(run_cases(LABELS, [math.nan, 0.9, 0.8, 0.7, 0.3, 0.2, 0.1, math.nan], [0.5] * 8))
    # The failed tumor lies below everything but the failed normal, which it ties with: 12 + 0.5 of 16.
    assert _pick(frame, "auc")["value"] == pytest.approx(12.5 / 16)
    assert _pick(frame, "sensitivity", rule="oracle_test")["value"] == 0.75
    # Tumors: 0, .5, .5, .5; normals: .5, .5, .5, 1.
    assert _pick(frame, "dsc", convention="all_cases")["value"] == pytest.approx(4 / 8)
    assert (frame["reason"].str.contains("2 of 8 cases failed") == (frame["stratum"] == "all")).all()


def test_what_cannot_be_computed_says_why():
    frame = _metrics(run_cases(LABELS, [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1]))
    assert _pick(frame, "dsc", convention="all_cases")["reason"] == "no truth masks"
    assert "in validation" in _pick(frame, "f1", rule="validation")["reason"]
    missing = frame[frame["value"].isna()]
    assert (missing["reason"] != "").all()
    few = _metrics(run_cases([1, 0, 0], [0.9, 0.1, 0.2]))
    assert _pick(few, "auc")["reason"].startswith("too few cases: 1 tumor and 2 tumor-free, needed 2 and 2")
    assert _pick(few, "f1", stratum="small", rule="oracle_test")["reason"].startswith(
        "too few cases: 0 tumor"
    )


def test_cases_without_a_mask_are_left_out_of_dsc_and_named():
    cases = run_cases(LABELS, [0.5] * 8, [0.5] * 8)
    cases.loc[0, ["dsc", "truth_source"]] = [math.nan, "report"]
    row = _pick(_metrics(cases), "dsc", convention="tumor_cases")
    assert (row["value"], row["n_positive"], row["reason"]) == (0.5, 3, "1 cases have no truth mask")


def test_one_row_per_run_and_metric_and_bounds_around_values():
    cases = pd.concat([random_run("a", 1), random_run("b", 2), random_run("a", 3, test_set="validation")])
    frame = _metrics(cases)
    assert list(frame.columns) == list(METRICS.columns)
    # Per run and stratum: AUC, 3 rates by 2 rules, 3 mask metrics by 2 conventions, 2 of lesions.
    assert len(frame) == 2 * 3 * (1 + 6 + 6 + 2)
    assert not frame.duplicated(list(METRICS.columns)[:9]).any()
    there = frame[frame["value"].notna()]
    assert (there["ci_low"] <= there["value"]).all()
    assert (there["value"] <= there["ci_high"]).all()


def test_other_runs_and_row_order_change_nothing():
    own = random_run("a", 1)
    alone = _metrics(own)
    together = _metrics(
        pd.concat([random_run("b", 2), own.sample(frac=1, random_state=0)], ignore_index=True)
    )
    kept = together[together["method"] == "a"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, kept)


def test_shuffled_labels_average_to_chance():
    cases = random_run("a", 1, shift=2.0)
    scores, labels = cases["score_top_volume_mean"].to_numpy(), cases["truth"].to_numpy()
    generator = np.random.default_rng(0)
    shuffled = [auc(generator.permutation(labels), scores) for _ in range(200)]
    assert abs(np.mean(shuffled) - 0.5) < 3 * np.std(shuffled, ddof=1) / math.sqrt(200)


def test_no_cases():
    frame = _metrics(run_cases([], []))
    assert frame.empty
    assert list(frame.columns) == list(METRICS.columns)
