import math

import pytest
from long_forms import comparison, comparisons_of, make_experiment, metric, metrics_of

from rsuper.publish.claims import Claim, claims_frame, paper_claims, reported_results
from rsuper.publish.verdict import verdict, verdict_over

CLAIM = Claim(
    id="a",
    statement="r_super above two others",
    where="here",
    method="r_super",
    others=("segmentation", "nnunet"),
    budget="full",
    target="pancreas",
    test_set="JHH-Test",
    stratum="all",
    metric="f1",
)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.01, 0.2, "holds"),
        (-0.2, -0.01, "contradicted"),
        (-0.1, 0.1, "undecided"),
        (0.0, 0.1, "undecided"),
        (0.0, 0.0, "undecided"),
        (0.3, 0.3, "undecided"),
        (math.nan, math.nan, "not testable"),
    ],
)
def test_verdict_by_the_interval(low, high, expected):
    assert verdict(low, high) == expected


@pytest.mark.parametrize(
    ("p_value", "expected"), [(0.04, "holds"), (0.05, "undecided"), (0.3, "undecided"), (math.nan, "holds")]
)
def test_verdict_needs_the_test_too_where_there_is_one(p_value, expected):
    assert verdict(0.01, 0.2, p_value) == expected
    assert verdict(-0.2, -0.01, p_value) == expected.replace("holds", "contradicted")
    assert verdict(math.nan, math.nan, p_value) == "not testable"


def test_the_significance_is_the_experiments():
    assert verdict(0.01, 0.2, 0.04, significance=0.01) == "undecided"


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["holds", "holds"], "holds"),
        (["holds", "undecided"], "undecided"),
        (["holds", "not testable"], "undecided"),
        (["holds", "contradicted"], "contradicted"),
        (["not testable", "contradicted"], "contradicted"),
        (["not testable", "not testable"], "not testable"),
        ([], "not testable"),
    ],
)
def test_verdict_over_several_alternatives(verdicts, expected):
    assert verdict_over(verdicts) == expected


def _judge(intervals, experiment, claim=CLAIM, p_value=0.01):
    metrics = metrics_of(
        [
            metric("full", name, "f1", value)
            for name, value in (("r_super", 0.8), ("segmentation", 0.6), ("nnunet", 0.7))
        ]
    )
    rows = [comparison(other, "f1", low, high, p_value) for other, (low, high) in intervals.items()]
    return claims_frame(metrics, comparisons_of(rows), experiment, claims=[claim]).iloc[0]


def test_holds_with_both_sets_of_numbers(experiment):
    row = _judge({"segmentation": (0.1, 0.3), "nnunet": (0.02, 0.18)}, experiment)
    assert row["verdict"] == "holds"
    # Table 2, JHH-Test: R-Super 91; segmentation 82 is the better of 82 and nnU-Net's 78.
    assert (row["paper_method"], row["paper_other"]) == (0.91, 0.82)
    # nnU-Net is the alternative that the gain is least sure over.
    assert (row["ours_method"], row["ours_other"], row["compared_with"]) == (0.8, 0.7, "nnunet")
    assert (row["difference"], row["ci_low"], row["ci_high"]) == (0.1, 0.02, 0.18)
    assert row["why"] == "difference above 0 against segmentation, nnunet"


def test_contradicted_by_one(experiment):
    row = _judge({"segmentation": (0.1, 0.3), "nnunet": (-0.2, -0.1)}, experiment)
    assert row["verdict"] == "contradicted"
    assert row["why"] == "difference above 0 against segmentation; difference below 0 against nnunet"


def test_undecided(experiment):
    row = _judge({"segmentation": (0.1, 0.3), "nnunet": (-0.1, 0.2)}, experiment)
    assert row["verdict"] == "undecided"
    untested = _judge({"segmentation": (0.1, 0.3), "nnunet": (0.02, 0.18)}, experiment, p_value=0.06)
    assert untested["verdict"] == "undecided"
    assert untested["why"].endswith("the test finds no difference, against segmentation, nnunet")


def test_not_testable_says_why(experiment):
    row = _judge({}, experiment)
    assert row["verdict"] == "not testable"
    assert row["why"] == "no comparison with segmentation; no comparison with nnunet"
    assert math.isnan(row["difference"])
    without_set = make_experiment(test_sets={"internal": {"role": "a", "label": "a", "paper": "UCSF-Test"}})
    assert _judge({}, without_set)["why"] == "no test set of this experiment stands for JHH-Test"
    without_target = make_experiment(targets=["kidney"])
    assert _judge({}, without_target)["why"] == "pancreas is not a target of this experiment"
    without_run = make_experiment(budgets={"full": {"methods": ["r_super", "segmentation"]}})
    assert "nnunet is not run at budget 'full'" in _judge({}, without_run)["why"]


def test_of_several_seeds_the_rows_of_all_count(experiment):
    found = {"0": (0.1, 0.3, 0.01), "1": (0.2, 0.4, 0.01), "all": (-0.1, 0.3, 0.02)}
    rows = [
        comparison("segmentation", "f1", low, high, p, seed=seed) for seed, (low, high, p) in found.items()
    ]
    claim = Claim(**{**CLAIM.__dict__, "others": ("segmentation",)})
    row = claims_frame(metrics_of([]), comparisons_of(rows), experiment, claims=[claim]).iloc[0]
    assert (row["difference"], row["ci_low"], row["ci_high"], row["p_value"]) == (0.1, -0.1, 0.3, 0.02)
    assert row["verdict"] == "undecided"


def test_the_papers_claims_have_their_published_numbers():
    claims = paper_claims()
    names = [claim.id for claim in claims]
    assert len(set(names)) == len(names)
    reported = reported_results()
    assert reported["all", "r_super", 344, "pancreas", "JHH-Test", "f1"] == pytest.approx(0.91)
    frame = claims_frame(metrics_of([]), comparisons_of([]), make_experiment()).set_index("id")
    assert len(frame) == len(claims)
    assert not frame["paper_method"].isna().any()
    assert frame.loc["subsegments/pancreas/JHH-Test/f1", "paper_other"] == 0.88
    assert frame.loc["both_losses/pancreas/JHH-Test/f1", "paper_other"] == 0.94
    assert set(frame["verdict"]) == {"not testable"}
    assert "margin" in frame.loc["kidney_few_matches/kidney/UCSF-Test/auc", "why"]
