"""Which method won, by how much, and whether it is significant: from made-up long forms."""

import math

import pandas as pd
import pytest
from long_forms import comparison, comparisons_of, failed_of, make_experiment, metric, metrics_of

from rsuper.publish.html.answer import ABOVE, BELOW, EITHER, answers, side_of
from rsuper.publish.html.differences import differences
from rsuper.publish.html.forest import GAP, LABELS, PANEL, forest
from rsuper.publish.inputs import Inputs
from rsuper.schemas import LEAKED

PLACES = [("pancreas", "external"), ("pancreas", "internal"), ("kidney", "internal"), ("kidney", "external")]
SCORES = {"segmentation": 0.70, "r_super": 0.80, "mine": 0.75, "r_super-volume_only": 0.95}


def experiment():
    budgets = {"full": {"methods": ["segmentation", "r_super", "r_super-volume_only", "mine"]}}
    return make_experiment(budgets=budgets, controls=["oracle"])


def long_forms(scores=SCORES):
    rows = []
    for target, test_set in PLACES:
        place = {"target": target, "test_set": test_set}
        for method, value in {**scores, "oracle": 1.0}.items():
            rows += [
                metric("full", method, "auc", value, **place),
                metric("full", method, "f1", value - 0.1, **place),
                metric("full", method, "dsc", value - 0.3, convention="tumor_cases", **place),
            ]
    return metrics_of(rows)


def compared(**changes):
    """R-Super against mine: above in one of four places, below in another."""
    bounds = [(0.01, 0.09), (-0.02, 0.12), (-0.09, -0.01), (-0.05, 0.05)]
    rows = []
    for (target, test_set), (low, high) in zip(PLACES, bounds, strict=True):
        place = {"target": target, "test_set": test_set}
        for other in ("mine", "segmentation"):
            p = 0.001 if low * high > 0 else 0.4
            rows.append(comparison(other, "auc", low, high, p, **place))
            rows.append(comparison(other, "f1", low, high, p, **place))
            tumors = {"convention": "tumor_cases", **place}
            rows.append(comparison(other, "dsc", low, high, p, **tumors))
    return comparisons_of([row | changes for row in rows])


def inputs(cards, metrics=None, comparisons=None, failed=()):
    own = experiment()
    return Inputs(
        own,
        cards,
        long_forms() if metrics is None else metrics,
        compared() if comparisons is None else comparisons,
        {"full": {"pancreas": 7, "kidney": 9}},
        {("full", "r_super"): ({"pancreas": 7, "kidney": 9}, {"pancreas": 1200, "kidney": 30})},
        failed_of(list(failed)),
        pd.DataFrame(columns=list(LEAKED.columns)),
    )


def answer(given):
    found = differences(given.comparisons, given.failed, given.experiment)
    (made,) = answers(given, found)
    return made


def test_the_reference_leads_the_best_alternative_and_no_ablation_or_control_wins(cards):
    made = answer(inputs(cards))
    assert made.title == (
        "Budget full: 7 pancreas + 9 kidney tumor masks, 1,200 pancreas + 30 kidney tumor reports"
    )
    assert made.sentences[0] == (
        "R-Super leads in DSC of tumor cases (+5.0 points), F1 (+5.0 points) and AUC (+5.0 points) over the "
        "best alternative, My method."
    )
    assert made.sentences[1] == (
        "R-Super is significantly above in 3 of 12 comparisons and significantly below in 3; 6 are undecided."
    )
    lead = made.leads[-1]
    assert (lead.metric, lead.other) == ("auc", "My method")
    assert lead.ours == pytest.approx(0.80)
    assert lead.theirs == pytest.approx(0.75)
    assert [lead.count(side) for side in (ABOVE, EITHER, BELOW)] == [1, 2, 1]


def test_who_loses_is_said_and_ties_are_ties(cards):
    worse = answer(inputs(cards, long_forms(SCORES | {"segmentation": 0.9})))
    assert worse.sentences[0] == (
        "Segmentation leads in DSC of tumor cases (+10.0 points), F1 (+10.0 points) and AUC (+10.0 points) "
        "over R-Super."
    )
    equal = answer(inputs(cards, long_forms(SCORES | {"mine": 0.8})))
    assert equal.sentences[0] == "R-Super and My method are equal in DSC of tumor cases, F1 and AUC."


