"""Changes on the device: turns by hand and against scipy, intensities by hand."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from rsuper.changes import (
    Change,
    box_after,
    changed_images,
    stays_inside,
    turn_of,
    turned_mask,
    turned_masks,
    voxels_before,
)

QUARTER = math.pi / 2
CUBE = (9, 9, 9)


def random_patch(shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).random(shape, dtype=np.float32))


def random_turn(seed, spacing_mm=(1.0, 1.0, 1.0), degrees=30, shear=0.0):
    rng = np.random.default_rng(seed)
    angles = np.deg2rad(degrees) * rng.uniform(-1, 1, 3)
    return turn_of(angles.tolist(), [shear, -shear, shear], spacing_mm)


def test_nothing_is_changed_where_nothing_is_drawn():
    image = random_patch((2, 3, 5, 4, 6))
    assert torch.equal(changed_images(image, [Change(), Change()]), image)
    mask = image[0] > 0.5
    assert turned_mask(mask, None) is mask


@pytest.mark.parametrize(("axis", "plane"), [(0, (1, 2)), (1, (0, 2)), (2, (0, 1))])
def test_a_quarter_turn_is_numpys_for_ct_organs_and_labels(axis, plane):
    image = random_patch((1, 2, *CUBE))
    angles = [0.0, 0.0, 0.0]
    angles[axis] = QUARTER
    turn = turn_of(angles, [0.0, 0.0, 0.0], (1.0, 1.0, 1.0))
    found = changed_images(image, [Change(turn)])[0]
    # The new voxel (a, b) of the plane is read at (-b, a), from the center.
    expected = np.rot90(image[0].numpy(), k=-1, axes=[each + 1 for each in plane])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.array_equal(turned_mask(image[0] > 0.7, turn), expected > 0.7)


@pytest.mark.parametrize("shape", [(12, 12, 12), (16, 10, 7)])
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (1.0, 1.5, 4.0)])
def test_scipy_turns_alike(shape, spacing_mm):
    for seed in range(4):
        turn = random_turn(seed, spacing_mm, shear=0.05)
        image = random_patch((1, 1, *shape), seed)
        center = (np.array(shape) - 1) / 2
        offset = center - np.array(turn) @ center
        linear = ndimage.affine_transform(
            image[0, 0].numpy().astype(float), np.array(turn), offset, order=1, mode="nearest"
        )
        np.testing.assert_allclose(changed_images(image, [Change(turn)])[0, 0], linear, atol=1e-4)
        mask = image[0] > 0.5
        nearest = ndimage.affine_transform(
            mask[0].numpy().astype(float), np.array(turn), offset, order=0, mode="constant"
        )
        # Halfway between two voxels either is the nearest; scipy cuts at the outermost centers.
        assert (turned_mask(mask, turn)[0].numpy() != (nearest > 0.5)).mean() < 0.12
        inside = voxels_before(np.argwhere(np.ones(shape)), turn, shape)
        kept = ((inside >= 1) & (inside < np.array(shape) - 1)).all(axis=1).reshape(shape)
        assert (turned_mask(mask, turn)[0].numpy() != (nearest > 0.5))[kept].mean() < 0.01


def test_a_turned_voxel_is_where_its_own_coordinates_say():
    shape = (14, 11, 9)
    for seed in range(10):
        turn = random_turn(seed, (1.0, 1.0, 2.0))
        mask = random_patch(shape, seed) > 0.6
        voxels = np.argwhere(turned_mask(mask[None], turn)[0].numpy())
        before = voxels_before(voxels, turn, shape)
        inside = ((before >= 0) & (before < shape)).all(axis=1)
        assert inside.mean() > 0.99
        assert mask.numpy()[tuple(before[inside].T)].mean() > 0.99  # halfway either is the nearest


def ball(shape, spacing_mm, radius_mm):
    axes = [(np.arange(n) - (n - 1) / 2 + 0.3) * s for n, s in zip(shape, spacing_mm, strict=True)]
    distance = np.sqrt(sum(a**2 for a in np.meshgrid(*axes, indexing="ij")))
    return torch.from_numpy(distance < radius_mm)


def extent_mm(mask, spacing_mm):
    """Largest distance between two of its voxels."""
    points = np.argwhere(mask.numpy()) * np.array(spacing_mm)
    edge = points[np.linalg.norm(points - points.mean(axis=0), axis=1) > 6]
    return max(np.linalg.norm(edge - point, axis=1).max() for point in edge)


def test_a_rotation_keeps_volume_and_diameter_whatever_the_spacing():
    spacing_mm, shape = (1.0, 1.0, 2.5), (36, 36, 16)
    mask = ball(shape, spacing_mm, 10.0)
    before = extent_mm(mask, spacing_mm)
    assert before == pytest.approx(20, abs=1.5)
    for seed in range(6):
        turned = turned_mask(mask[None], random_turn(seed, spacing_mm))[0]
        assert int(turned.sum()) == pytest.approx(int(mask.sum()), rel=0.03)
        assert extent_mm(turned, spacing_mm) == pytest.approx(before, abs=2.5)


def test_boxes_hold_what_they_held():
    shape = (20, 16, 12)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        low = rng.integers(0, 6, 3)
        high = low + rng.integers(3, 7, 3)
        box = tuple(low.tolist()), tuple(high.tolist())
        turn = random_turn(seed, shear=0.05)
        mask = np.zeros(shape, bool)
        mask[tuple(slice(a, b) for a, b in zip(*box, strict=True))] = True
        turned = turned_mask(torch.from_numpy(mask)[None], turn)[0].numpy()
        rest = turned.copy()
        first, last = box_after(box, turn, shape)
        rest[tuple(slice(a, b) for a, b in zip(first, last, strict=True))] = False
        assert not rest.any()
        if stays_inside(box, turn, shape):
            assert turned.sum() == pytest.approx(mask.sum(), rel=0.35)


def test_what_leaves_the_patch_is_known_to():
    turn = turn_of([0.0, 0.0, math.pi / 4], [0.0, 0.0, 0.0], (1.0, 1.0, 1.0))
    assert stays_inside(((3, 3, 0), (6, 6, 9)), turn, CUBE)
    assert not stays_inside(((0, 0, 0), (1, 1, 9)), turn, CUBE)
    mask = torch.zeros(1, *CUBE, dtype=torch.bool)
    mask[0, 0, 0] = True
    assert not turned_mask(mask, turn).any()
    known = turned_masks(torch.ones(1, 1, *CUBE, dtype=torch.bool), [Change(turn)])
    assert not known[0, 0, 0, 0].any()  # it comes from outside
    assert known[0, 0, 4, 4].all()


def changed(ct, **change):
    return changed_images(ct[None, None], [Change(**change)])[0, 0]


def test_intensities_by_hand():
    ramp = torch.linspace(-1, 3, 64).view(4, 4, 4)
    torch.testing.assert_close(changed(ramp, gain=1.5, offset=-0.25), 1.5 * ramp - 0.25)
    unit = (ramp + 1) / 4
    torch.testing.assert_close(changed(ramp, gamma=1.5), unit**1.5 * 4 - 1)
    # About the mean, 1, and cut at what was the lowest and the highest.
    torch.testing.assert_close(changed(ramp, contrast=0.7), (ramp - 1) * 0.7 + 1)
    torch.testing.assert_close(changed(ramp, contrast=1.3), ((ramp - 1) * 1.3 + 1).clamp(-1, 3))
    constant = torch.full((4, 4, 4), 2.0)
    for change in ({"gamma": 0.7}, {"contrast": 1.3}, {"blur_voxels": 1.5}):
        torch.testing.assert_close(changed(constant, **change), constant)


def test_blur_is_scipys():
    ct = random_patch((12, 9, 10))
    for deviation in (0.5, 1.0, 1.5):
        truncate = math.ceil(3 * deviation) / deviation
        expected = ndimage.gaussian_filter(ct.numpy(), deviation, mode="nearest", truncate=truncate)
        np.testing.assert_allclose(changed(ct, blur_voxels=deviation), expected, atol=1e-5)


def test_noise_has_its_spread_and_seed():
    ct = torch.zeros(24, 24, 24)
    first, again, other = (changed(ct, noise=0.2, noise_seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.std()) == pytest.approx(0.2, rel=0.03)
    assert float(first.mean()) == pytest.approx(0, abs=0.01)


def test_organ_channels_keep_their_values():
    image = torch.cat([random_patch((1, 1, *CUBE)), (random_patch((1, 2, *CUBE), 1) > 0.5).float()], dim=1)
    change = Change(random_turn(3), gain=1.2, offset=0.1, gamma=1.3, noise=0.1, blur_voxels=1.0)
    found = changed_images(image, [change])
    assert set(found[:, 1:].unique().tolist()) == {0.0, 1.0}
    assert found.shape == image.shape
