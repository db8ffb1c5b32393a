"""N as the authors' released code has it: `voxels_from="ball"`."""

import math

import pytest
import torch

from rsuper.losses.ball import ReportedTumor, assign_tumors
from tests.losses.scenes import hill, whole

UNIT = (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("diameters", "ratio"),
    [((20, 20, 20), 0.94), ((30, 30, 30), 0.88), ((30, 20, 25), 1.58), ((40, 20, 20), 3.45)],
)
def test_labels_by_the_largest_diameter_alone(diameters, ratio):
    # The ratios of labeled to reported volume that the released code was seen to give, with its own
    # drawing of a ball: 1.4 to 2 % more voxels than there are centers within the radius.
    volume = math.pi / 6 * math.prod(diameters)
    tumor = ReportedTumor(whole((64, 64, 64)), volume, float(diameters[0]))
    found = assign_tumors(hill(64), [tumor], UNIT, voxels_from="ball")
    assert found.assigned.item() / volume == pytest.approx(ratio, rel=0.03)


def test_a_fifth_is_border_and_nobody_elses():
    # 3 mm: a ball of radius 1.5 has 19 voxels, one less is 18, of which 14 are labeled and 4 border.
    probability = torch.rand(9, 9, 9, generator=torch.Generator().manual_seed(0))
    tumors = [ReportedTumor(whole((9, 9, 9)), 5.0, 3.0), ReportedTumor(whole((9, 9, 9)), 1.0, 1.0)]
    found = assign_tumors(probability, tumors, UNIT, border_mm=0.0, voxels_from="ball")
    assert found.requested == (14, 1)
    assert found.assigned.tolist() == [14, 1]
    assert found.border.sum() == 4


def test_a_volume_beyond_the_ball_is_kept():
    tumor = ReportedTumor(whole((20, 20, 20)), 1000.0, 3.0)
    found = assign_tumors(hill(20), [tumor], UNIT, voxels_from="ball")
    assert found.assigned.item() == 800
