import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import compute_hausdorff_distance, compute_surface_dice
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, gaussian_filter

from rsuper.metrics.overlap import dsc
from rsuper.metrics.surface import (
    BOUNDARIES,
    hd95,
    hd95_from_distances,
    nsd,
    nsd_from_distances,
    surface_distances,
)
from rsuper.metrics.surfels import surface_areas_mm2

ONE_MM = (1.0, 1.0, 1.0)
SHAPE = (12, 12, 12)
EMPTY = np.zeros(SHAPE, dtype=bool)


def box(low, high, shape=SHAPE):
    made = np.zeros(shape, dtype=bool)
    made[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return made


CUBE = box((4, 4, 4), (8, 8, 8))
SHIFTED = box((5, 4, 4), (9, 8, 8))
INNER_VOXEL = box((5, 5, 5), (6, 6, 6))
BORDER_BOX = box((0, 4, 4), (6, 8, 8))


def blob(seed, shape=(22, 20, 16)):
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 2.0)
    return noise > np.quantile(noise, 0.85)


def block_codes(mask):
    """Pattern of every 2x2x2 block of a mask, one bit after the other."""
    codes = np.zeros([n - 1 for n in mask.shape], dtype=int)
    for dx, dy, dz in itertools.product((0, 1), repeat=3):
        x, y, z = (slice(d, n - 1 + d) for d, n in zip((dx, dy, dz), mask.shape, strict=True))
        codes = 2 * codes + mask[x, y, z]
    return codes


def monai_nsd(gt, pred, spacing_mm, tolerance_mm, boundary):
    as_batch = [torch.as_tensor(np.stack([~m, m]).copy())[None] for m in (pred, gt)]
    return compute_surface_dice(
        *as_batch,
        class_thresholds=[tolerance_mm],
        spacing=list(spacing_mm),
        use_subvoxels=boundary == "surfel",
    ).item()


# Voxels by hand: a 4^3 cube has 64 - 8 = 56 boundary voxels. Shifted by one voxel the cubes share three
# layers of 16 voxels; in each, the rim of 12 is boundary of both: 36 of 56 in either mask lie within 0.5 mm.
# One voxel inside the cube at its inner corner: itself and 3 neighbors of 1 + 56 are within 1 mm. Box 6 x 4 x
# 4 (96 - 16 = 80 boundary voxels) on the border: 80 / 136 are near.
@pytest.mark.parametrize(
    ("pred", "tolerance_mm", "surfel", "voxel"),
    [
        (SHIFTED, 0.5, 0.663111, 36 / 56),
        (SHIFTED, 1.0, 1.0, 1.0),
        (INNER_VOXEL, 1.0, 0.162995, 4 / 57),
        (BORDER_BOX, 1.0, 0.644022, 80 / 136),
    ],
)
def test_known_values(pred, tolerance_mm, surfel, voxel):
    assert nsd(CUBE, pred, ONE_MM, tolerance_mm) == pytest.approx(surfel, abs=1e-6)
    assert nsd(CUBE, pred, ONE_MM, tolerance_mm, boundary="voxel") == pytest.approx(voxel, abs=1e-12)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_hd95_of_a_cube_shifted_by_one_voxel_is_one_voxel(boundary):
    assert hd95(CUBE, SHIFTED, (2.0, 1.0, 1.0), boundary=boundary) == 2.0


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.73, 0.73, 2.9)])
@pytest.mark.parametrize("change", ["other", "shift", "erode", "dilate"])
def test_nsd_equals_monai_on_irregular_masks(boundary, spacing_mm, change):
    gt = blob(0)
    changed = {
        "other": lambda: blob(1),
        "shift": lambda: np.roll(gt, (1, -2, 1), (0, 1, 2)),
        "erode": lambda: binary_erosion(gt),
        "dilate": lambda: binary_dilation(gt),
    }
    pred = changed[change]()
    for tolerance_mm in (1.0, 2.1):
        ours = nsd(gt, pred, spacing_mm, tolerance_mm, boundary=boundary)
        assert ours == pytest.approx(monai_nsd(gt, pred, spacing_mm, tolerance_mm, boundary), abs=1e-6)


def test_voxel_hd95_equals_monai():
    gt, pred = blob(2), blob(3)
    as_batch = [torch.as_tensor(np.stack([~m, m]).copy())[None] for m in (pred, gt)]
    theirs = compute_hausdorff_distance(*as_batch, percentile=95, spacing=[0.8, 0.9, 2.5]).item()
    assert hd95(gt, pred, (0.8, 0.9, 2.5), boundary="voxel") == pytest.approx(theirs, abs=1e-5)


