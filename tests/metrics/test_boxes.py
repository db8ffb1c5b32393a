import itertools

import numpy as np
import pytest
from scipy.ndimage import label

from rsuper.metrics.boxes import bounding_box, islands, memory_order, union_window
from tests.metrics.layouts import LAYOUTS, scattered


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


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", range(4))
def test_islands_hold_every_voxel_once_and_split_no_piece(layout, seed):
    mask = layout(scattered(np.random.default_rng(seed), (30, 26, 34)))
    boxes = islands(mask, small_voxels=0)
    assert len(boxes) > 3
    windows = [union_window([box]) for box in boxes]
    held = np.zeros(mask.shape, dtype=int)
    for window in windows:
        held[window] += 1
        assert mask[window].any()
    assert held[mask].min() == held.max() == 1
    pieces, n = label(mask, structure=np.ones((3, 3, 3)))
    assert sum(len(set(pieces[window][mask[window]])) for window in windows) == n
    # No box can be cut further or made smaller.
    assert all(islands(mask[w], small_voxels=0) == [[(0, n) for n in mask[w].shape]] for w in windows)


def test_islands_by_hand():
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[1, 2, 3] = mask[2, 3, 4] = True  # joined by a corner
    mask[6, 2:4, 8] = True
    near, far = [(1, 3), (2, 4), (3, 5)], [(6, 7), (2, 4), (8, 9)]
    assert sorted(islands(mask, small_voxels=0)) == [near, far]
    # Three planes are empty between them, both along x and along z.
    assert len(islands(mask, gaps=(3, 9, 9), small_voxels=0)) == 2
    assert len(islands(mask, gaps=(9, 9, 3), small_voxels=0)) == 2
    assert islands(mask, gaps=(4, 1, 4), small_voxels=0) == [[(1, 7), (2, 4), (3, 9)]]
    assert islands(mask) == [[(1, 7), (2, 4), (3, 9)]]  # too small to be worth a cut
    assert islands(np.zeros((9, 9, 9), dtype=bool)) == islands(np.zeros((0, 9, 9), dtype=bool)) == []
    with pytest.raises(ValueError, match="gaps"):
        islands(mask, gaps=(1, 0, 1))
