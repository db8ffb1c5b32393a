import numpy as np
import pytest

from rsuper.config.phantom import CaseGroup, HospitalSpec, PerturbationSpec, PhantomSpec
from rsuper.data.phantom.anatomy import SEGMENTS, Centerline
from rsuper.data.phantom.case import make_case
from rsuper.data.phantom.render import TISSUE_HU, render_ct, segmenter_masks, split_pancreas, tissue_hu
from rsuper.data.phantom.shapes import Grid, Layer

SPEC = PhantomSpec()
GRID = Grid((24, 20, 16), (4.0, 4.0, 4.0))
QUIET = {"noise_hu": (0, 0), "texture_hu": (0, 0), "gain": (1, 1), "offset_hu": (0, 0)}


def scanner(**changes):
    return HospitalSpec(hospital_id=0, cases=(CaseGroup(role="x"),), **{**QUIET, **changes})


def whole(tissue, shift=0.0):
    box = (slice(None), slice(None), slice(None))
    return Layer(tissue, box, np.ones(GRID.shape, np.float32), shift)


def test_uniform_tissue_keeps_its_hu_through_blur_and_is_calibrated():
    table = {"liver": 100.0}
    rng = np.random.default_rng(0)
    assert (render_ct([whole("liver")], table, scanner(), GRID, rng) == 100).all()
    assert (render_ct([whole("liver", -30.0)], table, scanner(), GRID, rng) == 70).all()
    calibrated = render_ct([whole("liver")], table, scanner(gain=(1.1, 1.1), offset_hu=(5, 5)), GRID, rng)
    assert (calibrated == 115).all()  # 1.1 x 100 + 5


def test_no_layer_is_air_and_later_paint_covers_earlier():
    rng = np.random.default_rng(0)
    assert (render_ct([], {}, scanner(), GRID, rng) == -1000).all()
    half = Layer("b", (slice(None), slice(None), slice(None)), np.full(GRID.shape, 0.5, np.float32))
    image = render_ct([whole("a"), half], {"a": 0.0, "b": 80.0}, scanner(), GRID, rng)
    assert (image == 40).all()


def test_noise_has_the_stated_spread_and_neighbors_correlate():
    noisy = scanner(noise_hu=(20, 20))
    image = render_ct([whole("a")], {"a": 0.0}, noisy, GRID, np.random.default_rng(0)).astype(float)
    assert image.std() == pytest.approx(20, rel=0.02)
    assert 0.1 < np.corrcoef(image[1:].ravel(), image[:-1].ravel())[0, 1] < 0.5


def test_values_do_not_fall_below_the_scale():
    low = scanner(offset_hu=(-200, -200))
    assert (render_ct([], {}, low, GRID, np.random.default_rng(0)) == -1024).all()


def test_contrast_agent_enhances_organs_but_not_water_or_fat():
    tables = {p: tissue_hu(p, np.random.default_rng(0)) for p in ("plain", "arterial", "venous")}
    assert {tables[p]["fat"] for p in tables} == {-100}
    assert tables["arterial"]["aorta"] > tables["venous"]["aorta"] > tables["plain"]["aorta"]
    assert tables["venous"]["liver"] > tables["arterial"]["liver"]
    assert tables["plain"]["pancreas"] == TISSUE_HU["pancreas"][0]
    for phase in tables:
        assert tables[phase]["water"] < tables[phase]["pancreas"] <= tables[phase]["aorta"]


def hypo_and_cyst_depth(target):
    """Median contrast to noise of hypo tumors and of cysts in the venous phase, deep inside each."""
    hospital = SPEC.hospitals["phantom_reports"].model_copy(
        update={
            "phases": SPEC.hospitals["phantom_masks"].phases.model_copy(
                update={"plain": 0.0, "arterial": 0.0, "venous": 1.0}
            )
        }
    )
    # Middle of the report hospital's noise (6 to 11) and texture (3 to 6): sqrt(8.5^2 + 4.5^2) = 9.6 HU.
    noise, organ = 9.6, TISSUE_HU["pancreas" if target == "pancreas" else "kidney"][2]
    tumors, cysts = [], []
    for i in range(60):
        case = make_case(SPEC, hospital, target, (4, 2, i))
        for tumor in case.tumors:
            if tumor.kind == "hypo":
                tumors.append((deep(case, tumor.growth.blob) - organ) / noise)
        for d in case.distractors:
            inside = d.kind == "cyst" and d.target == target
            if inside and not (case.lesion_mask(target)[d.blob.box] & (d.blob.distance_mm < 0)).any():
                cysts.append((deep(case, d.blob) - organ) / noise)
    return np.nanmedian(tumors), np.nanmedian(cysts)


