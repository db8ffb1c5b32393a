"""Growing by bits equals a threshold on the distance transform."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from rsuper.metrics.dilation import dilated, reach_voxels


def test_one_voxel_grows_into_a_ball():
    # Offsets within 2: 1 of length 0, 6 of 1, 12 of sqrt 2, 8 of sqrt 3, 6 of 2.
    ball = dilated(np.ones((1, 1, 1), dtype=bool), (1.0, 1.0, 1.0), 2.0)
    assert ball.shape == (5, 5, 5)
    assert ball.sum() == 33
    flat = dilated(np.ones((1, 1, 1), dtype=bool), (1.0, 2.0, 5.0), 2.0)
    assert flat.shape == (5, 3, 3)
    np.testing.assert_array_equal(np.argwhere(flat) - (2, 1, 1), [[-2, 0, 0], [-1, 0, 0], [0, -1, 0],
        [0, 0, 0], [0, 1, 0], [1, 0, 0], [2, 0, 0]])  # fmt: skip


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.7, 0.9, 2.5), (5.0, 0.75, 0.75), (0.8, 3.0, 0.3)])
@pytest.mark.parametrize("margin_mm", [0.0, 0.9, 3.0, 4.2])
def test_distance_transform(spacing_mm, margin_mm):
    generator = np.random.default_rng(0)
    for shape, share in (((9, 8, 7), 0.01), ((1, 12, 17), 0.1), ((6, 5, 8), 0.6)):
        mask = generator.random(shape) < share
        mask[0, -1, 0] = True
        reach = reach_voxels(spacing_mm, margin_mm)
        padded = np.pad(mask, [(r, r) for r in reach])
        expected = distance_transform_edt(~padded, sampling=spacing_mm) <= margin_mm + 1e-9
        np.testing.assert_array_equal(dilated(mask, spacing_mm, margin_mm), expected)


def test_reach_is_rounded_up():
    assert reach_voxels((0.75, 1.0, 5.0), 10.0) == (14, 10, 2)
    assert reach_voxels((1.0, 1.0, 1.0), 0.0) == (0, 0, 0)
