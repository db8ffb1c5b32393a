import numpy as np
import pytest
from scipy.stats import t

from rsuper.stats.two_levels import multiplicities, seed_weights, student_quantile, two_level_bounds


def test_multiplicities_add_up():
    drawn = multiplicities(5, 200, np.random.default_rng(0), picked=3)
    assert drawn.shape == (200, 5)
    assert (drawn.sum(axis=1) == 3).all()
    assert drawn.mean(axis=0) == pytest.approx(3 / 5, abs=0.2)


def test_the_mean_of_redrawn_seeds_has_an_unbiased_variance():
    values = np.array([0.1, 0.4, 0.9])
    means = seed_weights(3, 20_000, np.random.default_rng(1)) @ values
    assert means.var() == pytest.approx(values.var(ddof=1) / 3, rel=0.05)


def test_one_seed_takes_no_random_number():
    rng = np.random.default_rng(2)
    assert (seed_weights(1, 4, rng) == 1).all()
    assert rng.random() == np.random.default_rng(2).random()


def test_quantiles_by_hand():
    # All variance from 2 seeds: 1 degree of freedom. Half of it: 1 / 0.25 = 4 degrees; of 5 seeds 16.
    assert student_quantile(1.0, 0.0, 2, 0.95) == pytest.approx(12.7062, rel=1e-4)
    assert student_quantile(1.0, 0.5, 2, 0.95) == pytest.approx(t.ppf(0.975, 4))
    assert student_quantile(1.0, 0.5, 5, 0.9) == pytest.approx(t.ppf(0.95, 16))
    # Seeds that add nothing, less than nothing by chance, or hardly anything.
    for of_cases in (1.0, 1.1, 1 - 1e-9, 1 - 1e-3):
        assert student_quantile(1.0, of_cases, 3, 0.95) == pytest.approx(1.95996, rel=1e-4)


def test_without_spread_the_bounds_are_the_value():
    assert two_level_bounds(0.5, np.full((9, 2), 0.5), np.full((9, 2), 0.5), 0.9) == (0.5, 0.5)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_means_of_few_seeds_are_covered(seeds):
    # Seeds alone differ. Percentiles would cover the mean of the population in 50 to 85 % of trials.
    rng, covered = np.random.default_rng(4), 0
    for _ in range(400):
        values = rng.standard_normal(seeds)
        weights = seed_weights(seeds, 400, rng)
        low, high = two_level_bounds(values.mean(), np.tile(values, (400, 1)), weights, 0.95)
        covered += low <= 0 <= high
    assert 0.92 <= covered / 400 <= 0.98
