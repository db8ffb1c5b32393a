import itertools
import math

import numpy as np
import pytest
import torch

from rsuper.losses.ball import ReportedTumor, assign_tumors, ball_kernel, ball_loss, locate_ball

SPACINGS = [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (1.0, 1.5, 3.0)]


def _random_map(rng, kind, shape):
    if kind == "flat":
        return np.full(shape, rng.choice([0.0, 0.3, 1.0]), dtype=np.float32)
    if kind == "levels":  # many equal voxels
        return rng.choice([0.0, 0.25, 0.5], size=shape, p=[0.7, 0.15, 0.15]).astype(np.float32)
    return rng.random(shape, dtype=np.float32)


def _brute_locate(probability, diameter_mm, spacing_mm, region):
    """Weighted sum at each voxel in float64, by loops over pairs of voxels; the lowest index among equals."""
    where = np.argwhere(region)
    values = probability[region].astype(np.float64)
    position = where * np.array(spacing_mm)
    sums = []
    for center in position:
        square = ((position - center) ** 2).sum(1)
        inside = square <= (diameter_mm / 2 * (1 + 1e-9)) ** 2
        sums.append(math.fsum(values[inside] * np.exp(-square[inside] / (2 * (0.75 * diameter_mm) ** 2))))
    first = next(i for i, total in enumerate(sums) if total >= max(sums) * (1 - 1e-10))
    return tuple(int(i) for i in where[first])


def _brute_assign(probability, tumors, spacing_mm, margin_mm):
    labels = np.zeros(probability.shape, dtype=int)
    for k in sorted(range(len(tumors)), key=lambda i: -tumors[i].volume_mm3):
        free = tumors[k].region.numpy() & (labels == 0)
        if not free.any():
            continue
        diameter_mm = tumors[k].diameter_mm + max(margin_mm, *spacing_mm)
        center = _brute_locate(probability, diameter_mm, spacing_mm, free)
        reach = diameter_mm / 2 * (1 + 1e-9)
        away = [
            math.dist(np.multiply(v, spacing_mm), np.multiply(center, spacing_mm)) for v in np.argwhere(free)
        ]
        ball = [tuple(v) for v, d in zip(np.argwhere(free), away, strict=True) if d <= reach]
        ball.sort(key=lambda v: (-probability[v], v))
        for voxel in ball[: max(1, round(tumors[k].volume_mm3 / math.prod(spacing_mm)))]:
            labels[voxel] = k + 1
    return labels


def _random_tumors(rng, shape, spacing, how_many):
    tumors = []
    for _ in range(how_many):
        region = rng.random(shape) < 0.7
        region[tuple(rng.integers(side) for side in shape)] = True
        diameter = float(rng.uniform(1, 3.5)) * min(spacing)
        volume = math.pi / 6 * diameter**3 * float(rng.uniform(0.4, 1))
        tumors.append(ReportedTumor(torch.from_numpy(region), volume, diameter))
    return tumors


def _whole(shape):
    return torch.ones(shape, dtype=torch.bool)


