from dataclasses import FrozenInstanceError

import pytest
from statsmodels.stats.proportion import proportion_confint

from rsuper.stats.interval import wilson_interval


@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (7, 7), (47, 50), (14, 15), (1, 1), (3, 1000)])
def test_wilson_equals_statsmodels(successes, trials):
    interval = wilson_interval(successes, trials, 0.9)
    low, high = proportion_confint(successes, trials, alpha=0.1, method="wilson")
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-12)
    assert interval.value == successes / trials


def test_wilson_known_values():
    assert (wilson_interval(47, 50).low, wilson_interval(47, 50).high) == pytest.approx(
        (0.838, 0.979), abs=5e-4
    )
    assert (wilson_interval(14, 15).low, wilson_interval(14, 15).high) == pytest.approx(
        (0.702, 0.988), abs=5e-4
    )


def test_wrong_arguments_are_refused():
    for successes, trials in ((1, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="successes"):
            wilson_interval(successes, trials)
    with pytest.raises(ValueError, match="level"):
        wilson_interval(1, 2, 1.0)


def test_an_interval_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        wilson_interval(1, 2).low = 0.0
