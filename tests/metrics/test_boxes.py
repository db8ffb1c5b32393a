import itertools

import numpy as np
import pytest

from rsuper.metrics.boxes import bounding_box


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", list(itertools.product((1, -1), repeat=3)))
def test_box_in_every_memory_order_and_direction(order, flips):
    base = np.zeros((7, 8, 9), dtype=bool)
    base[1, 3, 2] = base[4, 5, 2] = base[2, 4, 6] = True
    mask = base.transpose(order)[tuple(slice(None, None, f) for f in flips)]
    voxels = np.argwhere(mask)
    expected = [(int(a), int(b) + 1) for a, b in zip(voxels.min(0), voxels.max(0), strict=True)]
    assert bounding_box(mask) == expected


def test_whole_and_empty_masks_and_strided_views():
    assert bounding_box(np.ones((2, 3, 4), dtype=bool)) == [(0, 2), (0, 3), (0, 4)]
    assert bounding_box(np.zeros((2, 3, 4), dtype=bool)) is None
    mask = np.zeros((8, 8, 8), dtype=bool)
    mask[4, 2, 6] = True
    assert bounding_box(mask[::2, ::2, ::2]) == [(2, 3), (1, 2), (3, 4)]
