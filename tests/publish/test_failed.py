"""A failed seed is seen in tables, claims and hypotheses, and so is what it does to the means."""

import pytest
from long_forms import Card, comparison, comparisons_of, failed_of, make_experiment, metric, metrics_of

from rsuper.publish.claims import Claim, claims_frame
from rsuper.publish.failed import failed_notes, failed_text, judged, marked
from rsuper.publish.hypotheses import hypotheses_frame
from rsuper.publish.table2 import table2
from rsuper.publish.table3 import table3

EXPERIMENT = make_experiment(seeds=[0, 1, 2])
CARDS = [Card("segmentation", "Segmentation"), Card("r_super", "R-Super")]
FAILED = failed_of(
    [
        (
            "full",
            "segmentation",
            "1",
            "pancreas",
            "no mask",
            "no voxel of 100 CTs reaches a probability of 0.5",
        ),
        ("few", "segmentation", "0", "", "no learning", "the training loss began at 2 and ended at 2"),
    ]
)
CLAIM = Claim(
    "c",
    "R-Super is above",
    "Tab. 2",
    "r_super",
    ("segmentation",),
    "full",
    "pancreas",
    "JHH-Test",
    "all",
    "auc",
)


def rows(*values, name="auc", budget="full"):
    seeds = [metric(budget, "segmentation", name, value, seed=str(k)) for k, value in enumerate(values)]
    return [*seeds, metric(budget, "segmentation", name, sum(values) / len(values), seed="all")]


METRICS = metrics_of([*rows(0.8, 0.5, 0.9), *rows(0.6, 0.3, 0.6, name="dsc"), *rows(0.7, budget="few")])


def test_a_blank_target_stands_for_all():
    targets = ["pancreas", "kidney"]
    assert failed_text(FAILED, "full", "segmentation", targets) == "pancreas: 1"
    assert failed_text(FAILED, "few", "segmentation", targets) == "pancreas: 0; kidney: 0"
    assert (
        failed_text(FAILED, "full", "r_super", targets) == failed_text(None, "full", "r_super", targets) == ""
    )


def test_table2_names_the_seed_and_its_mean_keeps_it():
    table = table2(METRICS, comparisons_of([]), EXPERIMENT, CARDS, supervision={}, failed=FAILED)
    row = table.query("budget == 'full' and method == 'segmentation'").iloc[0]
    assert row["failed_seeds"] == "pancreas: 1"
    assert row["pancreas_external_auc"] == pytest.approx(0.7333)
    assert set(table.query("method != 'segmentation'")["failed_seeds"]) == {""}
    labels = marked(table).query("method == 'segmentation'")["label"]
    assert labels.tolist() == ["Segmentation ‡", "Segmentation ‡"]
    assert "R-Super" in set(marked(table)["label"])


def test_table3_names_it_in_both_strata():
    table = table3(METRICS, comparisons_of([]), EXPERIMENT, CARDS, supervision={}, failed=FAILED)
    assert (table["failed_seeds"] != "").sum() == 4


def test_notes_say_what_failed_and_the_means_without_it():
    few, full = failed_notes(FAILED, METRICS, CARDS)
    assert full == (
        "‡ Failed runs of Segmentation at budget full (failed_runs.csv), in its numbers: seed 1, pancreas: no"
        " voxel of 100 CTs reaches a probability of 0.5. pancreas without them: external AUC 85.0 instead of "
        "73.3, external DSC 60.0 instead of 50.0"
    )
    assert few.endswith(
        "seed 0: the training loss began at 2 and ended at 2. pancreas: no seed is left without them"
    )
    assert failed_notes(failed_of([]), METRICS, CARDS) == []


def test_a_failed_run_decides_no_claim():
    compared = comparisons_of([comparison("segmentation", "auc", 0.1, 0.3, 0.001)])

    def claimed(failed):
        return claims_frame(
            METRICS.assign(seed="0"), compared, make_experiment(), failed=failed, claims=[CLAIM]
        ).iloc[0]

    sound, broken = claimed(None), claimed(FAILED)
    assert (sound["verdict"], sound["failed_runs"]) == ("holds", "")
    assert (broken["verdict"], broken["failed_runs"]) == ("undecided", "segmentation, pancreas: 1")
    assert broken["why"] == sound["why"] + "; left undecided where a run failed (failed_runs)"
    assert broken["difference"] == sound["difference"]


def test_a_failed_run_decides_no_hypothesis():
    stated = {"id": "h", "statement": "more", "other": "segmentation", "budget": "full", "metrics": ["auc"]}
    experiment = make_experiment(hypotheses=[stated | {"expected": "above"}])
    compared = comparisons_of([comparison("segmentation", "auc", 0.1, 0.3, 0.001)])
    cell = "target == 'pancreas' and test_set == 'external'"
    sound = hypotheses_frame(compared, experiment).query(cell).iloc[0]
    broken = hypotheses_frame(compared, experiment, failed=FAILED).query(cell).iloc[0]
    assert (sound["verdict"], sound["failed_runs"]) == ("holds", "")
    assert (broken["verdict"], broken["failed_runs"]) == ("undecided", "segmentation, pancreas: 1")


def test_what_was_not_decided_stays_so():
    assert [
        judged(verdict, failed=True) for verdict in ("holds", "contradicted", "undecided", "not testable")
    ] == [
        "undecided",
        "undecided",
        "undecided",
        "not testable",
    ]
    assert judged("contradicted", failed=False) == "contradicted"
