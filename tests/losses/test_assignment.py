import itertools
import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode

from rsuper.losses.assignment import tally
from rsuper.losses.ball import ReportedTumor, assign_tumors, ball_kernel
from tests.losses.scenes import SPACINGS, brute_assign, brute_border, devices, hill, scenes, whole

UNIT = (1.0, 1.0, 1.0)


def _assign(scene, probability=None, tumors=None):
    return assign_tumors(
        scene.map if probability is None else probability,
        scene.tumors if tumors is None else tumors,
        scene.spacing_mm,
        margin_mm=scene.margin_mm,
        border_mm=scene.border_mm,
    )


class TestProperties:
    @settings(max_examples=500, deadline=None)
    @given(scenes())
    def test_equals_brute_force(self, scene):
        found = _assign(scene)
        expected = brute_assign(scene.probability, scene.tumors, scene.spacing_mm, scene.margin_mm)
        assert np.array_equal(found.labels.numpy(), expected)
        assert np.array_equal(found.border.numpy(), brute_border(expected, scene.border_mm, scene.spacing_mm))

    @settings(max_examples=500, deadline=None)
    @given(scenes())
    def test_tumors_keep_to_themselves_their_region_and_their_number(self, scene):
        # Labels are one number per voxel, so tumors cannot overlap: their numbers of voxels must add up.
        found = _assign(scene)
        counts = [int((found.labels == k + 1).sum()) for k in range(len(scene.tumors))]
        assert counts == found.assigned.tolist()
        assert sum(counts) == int((found.labels > 0).sum())
        for k, tumor in enumerate(scene.tumors):
            own = found.labels == k + 1
            assert tumor.region[own].all()
            assert counts[k] <= found.requested[k]
            assert found.statuses[k] == (
                "no_room"
                if counts[k] == 0
                else "assigned"
                if counts[k] == found.requested[k]
                else "truncated"
            )
            if counts[k]:
                assert found.weight[own].mean().item() == pytest.approx(1.0, rel=1e-5)
        assert (found.weight[found.labels == 0] == 0).all()
        assert not (found.border & (found.labels > 0)).any()

    @settings(max_examples=500, deadline=None)
    @given(scenes(fewest=2, most=4), st.randoms(use_true_random=False))
    def test_input_order_changes_label_numbers_only(self, scene, random):
        tumors = list(scene.tumors)
        assume(not torch.equal(tumors[0].region, tumors[1].region))  # nothing tells such twins apart
        # Equal sizes with different, overlapping regions: the order must not come from the input.
        tumors[1] = ReportedTumor(tumors[1].region, tumors[0].volume_mm3, tumors[0].diameter_mm)
        order = random.sample(range(len(tumors)), len(tumors))
        first = _assign(scene, tumors=tumors)
        second = _assign(scene, tumors=[tumors[i] for i in order])
        for new, old in enumerate(order):
            assert torch.equal(second.labels == new + 1, first.labels == old + 1)
            assert second.centers[new] == first.centers[old]
            assert second.statuses[new] == first.statuses[old]
        assert torch.equal(first.border, second.border)
        assert torch.equal(first.weight, second.weight)

    @settings(max_examples=500, deadline=None)
    @given(scenes(), st.tuples(*[st.integers(0, 6)] * 3))
    def test_moves_with_the_scene(self, scene, shift):
        reach = 5  # voxels: a border must not be cut by the edge of the map
        shape = tuple(side + 2 * reach + 6 for side in scene.probability.shape)
        found = []
        for start in ((reach,) * 3, tuple(reach + s for s in shift)):
            window = tuple(slice(s, s + side) for s, side in zip(start, scene.probability.shape, strict=True))
            probability = torch.zeros(shape)
            probability[window] = scene.map
            tumors = []
            for tumor in scene.tumors:
                region = torch.zeros(shape, dtype=torch.bool)
                region[window] = tumor.region
                tumors.append(ReportedTumor(region, tumor.volume_mm3, tumor.diameter_mm))
            found.append(_assign(scene, probability, tumors))
        for name in ("labels", "border", "weight"):
            assert torch.equal(getattr(found[0], name).roll(shift, (0, 1, 2)), getattr(found[1], name))
        moved = [None if c is None else tuple(np.add(c, shift)) for c in found[0].centers]
        assert moved == list(found[1].centers)

    @settings(max_examples=500, deadline=None)
    @given(
        st.lists(st.floats(2.0, 30.0), min_size=1, max_size=3),
        st.sampled_from([*SPACINGS, (4.0, 4.0, 4.0), (0.7, 0.7, 5.0)]),
        st.floats(0.0, 4.0),
    )
    def test_ball_holds_the_volume_of_any_ellipsoid(self, diameters, spacing, margin_mm):
        held = (ball_kernel(max(diameters) + max(margin_mm, *spacing), spacing) > 0).sum().item()
        filled = [*diameters, *[max(diameters)] * (3 - len(diameters))]
        assert held >= round(math.pi / 6 * math.prod(filled) / math.prod(spacing))


