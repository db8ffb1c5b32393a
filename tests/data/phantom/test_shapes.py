import numpy as np
import pytest

from rsuper.data.phantom.shapes import Ellipsoid, Grid, paint, smooth_field, tube

GRID = Grid((40, 36, 32), (2.0, 2.0, 2.0))


def test_world_origin_is_the_middle_of_the_grid():
    grid = Grid((3, 2, 2), (4.0, 2.0, 1.0))
    assert [axis.ravel().tolist() for axis in grid.axes()] == [[-4, 0, 4], [-1, 1], [-0.5, 0.5]]
    assert (grid.affine @ [2, 1, 0, 1]).tolist() == [4, 1, -0.5, 1]
    assert grid.voxel_volume_mm3 == 8


def test_box_holds_the_voxel_centers_between_two_corners():
    grid = Grid((5, 5, 5), (2.0, 2.0, 2.0))  # centers -4, -2, 0, 2, 4
    assert grid.box((-2.0, -9.0, 5.0), (2.0, -3.0, 9.0)) == (slice(1, 4), slice(0, 1), slice(5, 5))


def test_distance_to_a_ball_is_exact():
    blob = Ellipsoid((3.0, -2.0, 1.0), (9.0, 9.0, 9.0)).blob(GRID)
    x, y, z = GRID.axes(blob.box)
    truth = np.sqrt((x - 3) ** 2 + (y + 2) ** 2 + (z - 1) ** 2) - 9
    np.testing.assert_allclose(blob.distance_mm, truth, atol=1e-4)


def test_distance_at_the_center_of_an_ellipsoid_is_its_shortest_semi_axis():
    blob = Ellipsoid((1.0, 1.0, 1.0), (10.0, 4.0, 8.0)).blob(GRID)  # (1, 1, 1) is a voxel center
    x, y, z = (int(np.argmin(np.abs(axis.ravel() - 1))) for axis in GRID.axes(blob.box))
    assert blob.distance_mm[x, y, z] == -4


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2])
def test_ellipsoid_has_the_volume_of_its_axes_whatever_its_turn(angle):
    blob = Ellipsoid((0.5, 0.2, -0.3), (14.0, 9.0, 11.0), angle).blob(GRID)
    truth = 4 / 3 * np.pi * 14 * 9 * 11
    assert (blob.distance_mm < 0).sum() * 8 == pytest.approx(truth, rel=0.03)


def test_turned_ellipsoid_points_where_its_angle_says():
    # Turned by a quarter from x toward y: the long axis lies along y.
    # Voxel (1, 15, 1) mm is inside: 1/16 + 225/272.25 + 1/16 = 0.95; the next, 17 mm out, is not.
    blob = Ellipsoid((0.0, 0.0, 0.0), (16.5, 4.0, 4.0), np.pi / 2).blob(GRID)
    index = np.nonzero(blob.distance_mm < 0)
    spans = [np.ptp(i) + 1 for i in index]
    assert spans == [4, 16, 4]


def test_reach_bounds_the_ellipsoid():
    shape = Ellipsoid((0.0, 0.0, 0.0), (3.0, 4.0, 5.0), 0.0)
    assert shape.reach_mm == (3, 4, 5)
    assert Ellipsoid((0.0, 0.0, 0.0), (3.0, 4.0, 5.0), np.pi / 2).reach_mm == pytest.approx((4, 3, 5))


def test_straight_tube_is_a_cylinder_between_its_ends():
    points = np.array([(0, 0, h) for h in np.arange(-10, 10.5, 0.5)], np.float32)
    blob = tube(GRID, points, np.full(len(points), 6, np.float32), 6.0)
    x, y, z = GRID.axes(blob.box)
    between = np.broadcast_to(np.abs(z) <= 10, blob.distance_mm.shape)
    truth = np.broadcast_to(np.sqrt(x**2 + y**2) - 6, blob.distance_mm.shape)
    np.testing.assert_allclose(blob.distance_mm[between], truth[between], atol=0.07)  # chords of 0.5 mm


def test_paint_is_half_on_the_surface_and_full_half_an_edge_inside():
    blob = Ellipsoid((1.0, 1.0, 1.0), (10.0, 10.0, 10.0)).blob(GRID)
    layer = paint("water", blob, 4.0)
    on, inside, outside = (np.argmin(np.abs(blob.distance_mm - d)) for d in (0, -2, 2))
    flat, distance = layer.occupancy.ravel(), blob.distance_mm.ravel()
    for place in (on, inside, outside):
        assert flat[place] == pytest.approx(np.clip(0.5 - distance[place] / 4, 0, 1), abs=1e-6)
    assert set(np.unique(flat[distance < -2])) == {1.0}


def test_smooth_field_has_unit_spread_in_every_voxel_and_neighbors_agree():
    rng = np.random.default_rng(0)
    draws = np.stack([smooth_field(rng, (6, 5, 4), (4.0, 4.0, 4.0), 14.0) for _ in range(4000)])
    # Standard error of a standard deviation from n draws: 1 / sqrt(2 n) = 0.011; five of them.
    np.testing.assert_allclose(draws.std(0), 1, atol=0.056)
    np.testing.assert_allclose(draws.mean(0), 0, atol=0.08)
    assert np.corrcoef(draws[:, 2, 2, 2], draws[:, 3, 2, 2])[0, 1] > 0.9
    assert abs(np.corrcoef(draws[:, 0, 0, 0], draws[:, 5, 4, 3])[0, 1]) < 0.2
