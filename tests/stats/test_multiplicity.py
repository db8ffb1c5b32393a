import math

import pytest

from rsuper.stats.multiplicity import holm


def test_holm_by_hand():
    # Sorted .005 x 5, .01 x 4, .03 x 3, .04 x 2 (raised to the .09 before it), .5 x 1.
    assert holm([0.01, 0.04, 0.03, 0.005, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.5])


def test_one_test_is_not_adjusted_and_none_gives_none():
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


@pytest.mark.parametrize("bad", [math.nan, -0.1, 1.1])
def test_values_that_are_no_probability_are_refused(bad):
    with pytest.raises(ValueError, match="p_values"):
        holm([0.1, bad])
