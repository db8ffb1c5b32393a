import math

import numpy as np
import pytest

from rsuper.stats.quantile import quantile_interval


def test_ranks_by_hand():
    # Binomial(10, 1/2): P(B <= 1) = 11/1024 = .0107 <= .025 < P(B <= 2) = .0547, so the bounds are the 2nd
    # and the 9th of ten values: between them the median lies with probability 1 - 2 * .0107 = .979.
    result = quantile_interval([float(value) for value in range(10, 0, -1)], 0.5)
    assert (result.value, result.low, result.high) == (5.5, 2, 9)


def test_few_values_give_no_bounds():
    result = quantile_interval([1.0, 3.0], 0.5)
    assert result.value == 2
    assert math.isnan(result.low)
    assert math.isnan(result.high)
    values = [float(value) for value in range(100)]
    # 58 values: .95^58 = .051 > .025, so not even the largest is above the 95th percentile surely enough.
    assert math.isnan(quantile_interval(values[:58], 0.95).high)
    assert quantile_interval(values[:73], 0.95).high == 72  # .95^73 = .0237


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_bounds_hold_the_quantile_as_often_as_they_say(share):
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        bounds = quantile_interval(rng.random(200).tolist(), share)
        held += bounds.low <= share <= bounds.high
    assert 0.93 < held / 1000 < 0.99


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 0.0), ([1.0], 1.0)])
def test_nothing_to_bound(values, share):
    with pytest.raises(ValueError, match="share within"):
        quantile_interval(values, share)


def test_the_upper_bound_is_the_rank_after_the_binomial_quantile():
    # Of nine values 2 to 7 lie below the median in 95 % of samples: the second and the eighth bound it.
    found = quantile_interval([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 0.5)
    assert (found.value, found.low, found.high) == (5.0, 2.0, 8.0)