def test_surfel_distances_equal_a_distance_transform():
    # The other way to the same numbers: a Euclidean distance map of the block grid, read at the surfels.
    gt, pred = (np.pad(blob(k), 1) for k in (4, 5))
    spacing_mm = (0.8, 0.9, 2.5)
    codes = [block_codes(m) for m in (gt, pred)]
    surface = [(c > 0) & (c < 255) for c in codes]
    to_pred = distance_transform_edt(~surface[1], sampling=spacing_mm)[surface[0]]
    distances = surface_distances(gt, pred, spacing_mm, boundary="surfel")
    np.testing.assert_allclose(np.sort(distances.gt_to_pred_mm), np.sort(to_pred), atol=1e-12)
    areas = surface_areas_mm2(spacing_mm)[codes[0]].sum()
    assert distances.gt_weights.sum() == pytest.approx(areas)
    # HD95 as the smallest distance that covers 95 % of the area, the larger of both directions.
    covering = []
    for mine, other, code in ((0, 1, codes[0]), (1, 0, codes[1])):
        d = distance_transform_edt(~surface[other], sampling=spacing_mm)[surface[mine]]
        w = surface_areas_mm2(spacing_mm)[code[surface[mine]]]
        covering.append(min(x for x in np.unique(d) if w[d <= x].sum() >= 0.95 * w.sum()))
    assert hd95(gt, pred, spacing_mm) == pytest.approx(max(covering))


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_empty_masks(boundary):
    def both(gt, pred):
        return nsd(gt, pred, ONE_MM, 1.0, boundary=boundary), hd95(gt, pred, ONE_MM, boundary=boundary)

    assert both(EMPTY, CUBE) == both(CUBE, EMPTY) == (0.0, math.inf)
    value, distance = both(EMPTY, EMPTY)
    assert value == 1.0
    assert math.isnan(distance)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_mask_filling_the_whole_volume_has_a_boundary(boundary):
    full = np.ones((4, 4, 4), dtype=bool)
    assert nsd(full, full, ONE_MM, 0.0, boundary=boundary) == 1.0
    assert surface_distances(full, full, ONE_MM, boundary=boundary).gt_weights.size > 0


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_capped_search_gives_the_same_nsd_and_no_hd95(boundary):
    gt, pred = blob(6), blob(7)
    spacing_mm = (1.0, 1.0, 2.0)
    whole = surface_distances(gt, pred, spacing_mm, boundary=boundary)
    capped = surface_distances(gt, pred, spacing_mm, boundary=boundary, cap_mm=2.0)
    for tolerance_mm in (0.0, 1.0, 2.0):
        assert nsd_from_distances(capped, tolerance_mm) == nsd_from_distances(whole, tolerance_mm)
    with pytest.raises(ValueError, match="above"):
        nsd_from_distances(capped, 3.0)
    with pytest.raises(ValueError, match="uncapped"):
        hd95_from_distances(capped)


def test_a_distance_equal_to_the_tolerance_counts_despite_rounding():
    # Three voxels of 0.8 mm are 2.4000000000000004 mm in floating point.
    far = box((7, 4, 4), (11, 8, 8))
    assert nsd(CUBE, far, (0.8, 0.8, 0.8), 2.4) == 1.0


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_memory_order_and_direction_do_not_matter(boundary):
    gt, pred = blob(8), blob(9)
    expected = surface_distances(gt, pred, (0.7, 0.8, 2.0), boundary=boundary)
    for turn in (np.asfortranarray, lambda m: np.flip(np.flip(m, (0, 2)).copy(), (0, 2))):
        turned = surface_distances(turn(gt), turn(pred), (0.7, 0.8, 2.0), boundary=boundary)
        mixed = surface_distances(gt, turn(pred), (0.7, 0.8, 2.0), boundary=boundary)
        for found in (turned, mixed):
            for name in ("gt_to_pred_mm", "pred_to_gt_mm", "gt_weights", "pred_weights"):
                mine, theirs = (np.sort(getattr(each, name)) for each in (found, expected))
                np.testing.assert_allclose(mine, theirs, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), boundary=st.sampled_from(BOUNDARIES))
def test_properties(seed, boundary):
    rng = np.random.default_rng(seed)
    gt, pred = rng.random((2, 5, 6, 4)) < 0.3
    spacing_mm = tuple(float(s) for s in rng.uniform(0.5, 3.0, 3))
    values = [nsd(gt, pred, spacing_mm, t, boundary=boundary) for t in (0.0, 1.0, 3.0, 100.0)]
    assert values == sorted(values)
    assert values[0] >= 0
    assert values[-1] == pytest.approx(1.0)
    assert nsd(pred, gt, spacing_mm, 1.0, boundary=boundary) == pytest.approx(values[1], abs=1e-12)
    # Doubling voxels and tolerance changes nothing; nor does a rotation of the axes.
    doubled = tuple(2 * s for s in spacing_mm)
    assert nsd(gt, pred, doubled, 2.0, boundary=boundary) == pytest.approx(values[1], abs=1e-12)
    turned = [np.transpose(m, (2, 0, 1)) for m in (gt, pred)]
    turned_mm = (spacing_mm[2], spacing_mm[0], spacing_mm[1])
    assert nsd(*turned, turned_mm, 1.0, boundary=boundary) == pytest.approx(values[1], abs=1e-12)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="grid"):
        nsd(CUBE, np.zeros((3, 3, 3), dtype=bool), ONE_MM, 1.0)
    with pytest.raises(ValueError, match="spacing_mm"):
        nsd(CUBE, CUBE, (1.0, 0.0, 1.0), 1.0)
    for tolerance_mm in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="tolerance_mm"):
            nsd(CUBE, CUBE, ONE_MM, tolerance_mm)
    with pytest.raises(ValueError, match="cap_mm"):
        surface_distances(CUBE, CUBE, ONE_MM, boundary="surfel", cap_mm=-1.0)


@pytest.mark.parametrize("labels", [np.uint8, np.int64, np.float32])
def test_labels_are_no_mask(labels):
    # A label 2 would shift the bits of its neighbors' pattern.
    numbered = CUBE.astype(labels) * 2
    for pair, name in (((numbered, CUBE), "gt"), ((CUBE, numbered), "pred")):
        for call in (dsc, lambda *pair: nsd(*pair, ONE_MM, 1.0), lambda *pair: hd95(*pair, ONE_MM)):
            with pytest.raises(ValueError, match=f"{name} must be a mask of booleans, got {labels.__name__}"):
                call(*pair)


def test_arguments_may_be_named():
    one = np.ones((1, 1, 1), dtype=bool)
    found = surface_distances(gt=one, pred=one, spacing_mm=(1.0, 1.0, 1.0), boundary="surfel")
    assert found.gt_to_pred_mm.tolist() == [0.0] * 8
