import math

import pytest
import torch

from rsuper.errors import NonFiniteError
from rsuper.losses.segmentation import segmentation_loss


def _case(values):
    """One row of voxels along z: (b=1, c=1, 1, 1, n)."""
    return torch.tensor(values).reshape(1, 1, 1, 1, -1)


def test_values_by_hand():
    # Known: the first two voxels, p = 0.5 each, one of them tumor.
    # CE = (3 ln 2 + ln 2) / 2 = 2 ln 2; Dice = 2 * 0.5 / (1 + 1) = 0.5.
    terms = segmentation_loss(
        _case([0.0, 0.0, 30.0]),
        _case([True, False, False]),
        _case([True, True, False]),
        positive_weight=3.0,
    )
    assert terms["cross_entropy"].item() == pytest.approx(2 * math.log(2))
    assert terms["dice"].item() == pytest.approx(0.5)


def test_dice_is_over_the_batch():
    # Case 1 has a tumor voxel at p = 0.5, case 2 is tumor-free at p = 0.5: 2 * 0.5 / (0.5 + 0.5 + 1) = 0.5.
    # Per case it would be (1/3 + 1) / 2.
    logits = torch.zeros(2, 1, 1, 1, 1)
    tumor = torch.tensor([True, False]).reshape(2, 1, 1, 1, 1)
    terms = segmentation_loss(logits, tumor, torch.ones_like(tumor))
    assert terms["dice"].item() == pytest.approx(0.5)


def test_channel_without_tumor_has_no_dice_term():
    logits = torch.zeros(1, 2, 1, 1, 1, requires_grad=True)
    tumor = torch.tensor([True, False]).reshape(1, 2, 1, 1, 1)
    terms = segmentation_loss(logits, tumor, torch.ones_like(tumor))
    assert terms["dice"].item() == pytest.approx(1 - 2 * 0.5 / 1.5)
    terms["dice"].backward()
    assert logits.grad[0, 0].item() < 0
    assert logits.grad[0, 1].item() == 0


def test_unknown_voxels_get_no_gradient():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 2, 3, 4, 5, generator=generator).requires_grad_()
    tumor = torch.rand(2, 2, 3, 4, 5, generator=generator) < 0.3
    known = torch.rand(2, 2, 3, 4, 5, generator=generator) < 0.6
    sum(segmentation_loss(logits, tumor, known).values()).backward()
    assert (logits.grad[~known] == 0).all()
    assert (logits.grad[known] != 0).all()


def test_nothing_known_is_zero_with_zero_gradient():
    logits = torch.zeros(1, 1, 2, 2, 2, requires_grad=True)
    nothing = torch.zeros(1, 1, 2, 2, 2, dtype=torch.bool)
    terms = segmentation_loss(logits, ~nothing, nothing)
    assert [term.item() for term in terms.values()] == [0.0, 0.0]
    sum(terms.values()).backward()
    assert (logits.grad == 0).all()


def test_perfect_and_extreme_predictions_are_finite():
    tumor = _case([True, False])
    logits = (200.0 * (2 * tumor.float() - 1)).requires_grad_()
    terms = segmentation_loss(logits, tumor, torch.ones_like(tumor))
    assert sum(term.item() for term in terms.values()) == pytest.approx(0.0, abs=1e-6)
    wrong = segmentation_loss(-logits, tumor, torch.ones_like(tumor))
    assert wrong["cross_entropy"].item() == pytest.approx(200.0)
    sum(wrong.values()).backward()
    assert torch.isfinite(logits.grad).all()


def test_half_precision_logits_are_summed_in_float32():
    logits = torch.zeros(1, 1, 48, 48, 48, dtype=torch.bfloat16)
    tumor = torch.ones(1, 1, 48, 48, 48)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = segmentation_loss(logits, tumor, tumor > 0)
    assert terms["dice"].dtype == torch.float32
    assert terms["dice"].item() == pytest.approx(1 - 2 * 0.5 / 1.5, rel=1e-5)


def test_not_finite_names_the_case():
    logits = torch.zeros(3, 1, 2, 2, 2)
    logits[1, 0, 0, 0, 1] = math.nan
    mask = torch.ones(3, 1, 2, 2, 2, dtype=torch.bool)
    with pytest.raises(NonFiniteError, match="logits of batch entry 1") as error:
        segmentation_loss(logits, mask, mask)
    assert error.value.index == 1


def test_wrong_arguments_are_named():
    tumor = _case([True])
    with pytest.raises(ValueError, match="positive_weight"):
        segmentation_loss(_case([0.0]), tumor, tumor, positive_weight=0.0)
    with pytest.raises((ValueError, TypeError)):
        segmentation_loss(_case([0.0, 0.0]), tumor, tumor)
