import itertools

import numpy as np
import pytest
from scipy.stats import permutation_test

from rsuper.stats.sign_flip import paired_mean_test


def p_of(a, b, clusters=None, draws=5000, seed=0):
    a, b = (np.asarray(each, dtype=float) for each in (a, b))
    return paired_mean_test(a, b, clusters, generator=np.random.default_rng(seed), draws=draws)


def test_by_hand():
    # Differences .3, .2, -.1 and 0, sum .4. Of the 8 patterns of signs of the first three, those with sums of
    # .6 and .4 and their mirror images are as extreme; the others have sums of .2 and 0.
    result = p_of([0.8, 0.6, 0.3, 0.5], [0.5, 0.4, 0.4, 0.5])
    assert result.difference == pytest.approx(0.4 / 4)
    assert (result.p_value, result.exact) == (4 / 8, True)


def test_all_in_one_direction():
    for k in (1, 5, 6, 10):
        assert p_of([1.0] * k, [0.5] * k).p_value == pytest.approx(2.0 ** (1 - k))


def test_equals_scipys_exact_test():
    rng = np.random.default_rng(1)
    for _ in range(10):
        a, b = rng.random((2, 9))
        theirs = permutation_test(
            (a, b), lambda x, y: x.mean() - y.mean(), permutation_type="samples", n_resamples=np.inf
        )
        assert p_of(a, b).p_value == pytest.approx(theirs.pvalue, abs=1e-12)


def test_patients_are_swapped_together():
    rng = np.random.default_rng(2)
    a, b = rng.random((2, 12))
    patients = rng.integers(0, 5, 12)
    names = np.unique(patients)
    sums = [(a - b)[patients == name].sum() for name in names]
    totals = [abs(np.dot(signs, sums)) for signs in itertools.product((-1, 1), repeat=names.size)]
    expected = np.mean([total >= abs(sum(sums)) - 1e-12 for total in totals])
    assert p_of(a, b, patients).p_value == pytest.approx(expected)
    assert p_of(a, b, np.zeros(12)).p_value == 1.0


def test_seeds_are_swapped_together():
    rng = np.random.default_rng(3)
    a, b = rng.random((2, 3, 8))
    assert p_of(a, b).p_value == p_of(a.mean(axis=0), b.mean(axis=0)).p_value
    assert p_of(a, b).difference == pytest.approx(a.mean() - b.mean())
    with pytest.raises(ValueError, match="equally many seeds, got 3 and 2"):
        p_of(a, b[:2])


def test_random_swaps_come_near_the_exact_p_and_are_never_0():
    rng = np.random.default_rng(4)
    a, b = rng.random((2, 12))
    exact, drawn = p_of(a, b), p_of(a, b, draws=4000)
    assert exact.exact
    assert not drawn.exact
    assert drawn.p_value == pytest.approx(exact.p_value, abs=4 * np.sqrt(0.25 / 4000))
    assert p_of(np.ones(40), np.zeros(40), draws=99).p_value == 1 / 100
    assert p_of(a, b, draws=4000) == drawn


def test_no_difference_and_swapped_methods():
    rng = np.random.default_rng(5)
    a, b = rng.random((2, 9))
    same = p_of(a, a)
    assert (same.difference, same.p_value, same.exact) == (0.0, 1.0, True)
    assert p_of(b, a).p_value == p_of(a, b).p_value
    assert p_of(b, a).difference == -p_of(a, b).difference


def test_keeps_5_percent_on_skewed_values_of_few_cases():
    rng = np.random.default_rng(6)
    shared = rng.random((400, 15))
    a, b = (np.where(rng.random((400, 15)) < 0.3, 0.0, shared * rng.random((400, 15))) for _ in range(2))
    rejected = sum(
        p_of(x, y, draws=300, seed=k).p_value < 0.05 for k, (x, y) in enumerate(zip(a, b, strict=True))
    )
    assert 5 <= rejected <= 36  # 99.9 % of binomial(400, 0.05), and no test that never rejects


def test_unusable_arguments_are_refused():
    with pytest.raises(ValueError, match="shape"):
        p_of([], [])
    with pytest.raises(ValueError, match="values_b must hold one value for each of 2 cases"):
        p_of([0.1, 0.2], [0.1])
    with pytest.raises(ValueError, match="values_a must be finite"):
        p_of([np.nan, 0.2], [0.1, 0.2])
    with pytest.raises(ValueError, match="clusters"):
        p_of([0.1, 0.2], [0.1, 0.2], np.zeros(3))
    with pytest.raises(ValueError, match="draws"):
        p_of([0.1, 0.2], [0.1, 0.2], draws=0)
