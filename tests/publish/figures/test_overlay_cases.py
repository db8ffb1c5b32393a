import math

import numpy as np
import pandas as pd
import pytest
from long_forms import make_experiment
from scored_runs import run_cases

from rsuper.publish.figures.overlay_cases import View, best_view, choose_cases, circle_radius_mm
from rsuper.publish.figures.shown_runs import choosing_run, shown_runs

RUN = ("full", "r_super", 0)
SPACING_MM = (2.0, 1.0, 5.0)


def experiment():
    return make_experiment(targets=["pancreas"])


def chosen(cases, run=RUN):
    return {choice.kind: choice.case_id for choice in choose_cases(cases, run, experiment())}


def test_first_seed_without_controls_and_who_chooses():
    runs = [
        ("few", "r_super", 0),
        ("full", "segmentation", 0),
        RUN,
        ("full", "r_super", 1),
        ("full", "oracle", 0),
    ]
    assert shown_runs(runs, experiment()) == runs[:3]
    assert choosing_run(runs, experiment()) == RUN
    assert choosing_run(runs[:1] + runs[1:2], experiment()) == runs[0]
    assert choosing_run(runs[1:2], experiment()) == runs[1]  # no reference: the last one
    assert choosing_run(runs[4:], experiment()) is None


def test_median_worst_and_highest_score_without_tumor():
    labels = [1, 1, 1, 1, 0, 0, 0]
    dsc = [0.9, 0.2, 0.6, 0.4, 0.0, 1.0, 0.0]
    cases = run_cases(labels, [0.9, 0.3, 0.8, 0.7, 0.2, 0.1, 0.6], dsc)
    # Dice of tumors in order: 0.2, 0.4, 0.6, 0.9; the lower median is 0.4.
    assert chosen(cases) == {"median": "case003", "worst": "case001", "tumor-free": "case006"}


def test_a_failed_case_is_the_worst_and_of_equals_the_largest_tumor():
    cases = run_cases([1, 1, 1, 1, 1], [0.9, 0.8, math.nan, 0.4, 0.5], [0.0, 0.5, 0.7, 0.9, 0.8])
    cases["truth_volume_mm3"] = [100.0, 50.0, 200.0, 10.0, 10.0]
    # The failed case counts as 0, as the first does, and is larger; in order 0, 0, 0.5, 0.8, 0.9.
    assert chosen(cases) == {"median": "case001", "worst": "case002"}


def test_no_case_twice_and_nothing_without_candidates():
    two = run_cases([1, 1], [0.9, 0.8], [0.3, 0.5])
    assert chosen(two) == {"median": "case000"}  # the worst of two is the lower median
    assert chosen(run_cases([1, 0], [0.9, 0.8])) == {"tumor-free": "case001"}  # no truth masks
    assert chosen(two, run=None) == {}
    assert chosen(two, run=("few", "r_super", 0)) == {}


def test_validation_cases_and_other_runs_do_not_count():
    own = run_cases([1, 1, 1], [0.5, 0.6, 0.7], [0.5, 0.6, 0.7])
    other = run_cases([1, 1, 1], [0.5, 0.6, 0.7], [0.9, 0.1, 0.0], method="segmentation")
    held_out = run_cases([1, 1, 1], [0.5, 0.6, 0.7], [0.0, 0.0, 0.9], test_set="validation")
    assert chosen(pd.concat([own, other, held_out])) == {"median": "case001", "worst": "case000"}


def empty(shape=(20, 30, 8)):
    return np.zeros(shape, dtype=bool)


def test_view_of_the_largest_cross_section_of_the_truth():
    truth = empty()
    truth[3, 4, 1] = True
    truth[5:8, 10:20, 6] = True
    # Middle of 5, 6, 7 and of 10 to 19; the tumor is 6 mm x 10 mm, so that the view has its usual side.
    view = best_view(truth, np.ones(truth.shape, np.float32), ~truth, SPACING_MM)
    assert view == View(z=6, x=6.0, y=14.5, side_mm=120.0)
    large = np.ones((60, 30, 8), dtype=bool)  # 120 mm long
    assert best_view(large, None, None, SPACING_MM).side_mm == pytest.approx(1.6 * 120)


def test_view_without_a_tumor():
    probability = np.zeros((20, 30, 8), np.float32)
    probability[2, 3, 4] = 0.4
    assert best_view(empty(), probability, None, SPACING_MM) == View(4, 2.0, 3.0, 120.0)
    probability[6:8, 3, 5] = 0.5  # belongs to the mask
    assert best_view(empty(), probability, None, SPACING_MM) == View(5, 6.5, 3.0, 120.0)
    organ = empty()
    organ[1, 1, 2] = True
    assert best_view(empty(), np.zeros(organ.shape, np.float32), organ, SPACING_MM) == View(
        2, 1.0, 1.0, 120.0
    )
    with pytest.raises(ValueError, match="got none"):
        best_view(empty(), None, None, SPACING_MM)


def test_circle_of_a_ball():
    assert circle_radius_mm(10.0, 0.0) == 5.0
    assert circle_radius_mm(10.0, -3.0) == 4.0  # 3, 4, 5
    assert circle_radius_mm(10.0, 5.0) == circle_radius_mm(10.0, 8.0) == 0.0
