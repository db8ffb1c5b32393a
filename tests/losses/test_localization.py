import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from rsuper.losses.ball import ball_kernel, locate_ball
from tests.losses.scenes import SPACINGS, brute_locate, devices, scenes, whole

UNIT = (1.0, 1.0, 1.0)


class TestKernel:
    def test_values_by_hand(self):
        # d = 4, spacing 1: radius 2, std 3. Neighbor: exp(-1 / 18); corner (1, 1, 1): exp(-3 / 18).
        kernel = ball_kernel(4.0, UNIT)
        assert kernel.shape == (5, 5, 5)
        assert kernel[2, 2, 2].item() == 1.0
        assert kernel[3, 2, 2].item() == pytest.approx(math.exp(-1 / 18))
        assert kernel[3, 3, 3].item() == pytest.approx(math.exp(-3 / 18))
        assert kernel[4, 2, 2].item() == pytest.approx(math.exp(-4 / 18))  # on the surface: inside
        assert kernel[4, 3, 2].item() == 0.0  # distance sqrt(5) > 2

    @pytest.mark.parametrize("spacing", SPACINGS)
    @pytest.mark.parametrize("diameter_mm", [0.5, 3.0, 7.3, 20.0])
    def test_odd_symmetric_and_as_large_as_the_ball(self, spacing, diameter_mm):
        kernel = ball_kernel(diameter_mm, spacing)
        assert all(side % 2 == 1 for side in kernel.shape)
        assert torch.equal(kernel, kernel.flip(0, 1, 2))
        assert kernel.max() == kernel[tuple(side // 2 for side in kernel.shape)] == 1
        expected = math.pi / 6 * diameter_mm**3
        surface = math.pi * diameter_mm**2 * max(spacing) / 2  # half a voxel all around
        assert abs((kernel > 0).sum().item() * math.prod(spacing) - expected) < surface + math.prod(spacing)

    def test_caller_may_write_to_it(self):
        ball_kernel(3.0, UNIT).zero_()
        assert ball_kernel(3.0, UNIT).sum() > 0

    @pytest.mark.parametrize("diameter_mm", [0.0, -1.0, math.nan, math.inf])
    def test_wrong_diameter_is_named(self, diameter_mm):
        with pytest.raises(ValueError, match="diameter_mm"):
            ball_kernel(diameter_mm, UNIT)

    def test_wrong_spacing_is_named(self):
        with pytest.raises(ValueError, match="spacing_mm"):
            ball_kernel(3.0, (1.0, 0.0, 1.0))


@settings(max_examples=500, deadline=None)
@given(scenes())
def test_equals_brute_force(scene):
    found = locate_ball(scene.map, scene.diameter_mm, scene.spacing_mm, region=torch.from_numpy(scene.region))
    assert found == brute_locate(scene.probability, scene.diameter_mm, scene.spacing_mm, scene.region)


@settings(max_examples=500, deadline=None)
@given(scenes())
def test_location_moves_with_the_scene(scene):
    shift, shape = (2, 5, 3), tuple(side + 8 for side in scene.probability.shape)
    window = tuple(slice(s, s + side) for s, side in zip(shift, scene.probability.shape, strict=True))
    probability, region = torch.zeros(shape), torch.zeros(shape, dtype=torch.bool)
    probability[window], region[window] = scene.map, torch.from_numpy(scene.region)
    first = locate_ball(scene.map, scene.diameter_mm, scene.spacing_mm, region=torch.from_numpy(scene.region))
    second = locate_ball(probability, scene.diameter_mm, scene.spacing_mm, region=region)
    assert second == tuple(i + s for i, s in zip(first, shift, strict=True))


@pytest.mark.parametrize("device", devices())
def test_equal_blobs_go_to_the_lower_index(device):
    probability = torch.zeros(30, 11, 12, device=device)
    for start in (4, 20):
        probability[start : start + 3, 5:8, 5:8] = 0.7
    found = locate_ball(probability, 3.5, UNIT)
    assert found == (5, 6, 6)
    assert all(type(index) is int for index in found)


def test_probability_outside_the_region_does_not_count():
    probability = torch.zeros(9, 9, 9)
    probability[1, 1, 1], probability[6, 6, 6] = 0.9, 0.1
    region = whole((9, 9, 9))
    region[:4] = False
    assert locate_ball(probability, 1.0, UNIT, region=region) == (6, 6, 6)


def test_larger_ball_than_map():
    probability = torch.zeros(3, 2, 1)
    probability[1, 1, 0] = 0.5
    assert locate_ball(probability, 100.0, UNIT) == (1, 1, 0)


def test_half_precision_map_is_summed_in_float64():
    # 0.5 and 0.25 are exact in bfloat16; their sums over a 9 mm ball would not be.
    rng = np.random.default_rng(0)
    values = rng.choice([0.0, 0.25, 0.5], size=(12, 12, 12)).astype(np.float32)
    probability = torch.from_numpy(values)
    assert locate_ball(probability.bfloat16(), 9.0, UNIT) == locate_ball(probability, 9.0, UNIT)


def test_empty_region_and_nan_are_refused():
    with pytest.raises(ValueError, match="region"):
        locate_ball(torch.zeros(2, 2, 2), 1.0, UNIT, region=~whole((2, 2, 2)))
    with pytest.raises(ValueError, match="probability"):
        locate_ball(torch.full((2, 2, 2), math.nan), 1.0, UNIT)
    # NaN where the tumor cannot be is nobody's business.
    probability = torch.tensor([math.nan, 0.2]).reshape(2, 1, 1)
    region = torch.tensor([False, True]).reshape(2, 1, 1)
    assert locate_ball(probability, 1.0, UNIT, region=region) == (1, 0, 0)


def test_arguments_may_be_named():
    assert locate_ball(probability=torch.eye(3)[None], diameter_mm=1.0, spacing_mm=(1.0, 1.0, 1.0)) == (
        0,
        0,
        0,
    )
