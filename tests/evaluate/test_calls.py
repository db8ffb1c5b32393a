import math

import numpy as np
import pandas as pd
import pytest
from scored_runs import run_cases

from rsuper.errors import ArtifactError
from rsuper.evaluate.calls import generator_for, scored_groups

LABELS = [1, 1, 1, 0, 0, 0]
SCORES = [0.9, 0.8, 0.3, 0.6, 0.2, 0.1]


def _only(cases):
    (group,) = scored_groups(cases, "top_volume_mean")
    return group


def test_thresholds_of_both_rules():
    validation = run_cases([1, 0], [0.7, 0.1], test_set="validation")
    group = _only(pd.concat([run_cases(LABELS, SCORES), validation]))
    # All three tumors at three of four calls: F1 6/7 above 0.25; the two best alone: 4/5.
    assert group.thresholds["oracle_test"].value == pytest.approx(0.25)
    assert group.thresholds["validation"].value == pytest.approx(0.4)
    assert group.calls("validation").tolist() == [True, True, False, True, False, False]


def test_no_threshold_says_why():
    group = _only(run_cases([1, 1], [0.2, 0.3]))
    assert math.isnan(group.thresholds["oracle_test"].value)
    assert (
        group.thresholds["oracle_test"].reason == "no threshold: 2 tumor and 0 tumor-free CTs in the test set"
    )
    assert "0 tumor and 0 tumor-free CTs in validation" in group.thresholds["validation"].reason


def test_a_constant_score_calls_everything_positive():
    assert _only(run_cases(LABELS, [0.0] * 6)).calls("oracle_test").all()


def test_a_failed_case_is_called_negative_even_then():
    group = _only(run_cases(LABELS, [math.nan, *[0.0] * 5]))
    assert group.calls("oracle_test").tolist() == [False, *[True] * 5]
    assert group.failures("all") == "1 of 6 cases failed: called negative, mask empty"
    # Case 0 is a large tumor.
    assert group.failures("small") == ""


def test_a_failed_case_has_an_empty_mask():
    group = _only(run_cases(LABELS, [math.nan, 0.5, 0.5, math.nan, 0.5, 0.5], [0.5] * 6))
    assert group.mask_metric("dsc").tolist() == [0.0, 0.5, 0.5, 1.0, 0.5, 0.5]


def test_strata_keep_every_tumor_free_case():
    group = _only(run_cases(LABELS, SCORES))
    assert group.within("small").tolist() == [False, True, False, True, True, True]
    assert group.within("large").tolist() == [True, False, True, True, True, True]


def test_a_repeated_case_is_named():
    cases = run_cases(LABELS, SCORES)
    with pytest.raises(ArtifactError, match=r"r_super at budget full.*case 'case003' stands twice"):
        _only(pd.concat([cases, cases.iloc[[3]]]))


def test_a_case_without_a_patient_is_a_patient_of_its_own():
    group = _only(run_cases(LABELS, SCORES).assign(patient_id=""))
    assert len(set(group.patients)) == 6


def test_generators_depend_on_seed_and_name_alone():
    first, again, other = (generator_for(3, name).random(4) for name in ("a", "a", "b"))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_repeated_validation_case_is_named():
    validation = run_cases([1, 0], [0.7, 0.1], test_set="validation")
    with pytest.raises(ArtifactError, match=r"seed 0, validation, pancreas: case 'case001' stands twice"):
        _only(pd.concat([run_cases(LABELS, SCORES), validation, validation.iloc[[1]]]))


@pytest.mark.parametrize("score", [math.inf, -math.inf, -0.1])
def test_a_score_that_no_map_can_give_is_named(score):
    with pytest.raises(ArtifactError, match=r"score_top_volume_mean of case 'case002' must be finite"):
        _only(run_cases(LABELS, [0.9, 0.8, score, 0.6, 0.2, 0.1]))
