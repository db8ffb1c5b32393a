from functools import partial

import numpy as np
import pytest
import torch
from scipy import ndimage

from rsuper.losses.geometry import binary_ball, bounding_box, correlate, fft_length


@pytest.mark.parametrize("few", [False, True])
def test_correlate_equals_scipy(few, monkeypatch):
    padded = partial(fft_length, few=few)  # on a GPU few lengths, here both
    monkeypatch.setattr("rsuper.losses.geometry.fft_length", lambda length, few: padded(length))
    for seed in range(30):
        rng = np.random.default_rng(seed)
        volume = rng.random(tuple(rng.integers(1, 9, size=3)))
        half = rng.random(tuple(2 * rng.integers(0, 6, size=3) + 1))
        kernel = half + half[::-1, ::-1, ::-1]  # symmetric through the center
        expected = ndimage.correlate(volume, kernel, mode="constant")
        found = correlate(torch.from_numpy(volume), torch.from_numpy(kernel)).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_float32_error_is_below_a_millionth_of_the_peak():
    volume = torch.rand(24, 30, 28, generator=torch.Generator().manual_seed(0))
    ball = binary_ball(6.0, (1.0, 1.0, 1.0))
    exact = correlate(volume.double(), ball)
    assert (correlate(volume, ball).double() - exact).abs().max() < 1e-6 * exact.max()


def test_bounding_box():
    mask = torch.zeros(4, 5, 6, dtype=torch.bool)
    assert bounding_box(mask) is None
    mask[1, 2, 0] = mask[2, 4, 5] = True
    assert bounding_box(mask) == (slice(1, 3), slice(2, 5), slice(0, 6))


def test_binary_ball_by_hand():
    # Radius 1 mm at 1 x 1 x 2 mm: the center and its four neighbors in x and y.
    ball = binary_ball(1.0, (1.0, 1.0, 2.0))
    assert ball.shape == (3, 3, 1)
    assert ball.sum().item() == 5


def test_few_lengths_are_long_enough_fast_and_not_much_longer():
    lengths = range(1, 400)
    for length in lengths:
        for few in (False, True):
            found = fft_length(length, few=few)
            assert found >= length
            assert 2**40 * 3**20 * 5**20 % found == 0  # no prime factor above 5
        assert fft_length(length, few=True) <= max(16, 4 / 3 * length) or length < 33
    assert len({fft_length(length, few=True) for length in range(1, 257)}) == 11


def test_regions_of_a_training_have_few_shapes_on_a_gpu():
    """A plan per shape: of 2,000 regions and balls drawn like a pancreas' at 1 mm, few shapes are new."""
    rng = np.random.default_rng(0)
    boxes = rng.normal((60, 44, 116), (9, 7, 14), (2000, 3)).round().clip(8, 128).astype(int)
    taps = (rng.uniform(10, 60, (2000, 1)) / 2).round().astype(int)
    for few, most in ((True, 60), (False, 2000)):
        shapes = {tuple(fft_length(int(side), few=few) for side in sides) for sides in boxes + taps}
        assert len(shapes) <= most
        if not few:
            assert len(shapes) > 500
