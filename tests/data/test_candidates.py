"""Candidates by hand, and the same as the package's on random blobs."""

import numpy as np
import pytest
from report_guided_annotation.extract_lesion_candidates import extract_lesion_candidates
from scipy import ndimage

from rsuper.data.candidates import lesion_candidates


def blobs(*pieces, shape=(12, 12, 12)):
    """A map with boxes of a probability: ((low, high), value), the same bounds along all axes."""
    found = np.zeros(shape, np.float32)
    for (low, high), value in pieces:
        found[low:high, low:high, low:high] = value
    return found


def sizes(found):
    return [int(mask.sum()) for mask in found]


def test_the_most_probable_piece_comes_first_and_reaches_down_to_two_fifths():
    image = blobs(((0, 3), 0.5), ((6, 9), 0.9))
    image[9, 6:9, 6:9] = 0.37  # above 0.36
    image[10, 6:9, 6:9] = 0.35  # below
    found = lesion_candidates(image, 2)
    assert sizes(found) == [27 + 9, 27]
    assert found[0][7, 7, 7]
    assert not found[0][10].any()


def test_corners_connect():
    image = blobs(((0, 2), 0.8), ((2, 4), 0.8))  # they meet in a corner
    assert sizes(lesion_candidates(image, 2)) == [16]


def test_small_pieces_are_no_candidates_even_where_they_are_brightest():
    image = blobs(((0, 1), 0.9), ((4, 8), 0.2))
    assert sizes(lesion_candidates(image, 1)) == [64]
    assert sizes(lesion_candidates(image, 1, smallest_voxels=1)) == [1]
    assert lesion_candidates(image, 1, smallest_voxels=65) == []


def test_fewer_than_wanted_where_there_are_no_more():
    image = blobs(((0, 3), 0.5), ((6, 9), 0.009))
    assert sizes(lesion_candidates(image, 5)) == [27]  # the other is below the least probability
    assert lesion_candidates(image, 0) == []
    assert lesion_candidates(np.zeros((3, 3, 3)), 2) == []
    assert lesion_candidates(np.zeros((0, 3, 3)), 2) == []


def test_equal_peaks_come_in_order_of_voxels():
    image = blobs(((6, 9), 0.5), ((0, 3), 0.5))
    first, second = lesion_candidates(image, 2)
    assert first[0, 0, 0]
    assert second[6, 6, 6]


def test_the_map_is_left_as_it_was_and_a_negative_number_is_refused():
    image = blobs(((0, 3), 0.5))
    before = image.copy()
    lesion_candidates(image, 3)
    np.testing.assert_array_equal(image, before)
    with pytest.raises(ValueError, match="wanted must be at least 0, got -1"):
        lesion_candidates(image, -1)


def random_map(rng):
    """Smooth blobs of several heights; every other map in steps, so that peaks tie."""
    noise = ndimage.gaussian_filter(rng.standard_normal((16, 14, 12)), rng.uniform(0.6, 2.0))
    image = np.clip((noise - noise.mean()) / noise.std() / rng.uniform(2, 5), 0, 1)
    return np.round(image, 1) if rng.random() < 0.5 else image


def test_equals_the_package_of_the_method_on_200_random_maps():
    rng = np.random.default_rng(0)
    numbers = []
    for _ in range(200):
        image, wanted = random_map(rng), int(rng.integers(1, 6))
        found = lesion_candidates(image, wanted)
        _, _, theirs = extract_lesion_candidates(
            image,
            threshold="dynamic-v2",
            num_lesions_to_extract=wanted,
            remove_adjacent_lesion_candidates=False,
        )
        ours = np.zeros(image.shape, dtype=int)
        for number, mask in enumerate(found, start=1):
            ours[mask] = number
        np.testing.assert_array_equal(ours, theirs)
        numbers.append(len(found))
    assert len(set(numbers)) > 3  # maps with many and with few
