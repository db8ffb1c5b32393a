import numpy as np
import pytest

from rsuper.stats.ratio import ratio_interval


def _interval(counts, totals, seed=0, **options):
    generator = np.random.default_rng(seed)
    return ratio_interval(np.array(counts, float), np.array(totals, float), generator=generator, **options)


def test_value_by_hand():
    # 1 of 2, 3 of 3, 0 of 1: 4 of 6; the mean of the shares would be 1/2.
    found = _interval([1, 3, 0], [2, 3, 1])
    assert found.value == pytest.approx(4 / 6)
    assert found.low <= found.value <= found.high
    assert found.kind == "percentile"


def test_same_state_same_interval_and_all_alike_is_degenerate():
    assert _interval([1, 0, 2], [2, 2, 2]) == _interval([1, 0, 2], [2, 2, 2])
    many = list(range(40)), [40] * 40
    assert _interval(*many, seed=1) != _interval(*many)
    alike = _interval([1, 2], [2, 4])
    assert (alike.low, alike.value, alike.high, alike.kind) == (0.5, 0.5, 0.5, "degenerate")


def test_it_covers_the_share_that_made_the_data():
    # 60 CTs of one to three tumors, each found with probability 0.7: about 95 of 100 intervals hold 0.7.
    rng = np.random.default_rng(0)
    covered = 0
    for draw in range(200):
        totals = rng.integers(1, 4, 60)
        found = _interval(rng.binomial(totals, 0.7), totals, seed=draw, draws=400)
        covered += found.low <= 0.7 <= found.high
    assert 0.90 <= covered / 200 <= 0.99


def test_tumors_of_one_ct_are_redrawn_together():
    # All or none per CT: the interval must be as wide as that of CTs, not of five times as many tumors.
    whole = _interval([5, 0] * 20, [5] * 40)
    single = _interval([1, 0] * 20, [1] * 40)
    assert whole.high - whole.low == pytest.approx(single.high - single.low, abs=0.05)


@pytest.mark.parametrize(
    ("counts", "totals", "message"),
    [([], [], "not none"), ([3], [2], "between 0"), ([-1], [2], "between 0"), ([0], [0], "above 0")],
)
def test_wrong_arguments_are_named(counts, totals, message):
    with pytest.raises(ValueError, match=message):
        _interval(counts, totals)
    with pytest.raises(ValueError, match="draws"):
        _interval([1], [1], draws=0)


def test_seeds_are_redrawn_too():
    totals = np.full(50, 2.0)
    counts = np.stack([np.tile([2.0, 1.0], 25), np.tile([1.0, 0.0], 25)])
    found = ratio_interval(counts, totals, generator=np.random.default_rng(0))
    # Shares 3/4 and 1/4: a resample takes one of the two seeds.
    assert found.value == pytest.approx(0.5)
    assert found.kind == "two_level"
    assert found.low < 0.3
    assert found.high > 0.7
