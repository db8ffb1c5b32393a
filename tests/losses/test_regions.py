import math

import pytest
import torch

from rsuper.errors import NonFiniteError
from rsuper.losses.ball import ReportedTumor, ball_terms
from rsuper.losses.regions import ReportedRegion, region_ball_terms, region_volume_loss

UNIT, DOUBLE = (1.0, 1.0, 1.0), (2.0, 2.0, 2.0)


def mask(*bounds):
    filled = torch.zeros(6, 6, 6, dtype=torch.bool)
    filled[tuple(slice(*each) for each in bounds)] = True
    return filled


def region(row, channel, where, volume_mm3=8.0):
    return ReportedRegion(row, channel, where, volume_mm3, (ReportedTumor(where, volume_mm3, 3.0),))


def test_volume_by_hand():
    # 8 voxels of 8 mm3 at probability 0.5: 32 mm3 predicted, 100 reported, 90 would cost nothing.
    probability = torch.zeros(2, 2, 6, 6, 6)
    where = mask((0, 2), (0, 2), (0, 2))
    probability[1, 0, where] = 0.5
    outside = (~where).expand(2, 2, 6, 6, 6)
    expected = 68 / 632 - 10 / 690
    found = region_volume_loss(probability, outside, [region(1, 0, where, 100.0)], DOUBLE)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    # A tumor voxel outside, in one of 4 maps of 216 voxels.
    probability[0, 1, 5, 5, 5] = 0.75
    found = region_volume_loss(
        probability, outside, [region(1, 0, where, 100.0)], DOUBLE, background_weight=2.0
    )
    assert found.item() == pytest.approx(expected + 2 * math.log(4) / (4 * 216), rel=1e-4)


def test_without_regions_only_the_background_counts():
    probability = torch.full((1, 1, 6, 6, 6), 0.5)
    outside = torch.ones(1, 1, 6, 6, 6, dtype=torch.bool)
    assert region_volume_loss(probability, outside, [], UNIT).item() == pytest.approx(math.log(2), rel=1e-4)
    terms = region_ball_terms(torch.zeros(1, 1, 6, 6, 6), outside, [], UNIT)
    assert terms.dice.item() == 0
    assert terms.cross_entropy.tolist() == pytest.approx([math.log(2)])


def test_ball_sorts_tumors_to_patch_and_target():
    logits = torch.randn(2, 2, 6, 6, 6, generator=torch.Generator().manual_seed(0))
    first, second = mask((0, 3), (0, 6), (0, 6)), mask((3, 6), (0, 6), (0, 6))
    outside = torch.zeros(2, 2, 6, 6, 6, dtype=torch.bool)
    regions = [region(1, 0, second, 6.0), region(0, 1, first), region(1, 0, first)]
    found = region_ball_terms(logits, outside, regions, UNIT)
    penalized = torch.stack([mask((0, 0)), first, first | second, mask((0, 0))])
    tumors = [[], [*regions[1].tumors], [*regions[0].tumors, *regions[2].tumors], []]
    expected = ball_terms(logits.flatten(0, 1), tumors, penalized, UNIT)
    torch.testing.assert_close(found.cross_entropy, expected.cross_entropy, rtol=0, atol=0)
    torch.testing.assert_close(found.dice, expected.dice, rtol=0, atol=0)
    assert [each.requested for each in found.assignments] == [(), (8,), (6, 8), ()]
    assert not outside.any()  # it is the caller's


def test_an_error_names_patch_times_targets_plus_target():
    logits = torch.zeros(2, 2, 6, 6, 6)
    logits[1, 0, 0, 0, 0] = math.nan
    outside = torch.ones(2, 2, 6, 6, 6, dtype=torch.bool)
    for call in (
        lambda: region_ball_terms(logits, outside, [], UNIT),
        lambda: region_volume_loss(torch.sigmoid(logits), outside, [], UNIT),
    ):
        with pytest.raises(NonFiniteError) as error:
            call()
        assert error.value.index == 2
