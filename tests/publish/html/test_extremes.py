import math

import numpy as np
import pandas as pd
from long_forms import make_experiment
from scored_runs import run_cases

from rsuper.publish.html.extremes import EACH, choose_extremes

RUN = ("full", "r_super", 0)


def chosen(cases, run=RUN):
    found: dict[str, list[str]] = {}
    for choice in choose_extremes(cases, run, make_experiment(targets=["pancreas"])):
        found.setdefault(choice.kind, []).append(choice.case_id)
    return found


def test_two_best_two_worst_two_false_alarms():
    labels = [1, 1, 1, 1, 1, 0, 0, 0]
    scores = [0.9, 0.3, 0.8, 0.7, 0.5, 0.2, 0.1, 0.6]
    cases = run_cases(labels, scores, [0.9, 0.2, 0.6, 0.4, 0.5, 0.0, 1.0, 0.0])
    assert chosen(cases) == {
        "best": ["case000", "case002"],
        "worst": ["case001", "case003"],
        "false alarm": ["case007", "case005"],
    }


def test_of_equals_the_largest_tumor_is_the_worst_and_the_smallest_the_best():
    cases = run_cases([1] * 6, [0.5] * 6, [0.0, 0.0, 0.0, 0.7, 0.7, 0.7])
    cases["truth_volume_mm3"] = [1.0, 3.0, 2.0, 1.0, 3.0, 2.0]
    assert chosen(cases) == {"best": ["case003", "case005"], "worst": ["case001", "case002"]}


def test_of_few_cases_the_worst_come_first_and_none_is_both():
    assert chosen(run_cases([1, 1, 1], [0.5] * 3, [0.1, 0.2, 0.3])) == {
        "best": ["case002"],
        "worst": ["case000", "case001"],
    }
    assert chosen(run_cases([1], [0.5], [0.1])) == {"worst": ["case000"]}
    assert chosen(run_cases([1, 1], [0.5] * 2, [0.1, 0.2]), run=("few", "r_super", 0)) == {}


def test_a_failed_case_is_the_worst():
    cases = run_cases([1, 1, 1], [0.5, math.nan, 0.4], [0.1, math.nan, 0.9])
    assert chosen(cases)["worst"] == ["case001", "case000"]


def test_as_many_pictures_of_ten_thousand_cases_as_of_twenty():
    rng = np.random.default_rng(0)
    truth = rng.random(10_000) < 0.3
    cases = run_cases(truth.astype(int).tolist(), rng.random(10_000).tolist(), rng.random(10_000).tolist())
    found = chosen(cases)
    assert {kind: len(each) for kind, each in found.items()} == dict.fromkeys(found, EACH)
    assert found["best"][0] == cases.loc[cases["dsc"].where(pd.Series(truth)).idxmax(), "case_id"]
