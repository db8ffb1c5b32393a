"""Resampling: by hand, against scipy, and in slabs."""

import numpy as np
import pytest
from scipy import ndimage

from rsuper.data import resample as module
from rsuper.data.resample import HU_RANGE, resample, resample_hu, resampled_shape, to_shape


def line(values, dtype=np.float32):
    return np.array(values, dtype=dtype).reshape(-1, 1, 1)


def test_resample_by_hand():
    # Centers of the new 2 mm voxels lie at 1 and 3 mm: halfway between old centers 0.5, 1.5 and 2.5, 3.5.
    np.testing.assert_allclose(
        resample(line([0, 1, 2, 3]), (1.0, 1.0, 1.0), (2.0, 1.0, 1.0), linear=True), line([0.5, 2.5])
    )
    # 2 mm to 1 mm: new centers at 0.5, 1.5, 2.5, 3.5 mm, old ones at 1 and 3: outside them the edge value.
    finer = resample(line([0, 10]), (2.0, 1.0, 1.0), (1.0, 1.0, 1.0), linear=True)
    np.testing.assert_allclose(finer, line([0, 2.5, 7.5, 10]))
    labels = resample(line([1, 2], np.uint8), (2.0, 1.0, 1.0), (1.0, 1.0, 1.0), linear=False)
    np.testing.assert_array_equal(labels, line([1, 1, 2, 2], np.uint8))
    assert labels.dtype == np.uint8
    rounded = resample(line([0, 10], np.int16), (2.0, 1.0, 1.0), (1.0, 1.0, 1.0), linear=True)
    assert rounded.dtype == np.int16
    np.testing.assert_array_equal(rounded.ravel(), [0, 2, 8, 10])


def test_resample_keeps_positions():
    # Every voxel holds its own center in mm; 12 x 1 mm becomes 4 x 3 mm with centers 1.5, 4.5, 7.5, 10.5.
    position = line(np.arange(12) + 0.5)
    coarse = resample(position, (1.0, 1.0, 1.0), (3.0, 1.0, 1.0), linear=True)
    np.testing.assert_allclose(coarse.ravel(), [1.5, 4.5, 7.5, 10.5])
    # Back on the fine grid the inner voxels hold their position again; the outer ones the nearest center.
    unit = coarse / 12
    np.testing.assert_allclose(
        to_shape(unit, (12, 1, 1)).ravel()[1:-1] * 12, position.ravel()[1:-1], rtol=1e-6
    )


def test_resample_leaves_a_right_spacing_alone():
    array = line([1, 2, 3])
    assert resample(array, (1.0, 1.0, 1.0), (1.0004, 1.0, 1.0), linear=True) is array


def test_at_least_one_voxel_remains():
    assert resampled_shape((3, 10, 1), (1.0, 1.0, 1.0), (10.0, 2.0, 4.0)) == (1, 5, 1)


def by_scipy(array, shape):
    """Linear interpolation at the centers of the new voxels, outside the old ones the nearest."""
    axes = [(np.arange(new) + 0.5) * old / new - 0.5 for old, new in zip(array.shape, shape, strict=True)]
    grid = np.meshgrid(*axes, indexing="ij")
    return ndimage.map_coordinates(array.astype(np.float32), grid, order=1, mode="nearest")


SPACINGS = [
    ((0.7, 0.8, 5.0), (1.0, 1.0, 1.0)),
    ((0.7, 0.8, 0.5), (1.5, 1.5, 3.0)),
    ((2.0, 2.0, 1.0), (1.0, 2.0, 1.7)),
]


@pytest.mark.parametrize(("old", "new"), SPACINGS)
@pytest.mark.parametrize("planes", [1, 3, 1000])
def test_slabs_give_what_scipy_gives_at_once(monkeypatch, old, new, planes):
    monkeypatch.setattr(module, "SLAB_PLANES", planes)
    ct = np.random.default_rng(0).integers(-1500, 4000, (23, 19, 17)).astype(np.int16)
    shape = resampled_shape(ct.shape, old, new)
    np.testing.assert_array_equal(resample(ct, old, new, linear=True), np.rint(by_scipy(ct, shape)))
    within = ct.clip(*HU_RANGE)
    np.testing.assert_array_equal(resample_hu(ct, old, new), np.rint(by_scipy(within, shape)))
    share = np.random.default_rng(1).random((23, 19, 17)).astype(np.float32)
    # In another order of sums: half a step of single precision.
    np.testing.assert_allclose(to_shape(share, shape), by_scipy(share, shape), rtol=1e-7)


def test_a_view_in_another_order_is_resampled_alike():
    ct = np.random.default_rng(2).integers(-900, 900, (11, 12, 13)).astype(np.int16)
    turned = np.asfortranarray(ct)[::-1, :, ::-1]
    expected = resample_hu(np.ascontiguousarray(turned), *SPACINGS[0])
    np.testing.assert_array_equal(resample_hu(turned, *SPACINGS[0]), expected)


def test_hu_of_floats_are_whole_and_within_what_a_scanner_gives():
    ct = line([-3000.0, -0.6, 0.4, 5000.0])
    kept = resample_hu(ct, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0))
    assert kept.dtype == np.int16
    np.testing.assert_array_equal(kept.ravel(), [-1024, -1, 0, 3071])
