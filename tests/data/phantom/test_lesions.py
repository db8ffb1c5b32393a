from collections import Counter

import numpy as np
import pytest

from rsuper.config.phantom import CaseKind, DistractorSpec, LookalikeRates, PhantomSpec, TumorSpec, TypeShares
from rsuper.data.phantom.anatomy import build_anatomy
from rsuper.data.phantom.case import make_case
from rsuper.data.phantom.lesions import draw_distractors, draw_growths, draw_type, structure_of, tumor_layer
from rsuper.data.phantom.shapes import Grid
from rsuper.errors import DataError

GRID = Grid((56, 40, 40), (4.0, 4.0, 4.0))
SPEC = PhantomSpec()
HOSPITAL = SPEC.hospitals["phantom_reports"]


@pytest.fixture(scope="module")
def cases():
    return [make_case(SPEC, HOSPITAL, "both", (3, 2, i)) for i in range(80)]


def feret_mm(points):
    """Largest distance between voxel centers plus one voxel: an edge-to-edge diameter."""
    gaps = points[:, None, :] - points[None, :, :]
    return float(np.sqrt((gaps**2).sum(-1)).max()) * 4 + 4


def test_diameters_of_a_tumor_are_those_of_its_mask_within_a_voxel_and_a_half(cases):
    for tumor in (t for case in cases for t in case.tumors):
        longest, perpendicular, craniocaudal = tumor.growth.diameters_mm
        assert longest >= perpendicular
        voxels = np.argwhere(tumor.mask)
        axial = max(feret_mm(voxels[voxels[:, 2] == z][:, :2]) for z in np.unique(voxels[:, 2]))
        assert axial == pytest.approx(longest, abs=6)
        assert (np.ptp(voxels[:, 2]) + 1) * 4 == pytest.approx(craniocaudal, abs=6)
        volume = np.pi / 6 * longest * perpendicular * craniocaudal
        assert tumor.mask.sum() * 64 == pytest.approx(volume, rel=0.35, abs=6 * 64)


def test_volume_of_the_tumors_together_is_that_of_their_ellipsoids(cases):
    tumors = [t for case in cases for t in case.tumors]
    truth = sum(np.pi / 6 * np.prod(t.growth.diameters_mm) for t in tumors)
    # Voxel errors of some 250 tumors average out.
    assert sum(t.mask.sum() * 64 for t in tumors) == pytest.approx(truth, rel=0.03)


def test_sizes_and_counts_follow_the_specification(cases):
    tumors = [t.growth for case in cases for t in case.tumors]
    sizes = np.array([g.diameters_mm[0] for g in tumors])
    assert sizes.min() >= 15
    assert sizes.max() <= 40
    # Log-uniform: median sqrt(15 * 40) = 24.5; placement may shrink a few.
    assert 21 < np.median(sizes) < 27
    per_target = Counter(Counter((i, g.target) for i, c in enumerate(cases) for g in growths(c)).values())
    assert set(per_target) <= {1, 2, 3}
    # 160 draws with share 0.78: standard deviation 0.033; three of them.
    assert per_target[1] / 160 == pytest.approx(0.78, abs=0.1)


def growths(case):
    return [tumor.growth for tumor in case.tumors]


def test_tumors_lie_in_their_organ_apart_from_each_other_and_from_the_other_target(cases):
    for case in cases:
        assert sum(t.mask.astype(int) for t in case.tumors).max() == 1
        for tumor in case.tumors:
            assert (case.organs[tumor.growth.organ] | ~tumor.mask).all()
        assert not (case.lesion_mask("pancreas") & case.organs["kidney_left"]).any()
        assert not (case.lesion_mask("kidney") & case.organs["pancreas"]).any()


def test_structure_is_the_one_that_holds_most_voxels(cases):
    for case in cases:
        for tumor in case.tumors:
            names = [n for n in case.organs if n.startswith(f"{tumor.growth.target}_")]
            share = {name: int((case.organs[name] & tumor.mask).sum()) for name in names}
            assert share[tumor.growth.structure] == max(share.values())


def test_every_segment_and_both_kidneys_get_tumors(cases):
    found = Counter(g.structure for case in cases for g in growths(case))
    assert set(found) == {"pancreas_head", "pancreas_body", "pancreas_tail", "kidney_left", "kidney_right"}
    assert min(found.values()) > 10


