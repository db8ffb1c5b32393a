import itertools

import numpy as np
import pytest

from rsuper.metrics.boxes import bounding_box, memory_order, union_window


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
    assert bounding_box(np.zeros((0, 3, 4), dtype=bool)) is None
    mask = np.zeros((8, 8, 8), dtype=bool)
    mask[4, 2, 6] = True
    assert bounding_box(mask[::2, ::2, ::2]) == [(2, 3), (1, 2), (3, 4)]


def test_window_around_several_boxes():
    boxes = [[(2, 5), (0, 3), (4, 6)], None, [(1, 4), (1, 2), (5, 9)]]
    assert union_window(boxes) == (slice(1, 5), slice(0, 3), slice(4, 9))
    assert np.zeros((3, 3, 3))[union_window([None, None])].size == 0


def test_memory_order_is_slowest_first_in_either_direction():
    array = np.zeros((2, 3, 4))
    assert memory_order(array) == memory_order(array[::-1, :, ::-1]) == [0, 1, 2]
    assert memory_order(np.asfortranarray(array)) == [2, 1, 0]
    assert memory_order(array.transpose(1, 2, 0)) == [2, 0, 1]
