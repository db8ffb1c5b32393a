import functools
import math

import numpy as np
import pytest
from scipy.ndimage import label

from rsuper.metrics import lesions
from rsuper.metrics.boxes import memory_order
from rsuper.metrics.lesions import SPECK_MM3, lesion_counts
from tests.metrics.layouts import LAYOUTS, scattered

SHAPE = (20, 12, 10)
ONE_MM = (1.0, 1.0, 1.0)
EMPTY = np.zeros(SHAPE, dtype=bool)


def boxes(*bounds):
    mask = EMPTY.copy()
    for low, high in bounds:
        mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


# Two tumors of 4 x 5 x 5 = 100 and 2 x 5 x 5 = 50 voxels.
LARGE, SMALL = ((1, 1, 1), (5, 6, 6)), ((8, 1, 1), (10, 6, 6))
TRUTH = boxes(LARGE, SMALL)


def test_found_missed_and_false_by_hand():
    # 10 of 100 voxels of the large one (found), 4 of 50 of the small one (missed); 5 x 5 x 3 = 75 voxels
    # elsewhere, and 4 x 4 x 4 = 64 voxels: less than a ball of 5 mm, pi / 6 * 125 = 65.4 mm3.
    predicted = boxes(
        ((1, 1, 1), (3, 6, 2)), ((8, 1, 1), (10, 3, 2)), ((13, 0, 0), (18, 5, 3)), ((13, 7, 5), (17, 11, 9))
    )
    counts = lesion_counts(TRUTH, predicted, ONE_MM)
    assert [each.volume_mm3 for each in counts.lesions] == [100.0, 50.0]
    assert [each.covered for each in counts.lesions] == [0.1, 4 / 50]
    assert (counts.tumors, counts.found, counts.missed) == (2, 1, 1)
    assert (counts.false_positives, counts.false_mm3) == (1, (75.0,))
    every = lesion_counts(TRUTH, predicted, ONE_MM, found_share=0.0, speck_mm3=0.0)
    assert (every.found, every.false_positives) == (2, 2)
    assert lesion_counts(TRUTH, predicted, ONE_MM, found_share=0.11).found == 0


def test_volumes_follow_the_spacing():
    # 64 voxels of 0.5 x 2 x 3 mm are 192 mm3: no speck any more.
    predicted = boxes(((13, 7, 5), (17, 11, 9)))
    counts = lesion_counts(TRUTH, predicted, (0.5, 2.0, 3.0))
    assert [each.volume_mm3 for each in counts.lesions] == [300.0, 150.0]
    assert counts.false_mm3 == (192.0,)


def test_corners_join_pieces_and_a_gap_of_one_voxel_parts_them():
    corner = boxes(((0, 0, 0), (4, 4, 4)), ((4, 4, 4), (8, 8, 8)))
    assert lesion_counts(corner, EMPTY, ONE_MM).tumors == 1
    assert lesion_counts(EMPTY, corner, ONE_MM).false_mm3 == (128.0,)
    gap = boxes(((0, 0, 0), (4, 4, 4)), ((5, 4, 4), (9, 8, 8)))
    assert lesion_counts(gap, EMPTY, ONE_MM).tumors == 2


def test_instances_tell_touching_tumors_apart_and_may_skip_numbers():
    joined = boxes(((1, 1, 1), (9, 6, 6)))
    instances = np.where(joined, 7, 0).astype(np.uint8)
    instances[5:9][joined[5:9]] = 44
    one_half = boxes(((1, 1, 1), (5, 6, 6)))
    counts = lesion_counts(instances, one_half, ONE_MM)
    assert [(each.volume_mm3, each.covered) for each in counts.lesions] == [(100.0, 1.0), (100.0, 0.0)]
    assert lesion_counts(joined, one_half, ONE_MM).tumors == 1


def test_one_piece_over_two_tumors_finds_both_and_several_pieces_add_up():
    bridge = boxes(((1, 1, 1), (10, 6, 2)))  # 20 of 100 and 10 of 50 voxels
    counts = lesion_counts(TRUTH, bridge, ONE_MM)
    assert (counts.found, counts.false_positives) == (2, 0)
    crumbs = boxes(((1, 1, 1), (2, 6, 2)), ((4, 1, 5), (5, 6, 6)))  # 5 + 5 of 100
    assert lesion_counts(TRUTH, crumbs, ONE_MM).found == 1


