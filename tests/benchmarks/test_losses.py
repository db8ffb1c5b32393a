"""What the benchmark compares must be the same sums."""

import torch

from benchmarks.losses import BOX, direct, exact, scene
from rsuper.losses.ball import ball_kernel
from rsuper.losses.geometry import bounding_box, correlate


def test_all_three_ways_give_the_same_sums():
    volume = torch.rand(14, 12, 10, generator=torch.Generator().manual_seed(0))
    for diameter_mm in (5.0, 9.0, 30.0):  # the last ball is larger than the volume
        kernel = ball_kernel(diameter_mm, (1.0, 1.0, 1.0))
        truth = exact(volume, kernel)
        peak = truth.max()
        assert (correlate(volume.double(), kernel) - truth).abs().max() < 1e-13 * peak
        whole = direct(volume, kernel.float(), 14)
        assert (whole.double() - truth).abs().max() < 1e-5 * peak
        # Some planes from the middle are planes of the whole.
        torch.testing.assert_close(direct(volume, kernel.float(), 4), whole[5:9])


def test_the_region_fills_its_box():
    probability, region = scene(torch.Generator().manual_seed(0))
    box = bounding_box(region)
    assert tuple(side.stop - side.start for side in box) == BOX
    assert 0.4 < region[box].float().mean() < 0.6  # an ellipsoid: pi / 6
    assert 0 < probability.min() < probability.max() < 1
