"""The transformations by what they may and may not do; their probabilities counted."""

from collections import Counter

import numpy as np
import pytest

from rsuper.data import genesis
from rsuper.data.genesis import (
    Genesis,
    inpainted,
    mirrored,
    outpainted,
    remapped,
    shuffled,
    training_pair,
)

SHAPE = (21, 16, 18)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def cube(rng):
    """Every voxel has a value of its own."""
    return (rng.permutation(np.prod(SHAPE)).reshape(SHAPE) / np.prod(SHAPE)).astype(np.float32)


def test_one_window_is_permuted_and_nothing_else_changes(cube):
    moved = 0
    for seed in range(40):
        found = shuffled(cube, 1, np.random.default_rng(seed))
        changed = np.argwhere(found != cube)
        np.testing.assert_array_equal(np.sort(found, axis=None), np.sort(cube, axis=None))
        if len(changed):
            moved += 1
            assert (changed.max(0) - changed.min(0) < (2, 1, 1)).all()  # a tenth of 21, 16, 18
    assert moved > 3  # a window of two voxels, and not left in order


def test_windows_take_their_voxels_from_the_cube_as_it_came(cube):
    found = shuffled(cube, 2000, np.random.default_rng(1))
    assert set(found.ravel()) <= set(cube.ravel())
    moved = np.argwhere(found != cube)
    assert len(moved) > 500
    places = {value: index for index, value in np.ndenumerate(cube)}
    for index in moved[:200]:
        assert (np.abs(np.array(places[found[tuple(index)]]) - index) < (2, 1, 1)).all()


def test_larger_cubes_have_larger_windows():
    big = np.arange(40**3, dtype=np.float32).reshape(40, 40, 40)
    found = shuffled(big, 1000, np.random.default_rng(0))
    assert len(np.unique(found)) > 0.5 * big.size
    far = np.abs(
        np.argwhere(found != big) - [np.unravel_index(int(v), big.shape) for v in found[found != big]]
    )
    assert far.max() == 3  # sides up to 4
    np.testing.assert_array_equal(shuffled(big, 0, np.random.default_rng(0)), big)


def test_intensities_rise_or_fall_from_end_to_end_of_the_unit_interval():
    line = np.linspace(0, 1, 500).reshape(1, 1, -1).astype(np.float32)
    rising = 0
    for seed in range(200):
        mapped = remapped(line, np.random.default_rng(seed)).ravel()
        steps = np.diff(mapped)
        assert (steps >= -1e-6).all() or (steps <= 1e-6).all()
        assert (mapped.min(), mapped.max()) == (0, 1)
        rising += mapped[-1] == 1
    assert 75 <= rising <= 125  # half, within 3.5 standard deviations
    middles = [abs(remapped(line, np.random.default_rng(seed)).ravel()[250] - 0.5) for seed in range(200)]
    assert np.mean(middles) > 0.05  # few are straight


def test_inpainting_changes_boxes_away_from_the_border(cube):
    counts = Counter()
    for seed in range(60):
        found = inpainted(cube, 0.95, np.random.default_rng(seed))
        changed = np.argwhere(found != cube)
        if len(changed):
            assert (changed >= 3).all()
            assert (changed < np.array(SHAPE) - 3).all()
        counts[len(changed) > 0] += 1
    assert counts[True] > 50  # all but the twentieth
    assert not (inpainted(cube, 0.0, np.random.default_rng(0)) != cube).any()


def test_outpainting_keeps_windows_away_from_the_border(cube):
    for seed in range(60):
        found = outpainted(cube, 0.95, np.random.default_rng(seed))
        kept = np.argwhere(found == cube)
        assert (kept >= 3).all()
        assert (kept < np.array(SHAPE) - 3).all()
        # At least one window, whose sides are three sevenths and more.
        assert len(kept) >= (21 - 12) * (16 - 9) * (18 - 10)
        assert found.min() >= 0
        assert found.max() <= 1
    assert len(np.argwhere(outpainted(cube, 0.0, np.random.default_rng(0)) == cube)) <= (21 - 9) * (
        16 - 6
    ) * (18 - 7)


def test_the_smallest_cube_can_be_painted():
    small = np.random.default_rng(0).random((14, 14, 14), dtype=np.float32)
    for seed in range(50):
        for paint in (inpainted, outpainted):
            assert paint(small, 0.95, np.random.default_rng(seed)).shape == small.shape
    with pytest.raises(ValueError, match=r"at least 14 voxels, got \(13, 14, 14\)"):
        training_pair(small[:13], Genesis(), np.random.default_rng(0))


def test_mirroring_is_done_to_both_and_up_to_three_times(cube):
    seen = Counter()
    for seed in range(2000):
        found = mirrored(cube, 0.4, np.random.default_rng(seed))
        corner = tuple(int(i) for i in np.argwhere(found == cube[0, 0, 0])[0])
        seen[corner] += 1
    # Unchanged: none (0.6), or the same axis twice (0.4 x 0.4 x 0.6 / 3) .
    assert seen[0, 0, 0] / 2000 == pytest.approx(0.6 + 0.4**2 * 0.6 / 3, abs=0.035)
    assert len(seen) == 8


def test_probabilities_and_order(cube, monkeypatch):
    calls = []

    def spy(name):
        def transform(image, *_):
            calls.append(name)
            return image

        return transform

    for name in ("shuffled", "remapped", "inpainted", "outpainted"):
        monkeypatch.setattr(genesis, name, spy(name))
    n, order = 3000, {"shuffled": 0, "remapped": 1, "inpainted": 2, "outpainted": 2}
    counts = Counter()
    rng = np.random.default_rng(7)
    for _ in range(n):
        calls.clear()
        training_pair(cube, Genesis(), rng)
        counts.update(calls)
        assert [order[name] for name in calls] == sorted({order[name] for name in calls})
    expected = {"shuffled": 0.5, "remapped": 0.9, "inpainted": 0.18, "outpainted": 0.72}
    for name, share in expected.items():
        assert counts[name] / n == pytest.approx(share, abs=3.5 * np.sqrt(share * (1 - share) / n)), name


def test_windows_are_in_proportion_to_the_voxels(cube, monkeypatch):
    asked = []
    monkeypatch.setattr(genesis, "shuffled", lambda image, windows, rng: asked.append(windows) or image)
    training_pair(cube, Genesis(shuffle=1.0), np.random.default_rng(0))
    assert asked == [10_000 * cube.size // (64 * 64 * 32)]


def test_a_pair_is_on_the_scale_of_its_image(rng):
    image = rng.normal(100, 50, SHAPE).astype(np.float32)
    for seed in range(20):
        changed, original = training_pair(image, Genesis(), np.random.default_rng(seed))
        np.testing.assert_allclose(np.sort(original, axis=None), np.sort(image, axis=None), rtol=1e-4)
        assert changed.min() >= image.min() - 1e-3
        assert changed.max() <= image.max() + 1e-3
        assert changed.dtype == original.dtype == np.float32
    constant = np.full(SHAPE, 3.0, np.float32)
    for part in training_pair(constant, Genesis(), rng):
        np.testing.assert_array_equal(part, constant)


def test_without_transformations_a_pair_is_twice_the_same(rng):
    image = rng.random(SHAPE, dtype=np.float32)
    none = Genesis(flip=0.0, shuffle=0.0, intensity=0.0, paint=0.0)
    changed, original = training_pair(image, none, rng)
    np.testing.assert_array_equal(changed, original)
    np.testing.assert_allclose(original, image, atol=1e-6)