class TestByHand:
    def test_number_of_voxels_is_the_reported_volume(self):
        # 20 mm ball at 2 mm: 4188.79 / 8 = 523.6: 524 voxels; 1 mm3 at 8 mm3 voxels: still one voxel.
        probability = torch.rand(40, 40, 40, generator=torch.Generator().manual_seed(1))
        tumors = [
            ReportedTumor(whole((40, 40, 40)), math.pi / 6 * 20**3, 20.0),
            ReportedTumor(whole((40, 40, 40)), 1.0, 2.0),
        ]
        found = assign_tumors(probability, tumors, (2.0, 2.0, 2.0))
        assert [(found.labels == k).sum().item() for k in (1, 2)] == [524, 1]
        assert found.statuses == ("assigned", "assigned")

    def test_volume_beyond_its_diameter_still_finds_room(self):
        # 2,000 mm3 is a ball of 15.6 mm, whatever diameter comes with it.
        tumor = ReportedTumor(whole((30, 30, 30)), 2000.0, 4.0)
        found = assign_tumors(hill(30), [tumor], UNIT)
        assert found.assigned.tolist() == [2000]
        # (6 * 2000 / pi)^(1/3) = 15.63 and the margin of 2 mm.
        assert found.diameters_mm == pytest.approx((17.632,), abs=1e-3)

    def test_voxels_stay_in_their_ball(self):
        generator = torch.Generator().manual_seed(2)
        region = torch.rand(16, 16, 16, generator=generator) < 0.8
        tumor = ReportedTumor(region, 200.0, 8.0)
        found = assign_tumors(torch.rand(16, 16, 16, generator=generator), [tumor], UNIT)
        away = (torch.nonzero(found.labels) - torch.tensor(found.centers[0])).float().norm(dim=1)
        assert away.max() <= (8.0 + 2.0) / 2

    def test_larger_tumor_goes_first(self):
        # One bright blob, two tumors: the larger takes it, whichever is named first.
        probability = torch.full((20, 10, 10), 0.1)
        probability[3:8, 3:8, 3:8] = 0.9
        large = ReportedTumor(whole((20, 10, 10)), 125.0, 7.0)
        small = ReportedTumor(whole((20, 10, 10)), 8.0, 3.0)
        for tumors in itertools.permutations([large, small]):
            found = assign_tumors(probability, tumors, UNIT)
            k = 1 + [tumor is large for tumor in tumors].index(True)
            assert (found.labels == k).sum() == 125
            assert (found.labels == 3 - k).sum() == 8
            assert found.centers[k - 1] == (5, 5, 5)

    def test_each_tumor_stays_where_its_report_says(self):
        # Head and tail of a pancreas, 8 voxels each; all the probability is in the head.
        head, tail = torch.zeros(16, 4, 4, dtype=torch.bool), torch.zeros(16, 4, 4, dtype=torch.bool)
        head[:6], tail[10:] = True, True
        probability = 0.9 * head.float() + 0.01 * tail.float()
        tumors = [ReportedTumor(tail, 20.0, 4.0), ReportedTumor(head, 8.0, 3.0)]
        found = assign_tumors(probability, tumors, UNIT)
        assert found.assigned.tolist() == [20, 8]
        assert (found.labels[tail] == 1).sum() == 20
        assert (found.labels[head] == 2).sum() == 8

    @pytest.mark.parametrize("spacing", [(2.0, 2.0, 2.0), (1.0, 2.0, 3.0)])
    def test_same_scene_at_another_spacing(self, spacing):
        def scene(step):
            axes = [(torch.arange(int(48 / s)) + 0.5) * s for s in step]
            x, y, z = torch.meshgrid(*axes, indexing="ij")
            probability = torch.exp(-((x - 29) ** 2 + (y - 20) ** 2 + (z - 25) ** 2) / 200)
            tumor = ReportedTumor(torch.ones_like(x, dtype=torch.bool), math.pi / 6 * 16**3, 16.0)
            found = assign_tumors(probability, [tumor], step)
            center = [(c + 0.5) * s for c, s in zip(found.centers[0], step, strict=True)]
            return center, (found.labels > 0).sum().item() * math.prod(step)

        (fine, fine_volume), (coarse, coarse_volume) = scene(UNIT), scene(spacing)
        assert all(abs(a - b) <= s for a, b, s in zip(fine, coarse, spacing, strict=True))
        assert abs(fine_volume - coarse_volume) <= math.prod(spacing)

    def test_statuses(self):
        # Five voxels: the first tumor takes 3, the second wants 3 and gets the 2 left, the third nothing;
        # the fourth has no region at all. Balls of 10 mm and more reach every voxel.
        row = whole((5, 1, 1))
        tumors = [
            ReportedTumor(row, 2.9, 9.0),
            ReportedTumor(row, 2.8, 9.0),
            ReportedTumor(row, 1.0, 9.0),
            ReportedTumor(~row, 5.0, 9.0),
        ]
        found = assign_tumors(torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5]).reshape(5, 1, 1), tumors, UNIT)
        assert found.labels.flatten().tolist() == [2, 2, 1, 1, 1]
        assert found.statuses == ("assigned", "truncated", "no_room", "no_room")
        assert found.centers[2:] == (None, None)

    def test_no_tumor_is_an_empty_mask(self):
        found = assign_tumors(torch.rand(3, 4, 5), [], UNIT)
        assert not found.labels.any()
        assert not found.border.any()
        assert found.statuses == found.centers == ()

    def test_border(self):
        # A single voxel, 1 x 1 x 2 mm, border 2 mm: x and y up to 2 voxels away, z up to 1.
        probability = torch.zeros(9, 9, 9)
        probability[4, 4, 4] = 1.0
        tumor = ReportedTumor(whole((9, 9, 9)), 2.0, 1.0)
        border = assign_tumors(probability, [tumor], (1.0, 1.0, 2.0), border_mm=2.0).border
        expected = {
            (i, j, k)
            for i, j, k in itertools.product(range(9), repeat=3)
            if 0 < (i - 4) ** 2 + (j - 4) ** 2 + (2 * (k - 4)) ** 2 <= 4
        }
        assert {tuple(v) for v in border.nonzero().tolist()} == expected
        assert not assign_tumors(probability, [tumor], (1.0, 1.0, 2.0), border_mm=0.0).border.any()

    def test_weights_fall_to_half_with_mean_one(self):
        probability = torch.rand(9, 9, 9, generator=torch.Generator().manual_seed(4))
        tumor = ReportedTumor(whole((9, 9, 9)), 30.0, 5.0)
        found = assign_tumors(probability, [tumor], UNIT)
        inside = found.labels > 0
        weight = found.weight[inside][probability[inside].argsort(descending=True)]
        assert weight.mean().item() == pytest.approx(1.0)
        assert (weight[-1] / weight[0]).item() == pytest.approx(0.5)
        assert (weight.diff() < 0).all()

    def test_weights_of_three_voxels(self):
        # Ranks 0, 1/2, 1: 1, sqrt(1/2), 1/2 over their mean 0.735702.
        tumor = ReportedTumor(whole((3, 1, 1)), 3.0, 9.0)
        weight = assign_tumors(torch.tensor([0.2, 0.9, 0.5]).reshape(3, 1, 1), [tumor], UNIT).weight
        assert weight.flatten().tolist() == pytest.approx([0.679623, 1.359246, 0.961132], abs=1e-5)


