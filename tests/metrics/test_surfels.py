import itertools

import numpy as np
import pytest
from monai.metrics.utils import create_table_neighbour_code_to_surface_area

from rsuper.metrics.surfels import neighbor_codes, surface_areas_mm2


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.7, 0.7, 5.0), (1.0, 2.0, 3.0), (3.0, 1.3, 0.4)])
def test_all_256_areas_equal_monais_table(spacing_mm):
    reference = create_table_neighbour_code_to_surface_area(spacing_mm)[0].numpy()
    np.testing.assert_allclose(surface_areas_mm2(spacing_mm), reference, atol=1e-6)


def test_areas_by_hand_on_2_by_3_by_5_mm():
    areas = surface_areas_mm2((2.0, 3.0, 5.0))
    # A flat wall across x fills the face of a block: 3 x 5.
    assert areas[0b11110000] == pytest.approx(15.0)
    # One corner: triangle between the middles at 1, 1.5 and 2.5 mm along the axes. Twice its area squared is
    # the sum of the squared products of two legs: (1 x 1.5)^2 + (1 x 2.5)^2 + (1.5 x 2.5)^2.
    assert areas[0b10000000] == pytest.approx(0.5 * np.sqrt(1.5**2 + 2.5**2 + 3.75**2))
    # An edge along z: a rectangle, 5 mm long and as wide as the diagonal of 1 by 1.5 mm.
    assert areas[0b11000000] == pytest.approx(5 * np.hypot(1.0, 1.5))


def test_no_surface_in_uniform_blocks_and_some_in_all_others():
    areas = surface_areas_mm2((1.0, 1.0, 1.0))
    assert areas[0] == areas[255] == 0
    assert np.all(areas[1:255] > 0.2)


def test_complement_has_the_same_surface():
    areas = surface_areas_mm2((0.7, 1.1, 3.0))
    np.testing.assert_allclose(areas, areas[::-1])


def codes(mask):
    """Pattern of every block of a mask on background, voxel by voxel; one more than the mask on each axis."""
    x, y, z = np.pad(mask, 1).shape
    whole = np.zeros(x * y * z, dtype=np.uint8)
    line = neighbor_codes(np.pad(mask, 1).astype(np.uint8))
    assert line.size == x * y * z - (y * z + z + 1)  # the last whole block starts before
    whole[: line.size] = line
    return whole.reshape(x, y, z)[:-1, :-1, :-1]


def test_code_bits_follow_the_offsets():
    for dx, dy, dz in itertools.product((0, 1), repeat=3):
        block = np.zeros((2, 2, 2), dtype=bool)
        block[dx, dy, dz] = True
        assert codes(block)[1, 1, 1] == 1 << (7 - (4 * dx + 2 * dy + dz))


def test_codes_along_the_line_are_those_of_each_block():
    mask = np.random.default_rng(0).random((3, 4, 5)) < 0.5
    padded, found = np.pad(mask, 1), codes(mask)
    assert found.shape == (4, 5, 6)
    for place in np.ndindex(found.shape):
        block = padded[tuple(slice(p, p + 2) for p in place)]
        assert found[place] == int("".join(str(int(bit)) for bit in block.ravel()), 2)


def test_mirrored_masks_have_equal_total_area():
    mask = np.random.default_rng(1).random((6, 6, 6)) < 0.5
    areas = surface_areas_mm2((1.0, 2.0, 3.0))
    totals = [areas[codes(np.flip(mask, axis))].sum() for axis in range(3)]
    np.testing.assert_allclose(totals, areas[codes(mask)].sum())
