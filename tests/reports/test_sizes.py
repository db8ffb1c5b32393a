import inspect
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsuper.reports.sizes import CALIBRATION, tumor_volume_mm3

DIAMETERS = st.floats(0.5, 300)


def test_one_diameter_is_a_ball():
    # 4/3 pi 10^3 = 4188.79
    assert tumor_volume_mm3([20]) == pytest.approx(4188.790205)


def test_two_diameters_take_their_mean_as_third():
    # pi/6 * 20 * 10 * 15 = 3000 * 0.5235988 = 1570.796
    assert tumor_volume_mm3((20, 10)) == pytest.approx(1570.796327)


def test_three_diameters_are_an_ellipsoid():
    # pi/6 * 30 * 20 * 10 = 6000 * 0.5235988 = 3141.593
    assert tumor_volume_mm3([30.0, 20.0, 10.0]) == pytest.approx(3141.592654)


@given(DIAMETERS, DIAMETERS, DIAMETERS)
def test_order_does_not_matter_and_equal_diameters_are_a_ball(a, b, c):
    assert tumor_volume_mm3([a, b, c]) == pytest.approx(tumor_volume_mm3([c, a, b]))
    assert tumor_volume_mm3([a, b]) == pytest.approx(tumor_volume_mm3([b, a]))
    assert (
        tumor_volume_mm3([a])
        == pytest.approx(tumor_volume_mm3([a, a]))
        == pytest.approx(tumor_volume_mm3([a, a, a]))
    )


@pytest.mark.parametrize("wrong", [[], [0], [-1.0], [math.nan], [math.inf], [10, 0, 5], [1, 2, 3, 4]])
def test_impossible_diameters_are_named(wrong):
    with pytest.raises(ValueError, match="diameters_mm") as error:
        tumor_volume_mm3(wrong)
    assert str(tuple(float(d) for d in wrong)) in str(error.value)


@given(st.lists(DIAMETERS, min_size=1, max_size=3))
def test_calibrated_is_the_paper_times_a_factor_by_number(diameters):
    expected = CALIBRATION[len(diameters)].factor * tumor_volume_mm3(diameters)
    assert tumor_volume_mm3(diameters, rule="calibrated") == pytest.approx(expected)
    assert tumor_volume_mm3(diameters, rule="paper") == tumor_volume_mm3(diameters)


def test_calibrated_by_hand():
    # 4188.790 * 0.607 = 2542.596; 1570.796 * 0.920 = 1445.133; 3141.593 * 0.897 = 2818.009
    assert tumor_volume_mm3([20], rule="calibrated") == pytest.approx(2542.595654)
    assert tumor_volume_mm3([20, 10], rule="calibrated") == pytest.approx(1445.132621)
    assert tumor_volume_mm3([30, 20, 10], rule="calibrated") == pytest.approx(2818.008612)


def test_factors_lie_in_their_intervals_and_correct_downward():
    assert sorted(CALIBRATION) == [1, 2, 3]
    assert all(c.low < c.factor < c.high < 1 for c in CALIBRATION.values())


def test_unknown_rule_and_impossible_diameters_under_the_second_rule_are_named():
    # The type checker of the tests would refuse an unknown rule before the function does.
    with pytest.raises(ValueError, match=r"rule must be one of .*'calibrated'.*got 'who'"):
        inspect.unwrap(tumor_volume_mm3)([20], rule="who")
    with pytest.raises(ValueError, match=r"diameters_mm.*\(0.0,\)"):
        tumor_volume_mm3([0], rule="calibrated")