@pytest.mark.parametrize("device", devices())
def test_devices_agree_and_boxes_change_nothing(device):
    generator = torch.Generator().manual_seed(3)
    probability = torch.rand(20, 20, 20, generator=generator)
    region = torch.zeros(20, 20, 20, dtype=torch.bool)
    region[3:15, 4:18, 2:12] = True
    plain = [ReportedTumor(region, 200.0, 9.0), ReportedTumor(region, 30.0, 4.0)]
    box = (slice(3, 15), slice(4, 18), slice(0, 20))
    boxed = [ReportedTumor(region.to(device), t.volume_mm3, t.diameter_mm, box) for t in plain]
    first = assign_tumors(probability, plain, UNIT)
    second = assign_tumors(probability.to(device), boxed, UNIT)
    for name in ("labels", "border", "center", "assigned"):
        assert torch.equal(getattr(first, name), getattr(second, name).cpu())
    torch.testing.assert_close(first.weight, second.weight.cpu())


def test_nothing_waits_for_the_device():
    # Fake tensors have a shape and no values: whatever reads one (and would wait for a GPU) raises.
    box = (slice(1, 9), slice(1, 9), slice(1, 9))
    region = torch.zeros(10, 10, 10, dtype=torch.bool)
    tumors = [ReportedTumor(region, 60.0, 6.0, box), ReportedTumor(region, 20.0, 4.0, box)]
    assign_tumors(torch.zeros(10, 10, 10), tumors, UNIT)  # balls are kept from call to call
    with FakeTensorMode(allow_non_fake_inputs=True):
        found = assign_tumors(torch.zeros(10, 10, 10), tumors, UNIT)
        assert found.labels.shape == (10, 10, 10)
        with pytest.raises(Exception, match="_local_scalar_dense"):
            found.assigned.tolist()


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")  # a prototype, torch says
def test_nothing_waits_for_a_real_gpu():
    box = (slice(1, 9), slice(1, 9), slice(1, 9))
    probability = torch.rand(10, 10, 10, device="cuda")
    region = torch.ones(10, 10, 10, dtype=torch.bool, device="cuda")
    tumors = [ReportedTumor(region, 60.0, 6.0, box), ReportedTumor(region, 20.0, 4.0, box)]
    assign_tumors(probability, tumors, UNIT)
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = assign_tumors(probability, tumors, UNIT)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert found.assigned.tolist() == [60, 20]