def deep(case, blob):
    values = case.ct[blob.box][blob.distance_mm < -2]
    return values.mean() if values.size else np.nan


@pytest.mark.parametrize("target", ["pancreas", "kidney"])
def test_hypo_tumors_stand_out_by_5_to_12_noise_and_cysts_are_darker(target):
    # Middle of the contrast: -40 x 2.95 x 0.9 = -106 HU, in the pancreas down to 20 HU at most, that is -72.
    tumor, cyst = hypo_and_cyst_depth(target)
    assert -12 < tumor < -5
    assert cyst < tumor - 0.5


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.fixture(scope="module")
def segmented():
    hospital = SPEC.hospitals["phantom_reports"]
    return [make_case(SPEC, hospital, "normal", (6, 2, i)) for i in range(60)]


@pytest.mark.parametrize(
    ("organ", "target"), [("pancreas", 0.9), ("kidney_left", 0.95), ("kidney_right", 0.95)]
)
def test_segmenter_masks_agree_with_the_truth_as_real_ones_do(segmented, organ, target):
    values = [dice(case.organs[organ], case.stored_organs[organ]) for case in segmented]
    assert np.mean(values) == pytest.approx(target, abs=0.02)
    assert min(values) > target - 0.15


def test_segments_partition_the_pancreas_true_or_shifted(segmented):
    for case in segmented:
        for masks in (case.organs, case.stored_organs):
            together = sum(masks[name].astype(int) for name in SEGMENTS)
            np.testing.assert_array_equal(together, masks["pancreas"])
            assert all(masks[name].any() for name in SEGMENTS)


def test_segmenter_masks_do_not_overlap(segmented):
    for case in segmented:
        organs = ("pancreas", "kidney_left", "kidney_right")
        assert sum(case.stored_organs[name].astype(int) for name in organs).max() == 1


def test_hospital_with_true_masks_stores_them():
    hospital = SPEC.hospitals["phantom_masks"].model_copy(update={"organ_masks": "true"})
    case = make_case(SPEC, hospital, "both", (6, 1, 1))
    assert case.stored_organs is case.organs


def ball(center, radius):
    x, y, z = np.indices(GRID.shape)
    return (x - center[0]) ** 2 + (y - center[1]) ** 2 + (z - center[2]) ** 2 <= radius**2


def test_shift_of_zero_keeps_masks_and_no_shift_grows_more_than_a_voxel():
    masks = {"pancreas": ball((7, 8, 8), 4), "kidney_left": ball((17, 8, 8), 4)}
    still = PerturbationSpec(pancreas_sd_mm=0, kidney_sd_mm=0)
    same = segmenter_masks(masks, GRID, still, np.random.default_rng(0))
    wild = segmenter_masks(
        masks, GRID, PerturbationSpec(pancreas_sd_mm=50, kidney_sd_mm=50), np.random.default_rng(0)
    )
    for name, mask in masks.items():
        np.testing.assert_array_equal(same[name], mask)
        before, after = np.argwhere(mask), np.argwhere(wild[name])
        assert (after.min(0) >= before.min(0) - 1).all()
        assert (after.max(0) <= before.max(0) + 1).all()


def test_empty_masks_stay_empty():
    empty = {"pancreas": np.zeros(GRID.shape, bool), "kidney_left": np.zeros(GRID.shape, bool)}
    shifted = segmenter_masks(empty, GRID, PerturbationSpec(), np.random.default_rng(0))
    assert not any(mask.any() for mask in shifted.values())
    line = Centerline(np.eye(2, 3, dtype=np.float32), np.ones(2, np.float32), 0.3, 0.6)
    assert not split_pancreas(empty["pancreas"], line, GRID, 0.0, np.random.default_rng(0)).any()


def test_split_cuts_where_the_centerline_says():
    # A bar along x from -44 to 44 mm; cuts at 0.25 and 0.75 of it: -22 and 22 mm.
    points = np.array([(x, 0, 0) for x in np.linspace(-44, 44, 89)], np.float32)
    line = Centerline(points, np.ones(89, np.float32), 0.25, 0.75)
    bar = np.zeros(GRID.shape, bool)
    bar[:, 9:11, 7:9] = True
    labels = split_pancreas(bar, line, GRID, 0.0, np.random.default_rng(0))
    # Voxel centers are -46 + 4 i: -22 is i = 6 and 22 is i = 17; the cut itself belongs to the next segment.
    assert labels[:, 9, 7].tolist() == [1] * 6 + [2] * 11 + [3] * 7
