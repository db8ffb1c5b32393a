import math

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from rsuper.metrics import nearest
from rsuper.metrics.nearest import Marked, nearest_mm, surroundings


def marked(mask, margin):
    """Lay a mask out with margins on all sides."""
    bits = np.pad(mask, [(m + 1, m + 1) for m in margin])
    return Marked(bits.shape, bits.ravel(), np.flatnonzero(bits))


def test_steps_by_hand():
    # Within 2 mm at 1 x 1 x 2 mm: the voxel itself, 4 at 1 mm, 4 at sqrt(2), 4 + 2 at 2 mm.
    around = surroundings((1.0, 1.0, 2.0), (1, 1, 1), 2.0)
    expected = [0.0] + [1.0] * 4 + [math.sqrt(2)] * 4 + [2.0] * 6
    assert around.distances_mm.tolist() == pytest.approx(expected)
    assert around.margin == (2, 2, 1)


def test_larger_boxes_are_worth_more_steps_up_to_a_limit():
    def count(side):
        return len(surroundings((1.0, 1.0, 1.0), (side,) * 3, math.inf).steps)

    # The steps fill a ball of about that many voxels: 64 at least, 6 side^2 / 40 in between, 800 at most. A
    # ball of 64 voxels has a radius of 2.48, so it holds the 81 steps within sqrt(6) = 2.45, by hand: 1 + 6 +
    # 12 + 8 + 6 + 24 + 24 at squared distances 0 to 6.
    assert count(5) == count(10) == 81
    assert count(50) == pytest.approx(6 * 50**2 / 40, rel=0.1)
    assert count(500) == count(5000) == pytest.approx(800, rel=0.1)


@pytest.mark.parametrize("cap_mm", [0.0, 1.3, 4.0, math.inf])
@pytest.mark.parametrize("most_steps", [1, 30, 800])
def test_distances_equal_a_distance_transform(cap_mm, most_steps, monkeypatch):
    # However many are looked up and however many ask the tree.
    monkeypatch.setattr(nearest, "MOST_STEPS", most_steps)
    rng, spacing_mm = np.random.default_rng(0), (0.7, 1.1, 2.0)
    masks = [rng.random((14, 11, 9)) < share for share in (0.05, 0.01)]
    around = surroundings(spacing_mm, (14, 11, 9), cap_mm)
    own, other = (marked(mask, around.margin) for mask in masks)
    exact = distance_transform_edt(~masks[1], sampling=spacing_mm)[masks[0]]
    expected = np.where(exact <= cap_mm + 1e-9, exact, math.inf)
    np.testing.assert_allclose(nearest_mm(own, other, around, cap_mm), expected, atol=1e-12)


def test_nothing_is_found_in_an_empty_mask_nor_from_one():
    around = surroundings((1.0, 1.0, 1.0), (3, 3, 3), math.inf)
    full, empty = (marked(np.full((3, 3, 3), value), around.margin) for value in (True, False))
    assert np.all(nearest_mm(full, empty, around) == math.inf)
    assert nearest_mm(empty, full, around).size == 0
