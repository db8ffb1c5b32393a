import numpy as np
import pandas as pd
import pytest

from rsuper.data.placing import by_overlap, split_kidneys
from rsuper.data.volumes import read_volume
from rsuper.errors import DataError

# 10 mm voxels, 40 x 20 x 20: x of the middle is 195 mm. A block of 3 x 3 x 3 voxels has 27 ml.
AFFINE = np.diag([10.0, 10.0, 10.0, 1.0])
LEFT, RIGHT = slice(8, 11), slice(28, 31)


def kidneys(*spans):
    mask = np.zeros((40, 20, 20), bool)
    for x in spans:
        mask[x, 5:8, 5:8] = True
    return mask


def test_larger_x_is_right_and_specks_go_to_the_nearer():
    mask = kidneys(LEFT, RIGHT)
    mask[14, 6, 6] = mask[33, 6, 6] = True
    sides = split_kidneys(mask, AFFINE)
    assert {side: int(part.sum()) for side, part in sides.items()} == {"left": 28, "right": 28}
    assert sides["left"][14, 6, 6]
    assert sides["right"][33, 6, 6]
    np.testing.assert_array_equal(sides["left"] | sides["right"], mask)


def test_pieces_touch_by_corners_and_an_oblique_affine_is_followed():
    mask = kidneys(LEFT, RIGHT)
    mask[11, 8, 8] = True  # touches the left block by a corner
    turn = np.deg2rad(20)
    affine = AFFINE.copy()
    affine[:2, :2] = 10 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    assert int(split_kidneys(mask, affine)["left"].sum()) == 28


@pytest.mark.parametrize(("x", "side"), [(LEFT, "left"), (RIGHT, "right")])
def test_a_lone_kidney_is_of_its_side(x, side):
    mask = kidneys(x)
    mask[35 if side == "left" else 3, 6, 6] = True  # a speck across the body is no part of it
    (found,) = split_kidneys(mask, AFFINE).items()
    assert found[0] == side
    assert int(found[1].sum()) == 27


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (kidneys(), "no voxel of a kidney"),
        (kidneys(slice(8, 9)), r"no kidney of at least 20 ml; the largest piece has 9.0 ml"),
        (kidneys(slice(8, 32)), r"one piece of kidney, 0 mm from the middle of the scan: a horseshoe"),
        (kidneys(slice(18, 21)), "horseshoe"),
    ],
)
def test_what_cannot_be_told_apart_says_why(mask, message):
    with pytest.raises(DataError, match=message):
        split_kidneys(mask, AFFINE)


def test_two_pieces_on_one_side():
    mask = kidneys(LEFT)
    mask[9:12, 5:8, 12:15] = True
    with pytest.raises(DataError, match="10 mm apart from left to right"):
        split_kidneys(mask, AFFINE)


def test_a_tumor_belongs_to_what_holds_more_than_half_of_it():
    head, tail = np.zeros((2, 10, 4, 4), bool)
    head[:5], tail[5:8] = True, True
    tumors = np.zeros((10, 4, 4), bool)
    tumors[3:6, 0, 0] = True  # two voxels in the head, one in the tail
    tumors[7:9, 2, 2] = True  # one of two in the tail: not more than half
    tumors[7, 0, 3] = True  # in the tail
    tumors[9, 0, 3] = True  # in neither: of another organ
    found = by_overlap(tumors, {"head": head, "tail": tail})
    assert np.argwhere(found["head"]).tolist() == [[3, 0, 0], [4, 0, 0], [5, 0, 0]]
    assert np.argwhere(found["tail"]).tolist() == [[7, 0, 3]]
    assert by_overlap(tumors, {}) == {}


@pytest.mark.real
def test_sides_of_real_tumors(real):
    """Of 40 patients, against the side that the full masks were checked to give."""
    known = pd.read_csv(real / "kits19_2mm" / "cases.csv").set_index("case_id")["tumor_side"]
    for case, side in known.items():
        volume = read_volume(real / "kits19_2mm" / "masks" / f"{case}.nii.gz")
        kidneys = split_kidneys(volume.array > 0, volume.grid.affine)
        assert sum(int(mask.sum()) for mask in kidneys.values()) == np.count_nonzero(volume.array), case
        found = by_overlap(volume.array == 2, kidneys)
        sides = {name for name, mask in found.items() if mask.any()}
        assert sides == ({"left", "right"} if side == "both" else {side}), case


@pytest.mark.real
def test_sides_of_real_tumor_instances(real):
    folder = real / "kits23_multitumor_2mm"
    rows = pd.read_csv(folder / "instances.csv").query("volume_mm3 > 0")
    for case, own in rows.groupby("case_id"):
        volume = read_volume(folder / "masks" / f"{case}.nii.gz")
        if case == "case_00194":  # one kidney in the middle of its crop: nothing tells where in the body
            with pytest.raises(DataError, match="from the middle of the scan"):
                split_kidneys(volume.array > 0, volume.grid.affine)
            continue
        kidneys = split_kidneys(volume.array > 0, volume.grid.affine)
        for row in own.itertuples():
            found = by_overlap(volume.array == 10 + row.instance, kidneys)
            assert [name for name, mask in found.items() if mask.any()] == [row.tumor_side], (case, row)
