import math

import pytest
import torch

from rsuper.errors import NonFiniteError
from rsuper.losses.presence import presence_loss


def test_by_hand_and_entries_without_a_label_count_in_the_mean():
    logits = torch.tensor([[0.0, 2.0], [-1.0, 50.0]])
    present = torch.tensor([[True, False], [True, False]])
    labelled = torch.tensor([[True, True], [True, False]])
    expected = math.log(2) + math.log1p(math.exp(2)) + math.log1p(math.exp(1))
    assert float(presence_loss(logits, present, labelled)) == pytest.approx(expected / 4)


def test_what_is_not_labelled_has_no_gradient():
    logits = torch.zeros(2, 2, requires_grad=True)
    labelled = torch.tensor([[True, False], [False, False]])
    presence_loss(logits, torch.ones(2, 2, dtype=torch.bool), labelled).backward()
    assert logits.grad.tolist() == [[-0.125, 0.0], [0.0, 0.0]]


def test_no_entry_is_zero():
    empty = torch.zeros(0, 2)
    assert float(presence_loss(empty, empty.bool(), empty.bool())) == 0


def test_bad_input():
    logits, mask = torch.tensor([[0.0], [math.nan]]), torch.ones(2, 1, dtype=torch.bool)
    with pytest.raises(NonFiniteError) as error:
        presence_loss(logits, mask, mask)
    assert error.value.index == 1