class TestKernel:
    def test_values_by_hand(self):
        # d = 4, spacing 1: radius 2, std 3. Neighbor: exp(-1 / 18); corner (1, 1, 1): exp(-3 / 18).
        kernel = ball_kernel(4.0, (1.0, 1.0, 1.0))
        assert kernel.shape == (5, 5, 5)
        assert kernel[2, 2, 2].item() == 1.0
        assert kernel[3, 2, 2].item() == pytest.approx(math.exp(-1 / 18))
        assert kernel[3, 3, 3].item() == pytest.approx(math.exp(-3 / 18))
        assert kernel[4, 2, 2].item() == pytest.approx(math.exp(-4 / 18))  # on the surface: inside
        assert kernel[4, 3, 2].item() == 0.0  # distance sqrt(5) > 2

    @pytest.mark.parametrize("spacing", SPACINGS)
    @pytest.mark.parametrize("diameter_mm", [0.5, 3.0, 7.3, 20.0])
    def test_odd_symmetric_and_as_large_as_the_ball(self, spacing, diameter_mm):
        kernel = ball_kernel(diameter_mm, spacing)
        assert all(side % 2 == 1 for side in kernel.shape)
        assert torch.equal(kernel, kernel.flip(0, 1, 2))
        assert kernel.max() == kernel[tuple(side // 2 for side in kernel.shape)] == 1
        expected = math.pi / 6 * diameter_mm**3
        surface = math.pi * diameter_mm**2 * max(spacing) / 2  # half a voxel all around
        assert abs((kernel > 0).sum().item() * math.prod(spacing) - expected) < surface + math.prod(spacing)

    def test_caller_may_write_to_it(self):
        ball_kernel(3.0, (1.0, 1.0, 1.0)).zero_()
        assert ball_kernel(3.0, (1.0, 1.0, 1.0)).sum() > 0

    @pytest.mark.parametrize("diameter_mm", [0.0, -1.0, math.nan, math.inf])
    def test_wrong_diameter_is_named(self, diameter_mm):
        with pytest.raises(ValueError, match="diameter_mm"):
            ball_kernel(diameter_mm, (1.0, 1.0, 1.0))


class TestLocate:
    @pytest.mark.parametrize("kind", ["random", "levels", "flat"])
    def test_equals_brute_force(self, kind):
        for seed in range(40):
            rng = np.random.default_rng(seed)
            shape = tuple(int(side) for side in rng.integers(1, 8, size=3))
            spacing = SPACINGS[seed % 3]
            region = rng.random(shape) < rng.choice([0.2, 0.6, 1.0])
            region[0, 0, 0] |= not region.any()
            probability = _random_map(rng, kind, shape)
            diameter = float(rng.uniform(0.5, 10))
            found = locate_ball(
                torch.from_numpy(probability), diameter, spacing, region=torch.from_numpy(region)
            )
            assert found == _brute_locate(probability, diameter, spacing, region), (kind, seed)

    def test_equal_blobs_go_to_the_lower_index(self):
        probability = torch.zeros(30, 11, 12)
        for start in (4, 20):
            probability[start : start + 3, 5:8, 5:8] = 0.7
        assert locate_ball(probability, 3.5, (1.0, 1.0, 1.0)) == (5, 6, 6)

    def test_probability_outside_the_region_does_not_count(self):
        probability = torch.zeros(9, 9, 9)
        probability[1, 1, 1], probability[6, 6, 6] = 0.9, 0.1
        region = _whole((9, 9, 9))
        region[:4] = False
        assert locate_ball(probability, 1.0, (1.0, 1.0, 1.0), region=region) == (6, 6, 6)

    def test_larger_ball_than_map(self):
        probability = torch.zeros(3, 2, 1)
        probability[1, 1, 0] = 0.5
        assert locate_ball(probability, 100.0, (1.0, 1.0, 1.0)) == (1, 1, 0)

    def test_empty_region_and_nan_are_refused(self):
        with pytest.raises(ValueError, match="region"):
            locate_ball(torch.zeros(2, 2, 2), 1.0, (1.0, 1.0, 1.0), region=~_whole((2, 2, 2)))
        with pytest.raises(ValueError, match="probability"):
            locate_ball(torch.full((2, 2, 2), math.nan), 1.0, (1.0, 1.0, 1.0))


class TestAssign:
    @pytest.mark.parametrize("kind", ["random", "levels", "flat"])
    def test_equals_brute_force(self, kind):
        for seed in range(40):
            rng = np.random.default_rng(1000 + seed)
            shape = tuple(int(side) for side in rng.integers(2, 8, size=3))
            spacing = SPACINGS[seed % 3]
            tumors = _random_tumors(rng, shape, spacing, how_many=int(rng.integers(0, 4)))
            probability = _random_map(rng, kind, shape)
            found = assign_tumors(torch.from_numpy(probability), tumors, spacing, margin_mm=1.0)
            expected = _brute_assign(probability, tumors, spacing, margin_mm=1.0)
            assert np.array_equal(found.labels.numpy(), expected), (kind, seed)

    def test_number_of_voxels_is_the_reported_volume(self):
        # 20 mm ball at 2 mm: 4188.79 / 8 = 523.6: 524 voxels; 1 mm3 at 8 mm3 voxels: still one voxel.
        probability = torch.rand(40, 40, 40, generator=torch.Generator().manual_seed(1))
        tumors = [
            ReportedTumor(_whole((40, 40, 40)), math.pi / 6 * 20**3, 20.0),
            ReportedTumor(_whole((40, 40, 40)), 1.0, 2.0),
        ]
        found = assign_tumors(probability, tumors, (2.0, 2.0, 2.0))
        assert [(found.labels == k).sum().item() for k in (1, 2)] == [524, 1]
        assert found.statuses == ("assigned", "assigned")

    @pytest.mark.parametrize("spacing", [*SPACINGS, (4.0, 4.0, 4.0), (0.7, 0.7, 5.0)])
    def test_ball_holds_its_own_volume(self, spacing):
        for diameter in np.linspace(2, 40, 60):
            held = (ball_kernel(diameter + max(2.0, *spacing), spacing) > 0).sum().item()
            assert held >= round(math.pi / 6 * diameter**3 / math.prod(spacing))

    def test_voxels_stay_in_their_ball_and_region(self):
        generator = torch.Generator().manual_seed(2)
        region = torch.rand(16, 16, 16, generator=generator) < 0.8
        tumor = ReportedTumor(region, 200.0, 8.0)
        found = assign_tumors(torch.rand(16, 16, 16, generator=generator), [tumor], (1.0, 1.0, 1.0))
        assert (region[found.labels > 0]).all()
        away = (torch.nonzero(found.labels) - torch.tensor(found.centers[0])).float().norm(dim=1)
        assert away.max() <= (8.0 + 2.0) / 2

    def test_tumors_do_not_overlap_and_larger_goes_first(self):
        # One bright blob, two tumors: the larger takes it, whichever is named first.
        probability = torch.full((20, 10, 10), 0.1)
        probability[3:8, 3:8, 3:8] = 0.9
        large = ReportedTumor(_whole((20, 10, 10)), 125.0, 7.0)
        small = ReportedTumor(_whole((20, 10, 10)), 8.0, 3.0)
        for tumors in itertools.permutations([large, small]):
            found = assign_tumors(probability, tumors, (1.0, 1.0, 1.0))
            k = 1 + [tumor is large for tumor in tumors].index(True)
            assert (found.labels == k).sum() == 125
            assert (found.labels == 3 - k).sum() == 8
            assert found.centers[k - 1] == (5, 5, 5)

    def test_input_order_changes_label_numbers_only(self):
        for seed in range(20):
            rng = np.random.default_rng(seed)
            tumors = _random_tumors(rng, (6, 7, 8), (1.0, 1.0, 1.0), how_many=3)
            # Equal sizes with different, overlapping regions: the order must not come from the input.
            tumors[1] = ReportedTumor(tumors[1].region, tumors[0].volume_mm3, tumors[0].diameter_mm)
            probability = torch.from_numpy(rng.random((6, 7, 8), dtype=np.float32))
            first = assign_tumors(probability, tumors, (1.0, 1.0, 1.0))
            order = rng.permutation(3)
            second = assign_tumors(probability, [tumors[i] for i in order], (1.0, 1.0, 1.0))
            for new, old in enumerate(order):
                assert torch.equal(second.labels == new + 1, first.labels == old + 1)
                assert second.centers[new] == first.centers[old]
            assert torch.equal(first.border, second.border)

    def test_shift_equivariant(self):
        rng = np.random.default_rng(3)
        inner = rng.random((6, 6, 6), dtype=np.float32)
        found = []
        for shift in ((0, 0, 0), (5, 2, 7)):
            window = tuple(slice(3 + s, 9 + s) for s in shift)
            probability, region = torch.zeros(20, 20, 20), torch.zeros(20, 20, 20, dtype=torch.bool)
            probability[window], region[window] = torch.from_numpy(inner), True
            tumors = [ReportedTumor(region, 30.0, 4.0), ReportedTumor(region, 10.0, 3.0)]
            found.append((assign_tumors(probability, tumors, (1.0, 1.0, 1.0)), shift))
        (first, _), (second, shift) = found
        for name in ("labels", "border", "weight"):
            assert torch.equal(getattr(first, name).roll(shift, (0, 1, 2)), getattr(second, name))
        assert second.centers[0] == tuple(c + s for c, s in zip(first.centers[0], shift, strict=True))

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

        (fine, fine_volume), (coarse, coarse_volume) = scene((1.0, 1.0, 1.0)), scene(spacing)
        assert all(abs(a - b) <= s for a, b, s in zip(fine, coarse, spacing, strict=True))
        assert abs(fine_volume - coarse_volume) <= math.prod(spacing)

    def test_statuses(self):
        # Five voxels: the first tumor takes 3, the second wants 3 and gets the 2 left, the third nothing;
        # the fourth has no region at all. Balls of 10 mm and more reach every voxel.
        row = _whole((5, 1, 1))
        tumors = [
            ReportedTumor(row, 2.9, 9.0),
            ReportedTumor(row, 2.8, 9.0),
            ReportedTumor(row, 1.0, 9.0),
            ReportedTumor(~row, 5.0, 9.0),
        ]
        found = assign_tumors(
            torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5]).reshape(5, 1, 1), tumors, (1.0, 1.0, 1.0)
        )
        assert found.labels.flatten().tolist() == [2, 2, 1, 1, 1]
        assert found.statuses == ("assigned", "truncated", "no_room", "no_room")
        assert found.centers[2:] == (None, None)

    def test_border_by_hand(self):
        # A single voxel, 1 x 1 x 2 mm, border 2 mm: x and y up to 2 voxels away, z up to 1.
        probability = torch.zeros(9, 9, 9)
        probability[4, 4, 4] = 1.0
        tumor = ReportedTumor(_whole((9, 9, 9)), 2.0, 1.0)
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
        tumor = ReportedTumor(_whole((9, 9, 9)), 30.0, 5.0)
        found = assign_tumors(probability, [tumor], (1.0, 1.0, 1.0))
        inside = found.labels > 0
        weight = found.weight[inside][probability[inside].argsort(descending=True)]
        assert weight.mean().item() == pytest.approx(1.0)
        assert (weight[-1] / weight[0]).item() == pytest.approx(0.5)
        assert (weight.diff() < 0).all()
        assert (found.weight[~inside] == 0).all()

    def test_wrong_arguments_are_named(self):
        whole = _whole((2, 2, 2))
        with pytest.raises(ValueError, match="volume_mm3"):
            ReportedTumor(whole, 0.0, 1.0)
        with pytest.raises(ValueError, match="diameter_mm"):
            ReportedTumor(whole, 1.0, math.nan)
        tumor = ReportedTumor(whole, 1.0, 1.0)
        with pytest.raises(ValueError, match="tumor 0"):
            assign_tumors(torch.zeros(2, 2, 3), [tumor], (1.0, 1.0, 1.0))
        with pytest.raises(ValueError, match="margin_mm"):
            assign_tumors(torch.zeros(2, 2, 2), [tumor], (1.0, 1.0, 1.0), margin_mm=-1.0)
        with pytest.raises(ValueError, match="last_weight"):
            assign_tumors(torch.zeros(2, 2, 2), [tumor], (1.0, 1.0, 1.0), last_weight=0.0)


