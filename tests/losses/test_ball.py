import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from rsuper.errors import NonFiniteError
from rsuper.losses.ball import ReportedTumor, ball_loss, ball_terms
from tests.losses.scenes import devices, scenes, whole

UNIT = (1.0, 1.0, 1.0)


def _row(*values):
    return torch.tensor(values).reshape(len(values), -1, 1, 1)


def test_values_by_hand():
    # Seven voxels in a row, 1 mm; p = 3/4, 1/2, 1/2, ...; one tumor of 2 mm3, ball 1.5 + 1 mm: one voxel
    # to each side. Best center: voxel 1; top 2 of voxels 0 to 2: 0, then 1 (equal to 2, lower index).
    # Weights 1 and 1/2 over their mean: 4/3, 2/3. Border 1 mm: voxel 2. Background: voxels 3 to 6.
    # CE = (4/3 ln(4/3) + 2/3 ln 2 + 4 ln 2) / 6. Dice = 2 * 1.25 / (1.25 + 4 * 0.5 + 2) = 2.5 / 5.25.
    # The second case has nothing that counts: 0.
    logits = _row([math.log(3.0)] + [0.0] * 6, [5.0] * 7)
    background = torch.ones_like(logits, dtype=torch.bool)
    background[1] = False
    tumors = [[ReportedTumor(whole((7, 1, 1)), 2.0, 1.5)], []]
    terms = ball_terms(logits, tumors, background, UNIT, margin_mm=1.0, border_mm=1.0)
    assert terms.assignments[0].labels.flatten().tolist() == [1, 1, 0, 0, 0, 0, 0]
    expected = (4 / 3 * math.log(4 / 3) + 2 / 3 * math.log(2) + 4 * math.log(2)) / 6
    assert terms.cross_entropy.tolist() == pytest.approx([expected, 0.0])
    assert terms.dice.item() == pytest.approx(1 - 2.5 / 5.25)


def test_gradient_up_in_tumors_down_in_background_none_elsewhere():
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(2, 12, 12, 12, generator=generator).requires_grad_()
    region = torch.zeros(12, 12, 12, dtype=torch.bool)
    region[2:10, 2:10, 2:10] = True
    background = torch.rand(2, 12, 12, 12, generator=generator) < 0.7
    tumors = [[ReportedTumor(region, 60.0, 6.0), ReportedTumor(region, 12.0, 3.0)], []]
    terms = ball_terms(logits, tumors, background, UNIT, border_mm=1.5)
    (terms.cross_entropy.sum() + terms.dice).backward()
    assigned = torch.stack([each.labels > 0 for each in terms.assignments])
    border = torch.stack([each.border for each in terms.assignments])
    down = background & ~assigned & ~border
    assert border.any()
    assert assigned[0].sum() == 72
    assert (logits.grad[assigned] < 0).all()
    assert (logits.grad[down] > 0).all()
    assert (logits.grad[~assigned & ~down] == 0).all()


def test_batch_without_anything_is_zero_with_zero_gradient():
    logits = torch.randn(2, 3, 3, 3).requires_grad_()
    terms = ball_terms(logits, [[], []], torch.zeros(2, 3, 3, 3, dtype=torch.bool), UNIT)
    assert terms.cross_entropy.tolist() == [0.0, 0.0]
    assert terms.dice.item() == 0
    (terms.cross_entropy.sum() + terms.dice).backward()
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("logit", [-500.0, 500.0])
def test_certain_predictions_are_finite(logit):
    logits = torch.full((1, 5, 5, 5), logit, requires_grad=True)
    background = torch.ones(1, 5, 5, 5, dtype=torch.bool)
    tumors = [[ReportedTumor(whole((5, 5, 5)), 8.0, 3.0)]]
    terms = ball_terms(logits, tumors, background, UNIT)
    (terms.cross_entropy.sum() + terms.dice).backward()
    assert torch.isfinite(terms.cross_entropy).all()
    assert torch.isfinite(logits.grad).all()