def test_a_piece_that_touches_a_tumor_without_finding_it_is_not_false():
    beside = boxes(((4, 5, 5), (9, 11, 9)))  # 120 voxels, one of them in the tumor
    counts = lesion_counts(boxes(LARGE), beside, ONE_MM)
    assert (counts.found, counts.missed, counts.false_positives) == (0, 1, 0)
    assert counts.lesions[0].covered == 0.01


def test_empty_masks():
    nothing = lesion_counts(EMPTY, EMPTY, ONE_MM)
    assert (nothing.tumors, nothing.found, nothing.missed, nothing.false_positives) == (0, 0, 0, 0)
    assert lesion_counts(TRUTH, EMPTY, ONE_MM).missed == 2
    assert lesion_counts(EMPTY, TRUTH, ONE_MM).false_positives == 1  # the small one is 50 mm3, a speck
    assert lesion_counts(np.zeros(SHAPE, dtype=np.int16), TRUTH, ONE_MM).tumors == 0


def test_a_perfect_mask_finds_all_and_every_order_in_memory_counts_alike():
    rng = np.random.default_rng(0)
    truth, predicted = rng.random((2, *SHAPE)) < 0.02
    perfect = lesion_counts(truth, truth, ONE_MM, found_share=1.0, speck_mm3=0.0)
    assert (perfect.missed, perfect.false_positives) == (0, 0)
    expected = lesion_counts(truth, predicted, ONE_MM, speck_mm3=0.0)
    turned = lesion_counts(np.asfortranarray(truth), np.asfortranarray(predicted), ONE_MM, speck_mm3=0.0)
    assert (turned.found, turned.false_positives) == (expected.found, expected.false_positives)


def plain_counts(truth, predicted):
    """Volumes and covered shares, and volumes of false pieces, by labels of the whole volume."""
    order = memory_order(truth)
    pieces = [label(mask.transpose(order), structure=np.ones((3, 3, 3)))[0] for mask in (truth, predicted)]
    sizes = [np.bincount(each.ravel()) for each in pieces]
    covered = np.bincount(pieces[0][pieces[1] > 0], minlength=sizes[0].size)
    touching = np.bincount(pieces[1][pieces[0] > 0], minlength=sizes[1].size)
    known = [(float(n), hit / n) for n, hit in zip(sizes[0][1:], covered[1:], strict=True)]
    return known, [float(n) for n, hit in zip(sizes[1][1:], touching[1:], strict=True) if hit == 0]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", range(4))
def test_pieces_all_over_a_volume_count_as_labels_of_the_whole_do(monkeypatch, layout, seed):
    rng = np.random.default_rng(seed)
    truth, predicted = (layout(scattered(rng, (30, 26, 34))) for _ in range(2))
    known, false_mm3 = plain_counts(truth, predicted)
    assert len(known) > 3
    assert len(false_mm3) > 1
    every_gap = functools.partial(lesions.islands, small_voxels=0)
    for cut in (lesions.islands, every_gap):
        monkeypatch.setattr(lesions, "islands", cut)
        counts = lesion_counts(truth, predicted, ONE_MM, speck_mm3=0.0)
        assert [(each.volume_mm3, each.covered) for each in counts.lesions] == known
        assert list(counts.false_mm3) == false_mm3


def test_unusable_arguments_are_refused():
    with pytest.raises(ValueError, match="grid"):
        lesion_counts(TRUTH, np.zeros((3, 3, 3), dtype=bool), ONE_MM)
    with pytest.raises(ValueError, match="spacing_mm"):
        lesion_counts(TRUTH, EMPTY, (1.0, math.nan, 1.0))
    with pytest.raises(ValueError, match="found_share"):
        lesion_counts(TRUTH, EMPTY, ONE_MM, found_share=1.1)
    with pytest.raises(ValueError, match="speck_mm3"):
        lesion_counts(TRUTH, EMPTY, ONE_MM, speck_mm3=math.nan)
    for truth in (TRUTH.astype(float), -TRUTH.astype(np.int8)):
        with pytest.raises(ValueError, match="truth must be"):
            lesion_counts(truth, EMPTY, ONE_MM)
    assert pytest.approx(math.pi / 6 * 125) == SPECK_MM3


def test_labels_are_no_prediction():
    truth = np.ones((3, 3, 3), dtype=bool)
    with pytest.raises(ValueError, match="predicted must be a mask of booleans, got uint8"):
        lesion_counts(truth, truth.astype(np.uint8), (1.0, 1.0, 1.0))
