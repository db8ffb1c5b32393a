import math

import numpy as np
import pytest

from rsuper.data.store import ORGAN_LABELS, StoredCase, index_case, write_case, write_withheld
from rsuper.evaluate.landing import NO_BALL, NO_ROOM, NO_TRUTH, NO_TUMOR, landing_row, landing_rows, region_of
from rsuper.publish.figures.tables import LANDING

SHAPE = (10, 9, 8)


def box(low, high):
    return tuple(slice(a, b) for a, b in zip(low, high, strict=True))


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A left kidney of 64 voxels of 8 mm3, two kidney tumors (8 voxels, and 6 of which half are outside)."""
    folder = tmp_path_factory.mktemp("store")
    organs, tumors = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    organs[box((2, 1, 1), (6, 5, 5))] = ORGAN_LABELS["kidney_left"]
    tumors[box((3, 2, 2), (5, 4, 4))] = 2
    tumors[box((5, 1, 4), (7, 4, 5))] = 2  # x = 5 in the kidney, x = 6 outside
    tumors[box((2, 1, 1), (3, 2, 2))] = 1  # a pancreatic tumor in the kidney counts for no kidney
    write_withheld(folder / "withheld", "c", tumors)
    ct = np.zeros(SHAPE, np.int16)
    write_case(folder / "volumes", "c", ct, organs, None)
    index = index_case("c", ct, organs, tumors, ["pancreas", "kidney"], (2.0, 2.0, 2.0))
    return StoredCase(folder / "volumes", index, folder / "withheld")


def flat(*voxels):
    return [(x * 9 + y) * 8 + z for x, y, z in voxels]


def line(tumors, **changes):
    """A region of the left kidney in a patch of 7 x 6 x 6 voxels from (1, 0, 1)."""
    return {
        "step": 20,
        "case_id": "c",
        "target": "kidney",
        "structures": ["kidney_left"],
        "grown_mm": 0.0,
        "start": [1, 0, 1],
        "size": [7, 6, 6],
        "region_voxels": 64,
        "reported_mm3": 80.0,
        "predicted_mm3": 100.0,
        "predicted_by": "deep",
        "tumors": tumors,
    } | changes


def tumor(*voxels, requested=None):
    return {
        "diameter_mm": 6.0,
        "requested": len(voxels) if requested is None else requested,
        "assigned": len(voxels),
        "voxels": flat(*voxels),
    }


def test_two_tumors_by_hand(stored):
    # Inside: (3, 2, 2), (4, 3, 3), (5, 1, 4); outside: (2, 1, 1), the other target's, and (5, 4, 4).
    tumors = [tumor((3, 2, 2), (4, 3, 3), (2, 1, 1)), tumor((5, 1, 4), (5, 4, 4), requested=4)]
    row = landing_row(line(tumors), stored)
    # True in the kidney: 8 + 3 of 64 voxels; 5 voxels could all have been among them.
    assert row == {
        "step": 20,
        "case_id": "c",
        "target": "kidney",
        "region_voxels": 64,
        "reported_mm3": 80.0,
        "predicted_mm3": 100.0,
        "predicted_by": "deep",
        "structures": "kidney_left",
        "tumors": 2,
        "requested": 7,
        "assigned": 5,
        "share": 3 / 5,
        "chance": 11 / 64,
        "ceiling": 1.0,
        "true_mm3": 88.0,
        "reason": "",
    }


def test_more_voxels_than_truth_have_a_ceiling(stored):
    everything = [(x, y, z) for x in range(2, 6) for y in range(1, 5) for z in range(1, 5)]
    row = landing_row(line([tumor(*everything)]), stored)
    assert row["share"] == row["ceiling"] == row["chance"] == 11 / 64


def test_voxels_without_an_index_are_outside_of_every_tumor(stored):
    half = tumor((3, 2, 2)) | {"assigned": 2}  # the other one lies where the patch is padded
    assert landing_row(line([half]), stored)["share"] == 0.5


def test_grown_regions(stored):
    # One voxel of 2 mm around a box of 4 x 4 x 4: 16 voxels more on five sides (the patch begins with the
    # kidney's first voxel along z), and 3 of the second tumor at x = 6 among them.
    grown = line([tumor((6, 1, 4))], grown_mm=2.0, region_voxels=144)
    assert int(region_of(grown, stored).sum()) == 64 + 5 * 16
    row = landing_row(grown, stored)
    assert (row["share"], row["chance"], row["true_mm3"]) == (1, 14 / 144, 112)


@pytest.mark.parametrize(
    ("tumors", "reason"),
    [(None, NO_BALL), ([], NO_TUMOR), ([tumor(requested=3)], NO_ROOM)],
)
def test_no_share_has_a_reason(stored, tumors, reason):
    row = landing_row(line(tumors), stored)
    assert row["reason"] == reason
    assert math.isnan(row["share"])
    assert math.isnan(row["ceiling"])
    assert row["chance"] == 11 / 64
    assert math.isnan(row["assigned"]) == (tumors is None)


def test_no_truth_has_a_reason(stored):
    ct, organs = np.zeros(SHAPE, np.int16), np.zeros(SHAPE, np.uint8)
    unannotated = StoredCase(stored.folder, index_case("c", ct, organs, None, [], (2.0, 2.0, 2.0)))
    for nobody in (None, unannotated):
        row = landing_row(line([tumor((3, 2, 2))]), nobody)
        assert row["reason"] == NO_TRUTH
        assert math.isnan(row["share"])
        assert math.isnan(row["true_mm3"])
        assert (row["assigned"], row["reported_mm3"]) == (1, 80.0)


def test_rows_have_the_columns_of_the_table(stored):
    run = ("few", "r_super", 3)
    lines = [line([tumor((3, 2, 2))]), line([tumor((3, 2, 2))], case_id="other")]
    first, second = landing_rows(run, lines, {"c": stored})
    assert set(first) == set(second) == set(LANDING.columns)
    assert (first["budget"], first["method"], first["seed"]) == run
    assert (first["share"], second["reason"]) == (1, NO_TRUTH)
    assert landing_rows(run, [], {}) == []