def test_the_board_has_every_row_controls_last_and_the_best_in_bold(cards):
    board = answer(inputs(cards)).board
    assert [row[0].text for row in board.rows] == [
        "R-Super, volume only",
        "R-Super",
        "My method",
        "Segmentation",
        "Oracle",
    ]
    assert [row[3].text for row in board.rows] == ["95.0", "80.0", "75.0", "70.0", "100.0"]
    assert [row[3].kind for row in board.rows] == ["best", "", "", "", ""]
    assert board.rows[2][4].text == "3 above, 6 undecided, 3 below"
    assert board.rows[1][4].text == board.rows[4][4].text == ""


def test_a_failed_run_decides_nothing_and_is_marked(cards):
    failed = [("full", "mine", "0", "", "no mask", "none")]
    made = answer(inputs(cards, failed=failed))
    assert {side_of(each) for lead in made.leads for _, each in lead.cells} == {EITHER}
    assert [row[0].mark for row in made.board.rows] == ["", "", "‡", "", ""]


def test_an_interval_without_its_test_decides_nothing(cards):
    given = inputs(cards, comparisons=compared(p_value=0.06))
    assert {side_of(e) for e in differences(given.comparisons, given.failed, given.experiment)} == {EITHER}


def test_without_the_reference_or_alone_nothing_is_compared(cards):
    alone = long_forms({"r_super": 0.8})
    assert answer(inputs(cards, alone)).sentences == ["Nothing to compare: R-Super ran alone."]
    without = long_forms({"segmentation": 0.8})
    assert answer(inputs(cards, without)).sentences == ["Nothing to compare: r_super was not run."]


def test_a_method_without_one_of_the_cells_cannot_win(cards):
    metrics = long_forms(SCORES | {"mine": 0.99})
    gone = (metrics["method"] == "mine") & (metrics["target"] == "kidney")
    made = answer(inputs(cards, metrics[~gone]))
    assert {lead.other for lead in made.leads} == {"Segmentation"}


def test_the_chart_is_to_scale(cards):
    given = inputs(cards)
    found = differences(given.comparisons, given.failed, given.experiment)
    made = forest(found, "full", "auc", given.experiment, cards)
    assert [label for _, label in made.lines] == ["Segmentation", "My method"]
    assert [panel.title[0] for panel in made.panels] == [target for target, _ in PLACES]
    first = made.panels[0]
    # From -9 to +12 points in steps of 5: the axis reaches from -10 to +15.
    assert [text for _, text in first.ticks] == ["−10", "−5", "0", "+5", "+10", "+15"]
    assert first.zero == pytest.approx(LABELS + PANEL * 10 / 25, abs=0.1)
    bar = first.bars[0]
    assert (bar.left, bar.right) == (
        pytest.approx(LABELS + PANEL * 11 / 25, abs=0.1),
        pytest.approx(LABELS + PANEL * 19 / 25, abs=0.1),
    )
    assert bar.text == "My method: +5.0 points (+1.0 to +9.0), p = 0.001"
    assert bar.side == ABOVE
    assert made.panels[1].x - first.x == PANEL + GAP
    assert all(p.x <= b.left <= b.x <= b.right <= p.x + PANEL for p in made.panels for b in p.bars)


def test_a_comparison_without_interval_is_a_point(cards):
    given = inputs(cards, comparisons=compared(ci_low=math.nan, ci_high=math.nan, p_value=math.nan))
    found = differences(given.comparisons, given.failed, given.experiment)
    bar = forest(found, "full", "auc", given.experiment, cards).panels[0].bars[0]
    assert bar.left == bar.x == bar.right
    assert bar.text == "My method: +5.0 points"
    assert forest(found, "few", "auc", given.experiment, cards) is None


def test_the_chart_of_no_difference_has_a_scale(cards):
    none = compared(difference=0.0, ci_low=0.0, ci_high=0.0)
    found = differences(none, failed_of([]), experiment())
    made = forest(found, "full", "auc", experiment(), cards)
    assert [text for _, text in made.panels[0].ticks] == ["−1", "0", "+1"]
