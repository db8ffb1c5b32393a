import numpy as np
import pytest

from rsuper.config.phantom import CaseKind, PhantomSpec
from rsuper.data.phantom.anatomy import MAX_EXTENT_MM, Centerline, build_anatomy
from rsuper.data.phantom.case import make_case
from rsuper.data.phantom.shapes import Grid

GRID = Grid((56, 40, 40), (4.0, 4.0, 4.0))
KINDS: tuple[CaseKind, ...] = ("pancreas", "kidney", "both", "normal")
PATCH = np.array((32, 24, 28))  # 128 x 96 x 112 mm


def center_mm(mask):
    return np.mean([GRID.affine[:3, :3] @ i + GRID.affine[:3, 3] for i in np.argwhere(mask)], axis=0)


@pytest.fixture(scope="module")
def bodies():
    return [build_anatomy(GRID, np.random.default_rng(i)) for i in range(12)]


def test_right_is_right(bodies):
    # RAS+ names the ends toward which the axes grow: x toward the patient's right.
    for body in bodies:
        right, left = center_mm(body.masks["kidney_right"]), center_mm(body.masks["kidney_left"])
        assert right[0] > 40
        assert left[0] < -40
        assert right[2] < left[2] + 12  # the liver keeps the right kidney from standing higher


def test_liver_is_on_the_right_and_spleen_on_the_left(bodies):
    for body in bodies:
        mass = {}
        for layer in body.background:
            x = np.broadcast_to(GRID.axes(layer.box)[0], layer.occupancy.shape)
            mass.setdefault(layer.tissue, []).append(
                (float((x * layer.occupancy).sum()), layer.occupancy.sum())
            )
        middle = {
            tissue: sum(m for m, _ in parts) / sum(n for _, n in parts) for tissue, parts in mass.items()
        }
        assert middle["liver"] > 20
        assert middle["spleen"] < -40
        assert middle["aorta"] < 0 < middle["vein"]  # the cava runs right of the aorta


def test_pancreas_runs_from_the_right_head_to_the_left_tail(bodies):
    for body in bodies:
        points = np.argwhere(body.masks["pancreas"]) @ GRID.affine[:3, :3] + GRID.affine[:3, 3]
        segment = body.centerline.segment(body.centerline.position(points.astype(np.float32)))
        x, y, z = (np.array([points[segment == s, axis].mean() for s in range(3)]) for axis in range(3))
        assert x[0] > 5 > x[1] > x[2]
        assert z[2] > z[0]
        assert y[1] > y[2]  # the body bends forward over the spine


def test_organs_do_not_overlap_and_have_life_size(bodies):
    for body in bodies:
        assert sum(mask.astype(int) for mask in body.masks.values()).max() == 1
        ml = {name: mask.sum() * 0.064 for name, mask in body.masks.items()}
        assert 25 < ml["pancreas"] < 80
        assert 60 < ml["kidney_left"] < 130
        assert 60 < ml["kidney_right"] < 130


def test_position_and_segment_along_a_straight_line():
    points = np.array([(float(i), 0, 0) for i in range(11)], np.float32)
    line = Centerline(points, np.ones(11, np.float32), 0.35, 0.65)
    place = line.position(np.array([(-3, 1, 0), (5.2, 4, 0), (9.9, 0, 2)], np.float32))
    assert place.tolist() == [0, 0.5, 1]
    assert line.segment(place).tolist() == [0, 1, 2]


def test_every_organ_fits_a_patch_with_a_voxel_to_spare_on_200_cases():
    spec = PhantomSpec()
    hospitals = list(spec.hospitals.values())
    for number in range(200):
        hospital = hospitals[number % 3]
        case = make_case(spec, hospital, KINDS[number % 4], (11, hospital.hospital_id, number))
        for organ, limit in MAX_EXTENT_MM.items():
            for mask, slack in ((case.organs[organ], 0), (case.stored_organs[organ], 1)):
                index = np.argwhere(mask)
                low, high = index.min(0), index.max(0)
                extent = high - low + 1
                assert (extent <= np.array(limit) / 4 + 2 * slack).all(), (number, organ, extent)
                assert (extent + 2 <= PATCH).all(), (number, organ, extent)
                # ... and the patch with its slack lies inside the CT.
                assert (low >= 1).all()
                assert (high <= np.array(GRID.shape) - 2).all()
