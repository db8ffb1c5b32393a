import itertools

import numpy as np
import pytest

from rsuper.stats.permutation import paired_permutation_test


def bits(text):
    return np.array([int(c) for c in text])


def f1(labels, calls):
    tp = int((labels & calls).sum())
    return 2 * tp / (labels.sum() + calls.sum())


def enumerated(labels, a, b, clusters):
    """Swap every subset of patients; share of differences at least as large as the observed one."""
    observed, hits = abs(f1(labels, a) - f1(labels, b)), 0
    patients = np.unique(clusters)
    for swapped in itertools.product((False, True), repeat=patients.size):
        swap = np.isin(clusters, patients[np.array(swapped)])
        gap = f1(labels, np.where(swap, b, a)) - f1(labels, np.where(swap, a, b))
        hits += abs(gap) >= observed - 1e-12
    return hits / 2**patients.size


# Shares of the 2^n swaps, counted one by one.
@pytest.mark.parametrize(
    ("labels", "a", "b", "difference", "p_value"),
    [
        ("111000", "111000", "000000", 1.0, 16 / 64),
        ("11111000", "11111000", "10000000", 2 / 3, 32 / 256),
        ("1111100000", "1111000001", "1001111000", 0.2, 608 / 1024),
        ("1010", "1000", "1000", 0.0, 1.0),
        ("111111000000", "111110100000", "110000011100", 0.469696969697, 320 / 4096),
    ],
)
def test_exact_oracles(labels, a, b, difference, p_value):
    result = paired_permutation_test(bits(labels), bits(a), bits(b))
    assert result.difference == pytest.approx(difference, abs=1e-12)
    assert result.p_value == pytest.approx(p_value, abs=1e-12)
    assert result.n_discordant == int((bits(a) != bits(b)).sum())


def test_equals_enumeration_on_random_cases():
    rng = np.random.default_rng(0)
    for _ in range(30):
        labels, a, b = rng.integers(0, 2, (3, 9))
        labels[0] = 1
        expected = enumerated(labels, a, b, np.arange(9))
        assert paired_permutation_test(labels, a, b).p_value == pytest.approx(expected, abs=1e-12)


def test_equals_enumeration_with_several_cts_per_patient():
    rng = np.random.default_rng(1)
    for _ in range(40):
        labels, a, b = rng.integers(0, 2, (3, 18))
        labels[0] = 1
        clusters = rng.integers(0, 7, 18)
        result = paired_permutation_test(labels, a, b, clusters)
        assert result.p_value == pytest.approx(enumerated(labels, a, b, clusters), abs=1e-12)


def test_patients_with_one_ct_each_change_nothing():
    rng = np.random.default_rng(2)
    labels, a, b = rng.integers(0, 2, (3, 60))
    names = np.array([f"patient-{k}" for k in range(60)])
    assert paired_permutation_test(labels, a, b, names) == paired_permutation_test(labels, a, b)


def test_one_patient_cannot_be_significant():
    labels = np.ones(12, dtype=int)
    result = paired_permutation_test(labels, labels, np.zeros(12, dtype=int), np.zeros(12, dtype=int))
    assert (result.difference, result.p_value, result.n_discordant) == (1.0, 1.0, 12)


@pytest.mark.parametrize("k", [1, 2, 5, 6, 10])
def test_smallest_p_of_k_discordant_cases_is_2_to_the_1_minus_k(k):
    labels = np.ones(20, dtype=int)
    worse = np.concatenate([np.zeros(k, dtype=int), np.ones(20 - k, dtype=int)])
    assert paired_permutation_test(labels, labels, worse).p_value == pytest.approx(2.0 ** (1 - k), rel=1e-12)


def test_swapping_the_methods_flips_the_sign_only():
    rng = np.random.default_rng(3)
    labels, a, b = rng.integers(0, 2, (3, 400))
    there, back = paired_permutation_test(labels, a, b), paired_permutation_test(labels, b, a)
    assert back.difference == -there.difference
    assert back.p_value == pytest.approx(there.p_value, abs=1e-12)


def test_unusable_arguments_are_refused():
    ones = np.ones(3, dtype=int)
    with pytest.raises(ValueError, match="1 positives"):
        paired_permutation_test(np.zeros(3, dtype=int), ones, ones)
    with pytest.raises(ValueError, match="calls_b must hold one value for each of 3 cases"):
        paired_permutation_test(ones, ones, np.ones(2, dtype=int))
    with pytest.raises(ValueError, match="calls_a"):
        paired_permutation_test(ones, np.array([0.2, 0.0, 1.0]), ones)
    with pytest.raises(ValueError, match="clusters"):
        paired_permutation_test(ones, ones, ones, np.zeros(2))


def test_several_seeds_are_swapped_together():
    rng = np.random.default_rng(3)
    for _ in range(20):
        labels = rng.integers(0, 2, 7)
        labels[0] = 1
        a, b = rng.integers(0, 2, (2, 3, 7))
        patients = np.array([0, 1, 2, 3, 4, 4, 5])
        # The same as three cohorts in a row whose patients return.
        expected = enumerated(np.tile(labels, 3), a.ravel(), b.ravel(), np.tile(patients, 3))
        found = paired_permutation_test(labels, a, b, clusters=patients)
        assert found.p_value == pytest.approx(expected, abs=1e-12)
        gap = f1(np.tile(labels, 3), a.ravel()) - f1(np.tile(labels, 3), b.ravel())
        assert found.difference == pytest.approx(gap, abs=1e-12)
        assert found.n_discordant == int((a != b).any(axis=0).sum())
    with pytest.raises(ValueError, match="equally many seeds, got 3 and 2"):
        paired_permutation_test(labels, a, b[:2])
    with pytest.raises(ValueError, match="equally many seeds, got 2 and 3"):
        paired_permutation_test(labels, a[:2], b)