class TestLoss:
    def _row(self, *values):
        return torch.tensor(values).reshape(len(values), -1, 1, 1)

    def test_values_by_hand(self):
        # Seven voxels in a row, 1 mm; p = 3/4, 1/2, 1/2, ...; one tumor of 2 mm3, ball 1.5 + 1 mm: one voxel
        # to each side. Best center: voxel 1; top 2 of voxels 0 to 2: 0, then 1 (equal to 2, lower index).
        # Weights 1 and 1/2 over their mean: 4/3, 2/3. Border 1 mm: voxel 2. Background: voxels 3 to 6.
        # CE = (4/3 ln(4/3) + 2/3 ln 2 + 4 ln 2) / 6. Dice = 2 * 1.25 / (1.25 + 4 * 0.5 + 2) = 2.5 / 5.25.
        # The second case has nothing that counts: 0.
        logits = self._row([math.log(3.0)] + [0.0] * 6, [5.0] * 7)
        background = torch.ones_like(logits, dtype=torch.bool)
        background[1] = False
        tumors = [[ReportedTumor(_whole((7, 1, 1)), 2.0, 1.5)], []]
        terms = ball_loss(logits, tumors, background, (1.0, 1.0, 1.0), margin_mm=1.0, border_mm=1.0)
        assert terms.assignments[0].labels.flatten().tolist() == [1, 1, 0, 0, 0, 0, 0]
        expected = (4 / 3 * math.log(4 / 3) + 2 / 3 * math.log(2) + 4 * math.log(2)) / 6
        assert terms.cross_entropy.tolist() == pytest.approx([expected, 0.0])
        assert terms.dice.item() == pytest.approx(1 - 2.5 / 5.25)

    def test_positive_weight_multiplies_tumor_voxels(self):
        # As above with weight 3 on the tumor part.
        logits = self._row([math.log(3.0)] + [0.0] * 6)
        tumors = [[ReportedTumor(_whole((7, 1, 1)), 2.0, 1.5)]]
        background = torch.ones_like(logits, dtype=torch.bool)
        terms = ball_loss(
            logits, tumors, background, (1.0, 1.0, 1.0), margin_mm=1.0, border_mm=1.0, positive_weight=3.0
        )
        expected = (3 * (4 / 3 * math.log(4 / 3) + 2 / 3 * math.log(2)) + 4 * math.log(2)) / 6
        assert terms.cross_entropy.item() == pytest.approx(expected)

    def test_gradient_up_in_tumors_down_in_background_none_elsewhere(self):
        generator = torch.Generator().manual_seed(5)
        logits = torch.randn(2, 12, 12, 12, generator=generator).requires_grad_()
        region = torch.zeros(12, 12, 12, dtype=torch.bool)
        region[2:10, 2:10, 2:10] = True
        background = torch.rand(2, 12, 12, 12, generator=generator) < 0.7
        tumors = [[ReportedTumor(region, 60.0, 6.0), ReportedTumor(region, 12.0, 3.0)], []]
        terms = ball_loss(logits, tumors, background, (1.0, 1.0, 1.0), border_mm=1.5)
        (terms.cross_entropy.sum() + terms.dice).backward()
        assigned = torch.stack([each.labels > 0 for each in terms.assignments])
        border = torch.stack([each.border for each in terms.assignments])
        down = background & ~assigned & ~border
        assert border.any()
        assert assigned[0].sum() == 72
        assert (logits.grad[assigned] < 0).all()
        assert (logits.grad[down] > 0).all()
        assert (logits.grad[~assigned & ~down] == 0).all()

    def test_batch_without_anything_is_zero_with_zero_gradient(self):
        logits = torch.randn(2, 3, 3, 3).requires_grad_()
        terms = ball_loss(logits, [[], []], torch.zeros(2, 3, 3, 3, dtype=torch.bool), (1.0, 1.0, 1.0))
        assert terms.cross_entropy.tolist() == [0.0, 0.0]
        assert terms.dice.item() == 0
        (terms.cross_entropy.sum() + terms.dice).backward()
        assert (logits.grad == 0).all()

    @pytest.mark.parametrize("logit", [-500.0, 500.0])
    def test_certain_predictions_are_finite(self, logit):
        logits = torch.full((1, 5, 5, 5), logit, requires_grad=True)
        background = torch.ones(1, 5, 5, 5, dtype=torch.bool)
        tumors = [[ReportedTumor(_whole((5, 5, 5)), 8.0, 3.0)]]
        terms = ball_loss(logits, tumors, background, (1.0, 1.0, 1.0))
        (terms.cross_entropy.sum() + terms.dice).backward()
        assert torch.isfinite(terms.cross_entropy).all()
        assert torch.isfinite(logits.grad).all()

    def test_half_precision_logits(self):
        logits = torch.randn(1, 6, 6, 6, generator=torch.Generator().manual_seed(6)).bfloat16()
        background = torch.ones(1, 6, 6, 6, dtype=torch.bool)
        tumors = [[ReportedTumor(_whole((6, 6, 6)), 8.0, 3.0)]]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = ball_loss(logits, tumors, background, (1.0, 1.0, 1.0))
        full = ball_loss(logits.float(), tumors, background, (1.0, 1.0, 1.0))
        assert half.cross_entropy.dtype == torch.float32
        assert torch.equal(half.cross_entropy, full.cross_entropy)

    def test_wrong_arguments_are_named(self):
        logits, background = torch.zeros(2, 2, 2, 2), torch.ones(2, 2, 2, 2, dtype=torch.bool)
        with pytest.raises(ValueError, match="tumors"):
            ball_loss(logits, [[]], background, (1.0, 1.0, 1.0))
        with pytest.raises(ValueError, match="positive_weight"):
            ball_loss(logits, [[], []], background, (1.0, 1.0, 1.0), positive_weight=-1.0)
        logits[1, 0, 0, 0] = math.nan
        with pytest.raises(ValueError, match="case 1"):
            ball_loss(logits, [[], []], background, (1.0, 1.0, 1.0))
