import math

import pytest
from matplotlib.figure import Figure

from rsuper.publish.figures.count_axis import number_ticks, places, width_of


def test_places_by_hand():
    assert places([]) == {}
    assert places([100, 1, 10, 10]) == {1: 0.0, 10: 1.0, 100: 2.0}
    # The others are (2 - 0) / 2 = 1 apart on average.
    assert places([100, 0, 1, 10]) == {0: -1.0, 1: 0.0, 10: 1.0, 100: 2.0}


def test_zero_is_at_least_a_factor_of_two_away():
    assert places([0]) == pytest.approx({0: -math.log10(2)})
    assert places([0, 10]) == pytest.approx({0: 1 - math.log10(2), 10: 1.0})
    assert list(places([0, 10, 11])) == [0, 10, 11]
    assert places([0, 10, 11])[0] == pytest.approx(1 - math.log10(2))


def test_one_number_has_a_width():
    for numbers in ([], [7]):
        assert width_of(places(numbers)) == math.log10(2)
    assert width_of(places([1, 100])) == 2


def drawn(numbers):
    axis = Figure().subplots()
    number_ticks(axis, places(numbers))
    return axis, [label.get_text() for label in axis.get_xticklabels()]


def test_numbers_are_the_ticks_and_close_ones_stand_below():
    axis, labels = drawn([1, 1000, 1100, 1200])
    # 1 to 1200 is 3.08 wide: 1000 to 1100 (0.04) and 1100 to 1200 (0.04) are closer than 13 % of it, 0.40.
    assert labels == ["1", "1,000", "\n1,100", "1,200"]
    assert axis.get_xlim() == pytest.approx((-0.12 * math.log10(1200), 1.12 * math.log10(1200)))
    assert list(axis.texts) == []


def test_axis_is_cut_between_zero_and_the_first_number():
    axis, labels = drawn([0, 10, 100])
    assert labels == ["0", "10", "100"]
    assert [(text.get_text(), text.get_position()) for text in axis.texts] == [("//", (0.5, 0))]
    assert list(drawn([0])[0].texts) == []


def test_no_number_leaves_the_axis_as_it_is():
    assert drawn([])[0].get_xlim() == (0, 1)