@pytest.mark.parametrize(
    "box",
    [
        (slice(None), slice(0, 4), slice(0, 4)),
        (slice(0, 5), slice(0, 4), slice(0, 4)),
        (slice(3, 2), slice(0, 4), slice(0, 4)),
        (slice(0, 4, 2), slice(0, 4), slice(0, 4)),
        (slice(0, 4), slice(0, 4), slice(2, 4)),  # leaves out a part of the region
    ],
)
def test_a_box_that_does_not_fit_is_refused(box):
    with pytest.raises(ValueError, match="box"):
        ReportedTumor(whole((4, 4, 4)), 8.0, 3.0, box)


def test_an_empty_box_is_an_empty_region():
    nothing = ~whole((4, 4, 4))
    tumor = ReportedTumor(nothing, 8.0, 3.0, (slice(0, 0),) * 3)
    assert assign_tumors(torch.zeros(4, 4, 4), [tumor], UNIT).statuses == ("no_room",)


def test_wrong_arguments_are_named():
    shape = whole((2, 2, 2))
    with pytest.raises(ValueError, match="volume_mm3"):
        ReportedTumor(shape, 0.0, 1.0)
    with pytest.raises(ValueError, match="diameter_mm"):
        ReportedTumor(shape, 1.0, math.nan)
    tumor = ReportedTumor(shape, 1.0, 1.0)
    with pytest.raises(ValueError, match="tumor 0"):
        assign_tumors(torch.zeros(2, 2, 3), [tumor], UNIT)
    with pytest.raises(ValueError, match="margin_mm"):
        assign_tumors(torch.zeros(2, 2, 2), [tumor], UNIT, margin_mm=-1.0)
    with pytest.raises((ValueError, TypeError), match="voxels_from"):
        assign_tumors(torch.zeros(2, 2, 2), [tumor], UNIT, voxels_from="bal")
    for last_weight in (0.0, 1.5):
        with pytest.raises(ValueError, match="last_weight"):
            assign_tumors(torch.zeros(2, 2, 2), [tumor], UNIT, last_weight=last_weight)


def test_tally_by_hand():
    # Three of five voxels, the two left of three wanted, none left.
    row = whole((5, 1, 1))
    tumors = [ReportedTumor(row, volume, 9.0) for volume in (2.9, 2.8, 1.0)]
    found = [assign_tumors(torch.rand(5, 1, 1), tumors, UNIT), assign_tumors(torch.rand(5, 1, 1), [], UNIT)]
    assert {name: count.item() for name, count in tally(found).items()} == {
        "tumors_assigned": 1,
        "tumors_truncated": 1,
        "tumors_no_room": 1,
    }
    assert set(tally([])) == set(tally(found))


def test_a_reported_tumor_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        ReportedTumor(whole((2, 2, 2)), 8.0, 3.0).volume_mm3 = 1.0
