import numpy as np
import torch
from scipy import ndimage

from rsuper.losses.geometry import binary_ball, bounding_box, correlate


def test_correlate_equals_scipy():
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
