import itertools
import math

import numpy as np
import pytest

from rsuper.metrics.strata import longest_axial_diameter_mm, stratum


@pytest.mark.parametrize(
    ("diameter_mm", "expected"),
    [(None, "unknown"), (math.nan, "unknown"), (5.0, "small"), (20.0, "small"), (20.1, "large")],
)
def test_stratum(diameter_mm, expected):
    assert stratum(diameter_mm) == expected


@pytest.mark.parametrize("diameter_mm", [0.0, -3.0, math.inf])
def test_impossible_diameters_are_refused(diameter_mm):
    with pytest.raises(ValueError, match="largest_diameter_mm"):
        stratum(diameter_mm)


def test_one_voxel_has_the_diagonal_of_its_pixel():
    mask = np.zeros((3, 3, 3), dtype=bool)
    mask[1, 1, 1] = True
    assert longest_axial_diameter_mm(mask, (3.0, 4.0, 100.0)) == pytest.approx(5.0)


def test_rectangle_by_hand_and_the_z_axis_does_not_count():
    mask = np.zeros((10, 10, 40), dtype=bool)
    mask[2:8, 1:9, :] = True  # 6 x 8 pixels of 0.5 mm: 3 and 4 mm, diagonal 5
    assert longest_axial_diameter_mm(mask, (0.5, 0.5, 5.0)) == pytest.approx(5.0)


def test_only_the_largest_component_counts_and_corners_connect():
    mask = np.zeros((30, 6, 6), dtype=bool)
    mask[:, 0, 0] = True  # 30 voxels, long
    mask[0:4, 2:6, 2:6] = True  # 64 voxels
    assert longest_axial_diameter_mm(mask, (1.0, 1.0, 1.0)) == pytest.approx(math.hypot(4, 4))
    mask[4, 1, 1] = True  # touches both by corners: now the row of 30 x 1 pixels in slice 0 belongs to it
    assert longest_axial_diameter_mm(mask, (1.0, 1.0, 1.0)) == pytest.approx(math.hypot(30, 1))


def test_diameter_equals_all_corner_pairs():
    rng = np.random.default_rng(0)
    sx, sy = 0.7, 1.3
    for _ in range(10):
        mask = np.ones((7, 6, 3), dtype=bool)
        mask[:, :, 0] = rng.random((7, 6)) < 0.3
        mask[:, :, 2] = rng.random((7, 6)) < 0.3
        mask[[0, -1], :, 1] = mask[:, [0, -1], 1] = False
        mask[:, :, [0, 2]] &= np.pad(np.ones((5, 4), bool), 1)[:, :, None]
        longest = 0.0
        for k in range(3):
            corners = [(i + a, j + b) for i, j in np.argwhere(mask[:, :, k]) for a in (0, 1) for b in (0, 1)]
            for p, q in itertools.combinations(corners, 2):
                longest = max(longest, math.hypot(sx * (p[0] - q[0]), sy * (p[1] - q[1])))
        assert longest_axial_diameter_mm(mask, (sx, sy, 2.0)) == pytest.approx(longest)


def test_a_digital_ball_measures_its_diameter_to_a_pixel():
    grid = np.stack(np.meshgrid(*[np.arange(-20, 21)] * 3, indexing="ij"), -1)
    ball = np.linalg.norm(grid, axis=-1) <= 15
    assert 30 <= longest_axial_diameter_mm(ball, (1.0, 1.0, 1.0)) <= 30 + math.sqrt(2)


def test_empty_mask_has_no_diameter_and_spacing_must_be_positive():
    empty = np.zeros((3, 3, 3), dtype=bool)
    assert longest_axial_diameter_mm(empty, (1.0, 1.0, 1.0)) is None
    with pytest.raises(ValueError, match="spacing_mm"):
        longest_axial_diameter_mm(empty, (1.0, -1.0, 1.0))
