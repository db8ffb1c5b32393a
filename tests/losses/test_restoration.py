import math

import pytest
import torch

from rsuper.errors import NonFiniteError
from rsuper.losses.restoration import restoration_loss


def test_mean_of_squares_over_all_voxels():
    original = torch.zeros(2, 1, 2, 2, 2)
    restored = original.clone()
    restored[0, 0, 0, 0, 0] = 4.0
    assert float(restoration_loss(restored, original)) == 1.0


def test_a_patch_that_is_not_finite_is_named():
    restored = torch.zeros(3, 1, 2, 2, 2)
    restored[2, 0, 1, 1, 1] = math.nan
    with pytest.raises(NonFiniteError) as error:
        restoration_loss(restored, torch.zeros(3, 1, 2, 2, 2))
    assert error.value.index == 2
