from collections import namedtuple

import pytest
import torch
from torch import nn

from rsuper.engine.computing import Computed, adamw, computed, deterministic, in_float32
from rsuper.engine.settings import Settings
from rsuper.errors import ConfigError
from rsuper.networks.outputs import Outputs

CPU = torch.device("cpu")


@pytest.mark.parametrize("settings", [Settings(), Settings(compile=True, channels_last=True)])
def test_a_cpu_computes_the_model_itself(settings):
    model = nn.Linear(2, 2)
    assert computed(model, settings, CPU) is model
    assert model.weight.is_contiguous()


def test_bf16_is_not_for_cpus():
    with pytest.raises(ConfigError, match=r"precision bf16 is not to be had on this device \(cpu\)"):
        computed(nn.Linear(2, 2), Settings(precision="bf16"), CPU)


def test_losses_see_float32_whatever_the_kind_of_outputs():
    half, whole = torch.ones(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.int64)
    Pair = namedtuple("Pair", ["first", "second"])
    outputs = Outputs(half, None), Pair(half, whole), {"a": half}, half
    final, pair, mapping, plain = in_float32(outputs)
    assert isinstance(final, Outputs)
    assert final.deep is None
    assert isinstance(pair, Pair)
    assert {each.dtype for each in (final.final, pair.first, mapping["a"], plain)} == {torch.float32}
    assert pair.second.dtype == torch.int64


def test_a_computed_model_has_the_models_parameters():
    model = nn.Conv3d(1, 2, 3)
    wrapped = Computed(model, bf16=False, channels_last=False, compiled=False)
    image = torch.randn(1, 1, 5, 5, 5)
    assert torch.equal(wrapped(image), model(image))
    assert next(wrapped.parameters()) is model.weight


def test_on_a_cpu_the_optimizer_is_the_plain_one():
    optimizer = adamw(nn.Linear(2, 2), 0.1, 0.05)
    assert isinstance(optimizer, torch.optim.AdamW)
    assert not optimizer.defaults["fused"]


def test_deterministic_sets_its_switches_back():
    with deterministic(True):
        assert torch.are_deterministic_algorithms_enabled()
        with deterministic(False):
            assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
