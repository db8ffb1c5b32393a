import pytest
import torch
from torch import nn

from rsuper.engine.average import Average
from rsuper.errors import ConfigError


def test_by_hand():
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(0.0)
    average = Average(model, 0.5)
    for step, value in enumerate((1.0, 2.0)):
        model.weight.data.fill_(value)
        average.update(step)
    # Decay min(0.5, (1 + s) / (10 + s)): 0.1, then 2/11. 0.9 * 1 = 0.9; 2/11 * 0.9 + 9/11 * 2 = 1.8.
    with average.applied():
        assert model.weight.item() == pytest.approx(1.8)
    assert model.weight.item() == 2.0
    average.install()
    assert model.weight.item() == pytest.approx(1.8)


def test_late_steps_count_by_the_decay():
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(4.0)
    average = Average(model, 0.75)
    model.weight.data.fill_(8.0)
    average.update(10_000)
    assert average.saved()["weight"].item() == pytest.approx(5.0)


def test_it_goes_on_from_what_was_saved():
    torch.manual_seed(0)
    model = nn.Linear(2, 2)
    average = Average(model, 0.9)
    model.weight.data.add_(1)
    average.update(0)
    other = Average(model, 0.9)
    other.restore(average.saved())
    assert torch.equal(other.saved()["weight"], average.saved()["weight"])


@pytest.mark.parametrize("decay", [0.0, 1.0, -1.0])
def test_a_decay_that_is_none_is_refused(decay):
    with pytest.raises(ConfigError, match="ema must be between 0 and 1"):
        Average(nn.Linear(1, 1), decay)
