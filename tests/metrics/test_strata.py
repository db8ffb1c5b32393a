import itertools
import math

import numpy as np
import pytest
from scipy.ndimage import label

from rsuper.metrics.strata import longest_axial_diameter_mm, stratum, tumor_diameters_mm


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


def test_one_voxel_has_both_diagonals_of_its_pixel_and_its_height():
    mask = np.zeros((3, 3, 3), dtype=bool)
    mask[1, 1, 1] = True
    # A square of 2 mm: both diagonals are 2.83 mm, at right angles.
    diagonal = math.hypot(2, 2)
    assert tumor_diameters_mm(mask, (2.0, 2.0, 5.0)) == pytest.approx((diagonal, diagonal, 5.0))


def test_perpendicular_chord_of_a_rectangle_by_hand():
    mask = np.zeros((10, 10, 9), dtype=bool)
    mask[2:8, 1:9, 3:7] = True  # 6 x 8 pixels of 0.5 mm: 3 x 4 mm, diagonal 5; four slices of 2.5 mm
    # The chord through a corner off the diagonal: perpendicular to (3, 4) / 5 through (3, 0), it leaves the
    # rectangle at x = 0, 3 * 5 / 4 = 3.75 mm away. The tangents there are 2 * 12 / 5 = 4.8 mm apart.
    assert tumor_diameters_mm(mask, (0.5, 0.5, 2.5)) == pytest.approx((5.0, 3.75, 10.0))


def test_perpendicular_chord_spans_a_notch_and_need_not_meet_the_diameter():
    mask = np.zeros((22, 12, 3), dtype=bool)
    mask[0:20, 5, 1] = True  # a bar of 20 x 1 pixels
    mask[3, 2:10, 1] = True  # crossed at x = 3 by one of 8 pixels
    mask[3, 8, 1] = False  # a notch; the last one stays connected by corners, through ...
    mask[4, 8, 1] = True  # ... this pixel beside it
    long, perpendicular, height = tumor_diameters_mm(mask, (1.0, 1.0, 4.0))
    assert (long, height) == (pytest.approx(math.hypot(20, 1)), 4.0)
    # Across the bar's diagonal (20, +-1) / 20.02 lines are tilted by 1 / 20: over 8 pixels by 0.4, so they
    # stay within the column of width 1 from end to end: 8 * 20.02 / 20.
    assert perpendicular == pytest.approx(8 * math.hypot(20, 1) / 20)


def test_perpendicular_chord_equals_many_lines_cut_with_every_pixel():
    rng = np.random.default_rng(1)
    sx, sy = 0.7, 1.3
    for _ in range(10):
        mask = np.zeros((9, 9, 1), dtype=bool)
        mask[1:8, 1:8, 0] = rng.random((7, 7)) < 0.45
        mask[4, 1:8, 0] = mask[1:8, 4, 0] = True
        long, perpendicular, _ = tumor_diameters_mm(mask, (sx, sy, 1.0))
        lumps, _ = label(mask[:, :, 0], np.ones((3, 3)))
        pixels = np.argwhere(lumps == lumps[4, 4])  # the cross joins most of them
        corners = np.array([(i + a, j + b) for i, j in pixels for a in (0, 1) for b in (0, 1)]) * (sx, sy)
        longest = {
            chord_over_pixels(pixels, corners, (q - p) / long, (sx, sy))
            for p, q in itertools.combinations(corners, 2)
            if math.hypot(*(q - p)) > long - 1e-9
        }
        assert any(found == pytest.approx(perpendicular) for found in longest)


def chord_over_pixels(pixels, corners, across, spacing):
    """Longest span of the pixels, cut one by one with parallel lines: 2,000 even ones and one per corner."""
    along, longest = np.array([-across[1], across[0]]), 0.0
    for t in [*np.linspace(-15, 15, 2000), *(corners @ across)]:
        sides = [
            ((pixels[:, axis] + step) * spacing[axis] - t * across[axis]) / along[axis]
            for step in (0, 1)
            for axis in (0, 1)
        ]
        enter = np.maximum(np.minimum(sides[0], sides[2]), np.minimum(sides[1], sides[3]))
        leave = np.minimum(np.maximum(sides[0], sides[2]), np.maximum(sides[1], sides[3]))
        hit = enter <= leave + 1e-9  # a line through a corner alone counts
        if hit.any():
            longest = max(longest, leave[hit].max() - enter[hit].min())
    return longest


def test_diameters_of_a_digital_ellipsoid_are_its_axes_to_a_voxel():
    grid = np.stack(np.meshgrid(*[np.arange(-30, 31)] * 3, indexing="ij"), -1)
    turned = grid @ np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    ellipsoid = np.linalg.norm(turned / [25, 12, 18], axis=-1) <= 1
    long, perpendicular, height = tumor_diameters_mm(ellipsoid, (1.0, 1.0, 1.0))
    assert 49 <= long <= 50 + math.sqrt(2)
    assert 23 <= perpendicular <= 24 + math.sqrt(2)
    assert height == 37  # slices -18 to 18


def test_diameters_take_the_largest_component_and_agree_with_the_longest_alone():
    rng = np.random.default_rng(2)
    for _ in range(20):
        mask = rng.random((8, 9, 7)) < 0.2
        long, perpendicular, height = tumor_diameters_mm(mask, (0.8, 0.8, 3.0))
        assert long == longest_axial_diameter_mm(mask, (0.8, 0.8, 3.0))
        assert 0 < perpendicular <= long + 1e-9
        assert height % 3.0 == 0


def test_diameters_of_nothing_and_of_no_spacing():
    empty = np.zeros((3, 3, 3), dtype=bool)
    assert tumor_diameters_mm(empty, (1.0, 1.0, 1.0)) is None
    with pytest.raises(ValueError, match="spacing_mm"):
        tumor_diameters_mm(empty, (1.0, 0.0, 1.0))