def test_half_precision_logits():
    logits = torch.randn(1, 6, 6, 6, generator=torch.Generator().manual_seed(6)).bfloat16()
    background = torch.ones(1, 6, 6, 6, dtype=torch.bool)
    tumors = [[ReportedTumor(whole((6, 6, 6)), 8.0, 3.0)]]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = ball_terms(logits, tumors, background, UNIT)
    full = ball_terms(logits.float(), tumors, background, UNIT)
    assert half.cross_entropy.dtype == torch.float32
    assert torch.equal(half.cross_entropy, full.cross_entropy)


def test_wrong_arguments_are_named():
    logits, background = torch.zeros(2, 2, 2, 2), torch.ones(2, 2, 2, 2, dtype=torch.bool)
    with pytest.raises(ValueError, match="tumors"):
        ball_loss(logits, [[]], background, UNIT)
    with pytest.raises((ValueError, TypeError)):
        ball_loss(logits, [[], []], background[:1], UNIT)


def test_loss_is_per_case_with_the_dice_of_the_batch():
    logits = torch.randn(2, 6, 6, 6, generator=torch.Generator().manual_seed(7))
    background = torch.ones(2, 6, 6, 6, dtype=torch.bool)
    tumors = [[ReportedTumor(whole((6, 6, 6)), 8.0, 3.0)], []]
    terms = ball_terms(logits, tumors, background, UNIT)
    loss = ball_loss(logits, tumors, background, UNIT)
    assert loss.tolist() == pytest.approx((terms.cross_entropy + terms.dice).tolist())
    assert loss.mean().item() == pytest.approx((terms.cross_entropy.mean() + terms.dice).item())


@settings(max_examples=500, deadline=None)
@given(scenes())
def test_no_gradient_in_the_border_nor_where_nothing_counts(scene):
    logits = torch.logit(scene.map.clamp(0.01, 0.99))[None].requires_grad_()
    penalized = torch.from_numpy(scene.region)[None]
    terms = ball_terms(
        logits,
        [scene.tumors],
        penalized,
        scene.spacing_mm,
        margin_mm=scene.margin_mm,
        border_mm=scene.border_mm,
    )
    (terms.cross_entropy.sum() + terms.dice).backward()
    (found,) = terms.assignments
    assigned, gradient = found.labels > 0, logits.grad[0]
    free = penalized[0] & ~assigned & ~found.border
    assert (gradient[found.border] == 0).all()
    assert (gradient[~assigned & ~free] == 0).all()
    assert (gradient[assigned] < 0).all()
    assert (gradient[free] > 0).all()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_not_finite_names_the_case(value):
    logits, background = torch.zeros(3, 2, 2, 2), torch.ones(3, 2, 2, 2, dtype=torch.bool)
    logits[1, 0, 1, 0] = value
    with pytest.raises(NonFiniteError, match="logits of batch entry 1") as error:
        ball_loss(logits, [[], [], []], background, UNIT)
    assert error.value.index == 1


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_devices_and_precisions_agree(device, dtype):
    rng = np.random.default_rng(8)
    # Values that both precisions hold: the assignment, and with it the loss, must be the same.
    logits = torch.from_numpy(rng.choice([-4.0, -1.0, 0.5, 2.0], size=(2, 8, 8, 8)))
    tumors = [[ReportedTumor(whole((8, 8, 8)), 40.0, 5.0)], []]
    background = torch.ones(2, 8, 8, 8, dtype=torch.bool)
    expected = ball_terms(logits.float(), tumors, background, UNIT)
    there = [
        [ReportedTumor(t.region.to(device), t.volume_mm3, t.diameter_mm) for t in case] for case in tumors
    ]
    inputs = logits.to(device, dtype).requires_grad_()
    with torch.autocast(device, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        found = ball_terms(inputs, there, background.to(device), UNIT)
    (found.cross_entropy.sum() + found.dice).backward()
    assert inputs.grad.isfinite().all()
    assert found.cross_entropy.dtype == found.dice.dtype == torch.float32
    torch.testing.assert_close(found.cross_entropy.cpu(), expected.cross_entropy)
    torch.testing.assert_close(found.dice.cpu(), expected.dice)
    assert torch.equal(found.assignments[0].labels.cpu(), expected.assignments[0].labels)
