import math

import numpy as np
import pytest

from rsuper.stats.samples import as_labels, as_rows, as_values


def test_labels_of_any_type_become_booleans():
    for labels in (np.array([0, 1]), np.array([0.0, 1.0]), np.array([False, True])):
        assert as_labels(labels).tolist() == [False, True]


def test_a_class_may_be_absent_unless_it_is_asked_for():
    assert as_labels(np.array([0, 0])).tolist() == [False, False]
    assert as_labels(np.array([1, 1])).tolist() == [True, True]


def test_unusable_labels_are_refused():
    for labels in (np.array([0, 2]), np.array([0.0, math.nan])):
        with pytest.raises(ValueError, match="0 or 1"):
            as_labels(labels)
    with pytest.raises(ValueError, match="2 positives and 1 negatives, got 1 and 1"):
        as_labels(np.array([0, 1]), positives=2, negatives=1)


def test_unusable_values_are_refused():
    with pytest.raises(ValueError, match="scores must hold one value for each of 3 cases"):
        as_values("scores", np.zeros(2), 3)
    with pytest.raises(ValueError, match="finite, got 1"):
        as_values("scores", np.array([0.0, math.nan]), 2)


def test_rows_of_seeds():
    assert as_rows("scores", np.array([1, 2]), 2).tolist() == [[1.0, 2.0]]
    assert as_rows("scores", np.array([[1, 2], [3, 4]]), 2).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    for wrong in (np.zeros((1, 1, 2)), np.zeros((0, 2))):
        with pytest.raises(ValueError, match="one row of cases, or one row per seed"):
            as_rows("scores", wrong, 2)
    with pytest.raises(ValueError, match="one value for each of 3 cases"):
        as_rows("scores", np.zeros((2, 2)), 3)
