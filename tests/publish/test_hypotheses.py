import math

import pytest
from long_forms import BASE, comparison, comparisons_of, make_experiment
from pydantic import ValidationError

from rsuper.publish.hypotheses import hypotheses_frame

HELPS = {
    "id": "helps",
    "statement": "reports help",
    "budget": "full",
    "other": "segmentation",
    "metrics": ["auc", "dsc_tumor"],
}


def judged(rows, **changes):
    experiment = make_experiment(hypotheses=[HELPS | changes], targets=["pancreas"])
    frame = hypotheses_frame(comparisons_of(rows), experiment)
    return frame.set_index(["test_set", "metric"])


def test_one_row_per_test_set_and_metric_and_the_missing_are_not_testable():
    frame = judged([comparison("segmentation", "auc", 0.01, 0.2, 0.01)])
    assert frame["verdict"].to_dict() == {
        ("internal", "auc"): "not testable",
        ("internal", "dsc_tumor"): "not testable",
        ("external", "auc"): "holds",
        ("external", "dsc_tumor"): "not testable",
    }
    assert frame.loc[("external", "auc"), "difference"] == pytest.approx(0.105)


def test_holm_over_the_cells_of_a_hypothesis_decides():
    rows = [
        comparison("segmentation", "auc", 0.01, 0.2, 0.03),
        comparison("segmentation", "auc", 0.01, 0.2, 0.04, test_set="internal"),
    ]
    frame = judged(rows)
    assert frame.loc[("external", "auc"), "p_adjusted"] == pytest.approx(0.06)  # 2 x .03
    assert frame.loc[("external", "auc"), "verdict"] == "undecided"
    rows[0]["p_value"] = 0.02
    assert judged(rows)["verdict"][[("external", "auc"), ("internal", "auc")]].tolist() == ["holds", "holds"]


def test_dsc_is_that_of_tumor_cases_and_needs_its_interval_alone():
    over_all = comparison("segmentation", "dsc", -0.3, -0.2, math.nan)
    over_tumors = comparison("segmentation", "dsc", 0.1, 0.2, math.nan, convention="tumor_cases")
    frame = judged([over_all, over_tumors])
    assert frame.loc[("external", "dsc_tumor"), "difference"] == pytest.approx(0.15)
    assert frame.loc[("external", "dsc_tumor"), "verdict"] == "holds"


def test_f1_is_at_the_threshold_of_validation_cases():
    rows = [
        comparison("segmentation", "f1", 0.1, 0.2, 0.001),
        comparison("segmentation", "f1", -0.2, -0.1, 0.001, rule="validation"),
    ]
    assert judged(rows, metrics=["f1"]).loc[("external", "f1"), "verdict"] == "contradicted"


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(-0.2, -0.1, "holds"), (0.1, 0.2, "contradicted"), (-0.1, 0.1, "undecided")]
)
def test_a_ceiling_is_expected_above_the_reference(low, high, verdict):
    rows = [comparison("segmentation", "auc", low, high, 0.001)]
    assert judged(rows, expected="below").loc[("external", "auc"), "verdict"] == verdict


def test_no_hypothesis_no_row():
    assert hypotheses_frame(comparisons_of([]), make_experiment()).empty


@pytest.mark.parametrize(
    "change", [{"budget": "nowhere"}, {"other": "oracle"}, {"budget": "few", "other": "mine"}]
)
def test_a_hypothesis_about_a_row_that_is_not_run_is_refused(change):
    with pytest.raises(ValidationError, match="hypothesis 'helps' compares rows"):
        make_experiment(hypotheses=[HELPS | change])
    assert BASE["budgets"]