@pytest.mark.parametrize("seed", range(6))
def test_kind_changes_nothing_but_the_paint_of_the_tumors(seed):
    made = {kind: make_case(SPEC, HOSPITAL, kind, (5, 2, seed)) for kind in kinds()}
    normal = made["normal"]
    assert normal.tumors == ()
    for case in made.values():
        for name, mask in case.stored_organs.items():
            np.testing.assert_array_equal(mask, normal.stored_organs[name])
        assert [(d.kind, d.structure, d.diameter_mm) for d in case.distractors] == [
            (d.kind, d.structure, d.diameter_mm) for d in normal.distractors
        ]
        for one, other in zip(case.distractors, normal.distractors, strict=True):
            assert one.layer.box == other.layer.box
            np.testing.assert_array_equal(one.layer.occupancy, other.layer.occupancy)
        assert (case.phase, case.age, case.sex, case.scanner) == (
            normal.phase,
            normal.age,
            normal.sex,
            normal.scanner,
        )
        changed = case.ct != normal.ct
        near = np.zeros(case.ct.shape, bool)
        for tumor in case.tumors:
            x, y, z = (slice(max(i.min() - 5, 0), i.max() + 6) for i in np.nonzero(tumor.mask))
            near[x, y, z] = True
        assert not (changed & ~near).any()
        assert changed.any() == (case.kind != "normal")


def kinds() -> tuple[CaseKind, ...]:
    return ("pancreas", "kidney", "both", "normal")


def test_distractor_rates_follow_the_specification():
    body = build_anatomy(GRID, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    rates = LookalikeRates(cyst=0.4, fat=0.8, vessel=0.2, calcification=1.0)
    spec = DistractorSpec(pancreas=rates)
    draws = [draw_distractors(body, "pancreas", spec, rng) for _ in range(400)]
    counts = Counter(d.kind for drawn in draws for d in drawn)
    for kind, rate in rates.model_dump().items():
        slack = 3.5 * np.sqrt(rate / 400)
        # A cyst may find no room.
        assert rate - slack - (0.1 if kind == "cyst" else 0) < counts[kind] / 400 < rate + slack, kind
    assert counts["dilated_duct"] / 400 == pytest.approx(0.25, abs=0.065)  # 3 sqrt(.25 .75 / 400)


def test_no_rate_no_distractors():
    body = build_anatomy(GRID, np.random.default_rng(0))
    never = LookalikeRates(cyst=0, fat=0, vessel=0, calcification=0)
    none = DistractorSpec(pancreas=never, kidney=never, dilated_duct_share=0)
    for target in ("pancreas", "kidney"):
        assert draw_distractors(body, target, none, np.random.default_rng(0)) == ()


def test_a_tumor_that_fits_nowhere_is_an_error():
    body = build_anatomy(GRID, np.random.default_rng(0))
    with pytest.raises(DataError, match="no room for a pancreas tumor of 100 mm"):
        draw_growths(body, "pancreas", TumorSpec(longest_axial_mm=(100, 110)), np.random.default_rng(0))


def test_types_follow_their_shares():
    rng = np.random.default_rng(0)
    drawn = Counter(draw_type(TypeShares(), rng) for _ in range(2000))
    for kind, share in TypeShares().model_dump().items():
        assert drawn[kind] / 2000 == pytest.approx(share, abs=0.035)  # 3 sqrt(.55 .45 / 2000)


def test_contrast_is_base_times_multiplier_times_phase():
    body = build_anatomy(GRID, np.random.default_rng(0))
    spec = TumorSpec()
    (growth, *_) = draw_growths(body, "kidney", spec, np.random.default_rng(2))
    rng = np.random.default_rng(3)
    assert tumor_layer(growth, "hypo", 1.5, "arterial", spec, GRID, rng).shift_hu == -48  # -32 x 1.5 x 1
    assert tumor_layer(growth, "hyper", 2.0, "plain", spec, GRID, rng).shift_hu == 48  # 40 x 2 x 0.6
    assert tumor_layer(growth, "hypo", 1.5, "arterial", spec, GRID, rng).least_hu == 35
    mixed = tumor_layer(growth, "heterogeneous", 1.0, "arterial", spec, GRID, rng)
    assert np.std(mixed.shift_hu) > 10
    assert mixed.tissue == "kidney"


def test_structure_of_a_kidney_growth_is_its_kidney(cases):
    body = build_anatomy(GRID, np.random.default_rng(0))
    for growth in growths(cases[0]):
        if growth.target == "kidney":
            assert structure_of(body, growth.organ, growth.blob) == growth.organ == growth.structure
