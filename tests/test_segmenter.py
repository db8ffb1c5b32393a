import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from rsuper.data.batches import MaskBatch
from rsuper.engine import checkpoint
from rsuper.errors import ArtifactError, ConfigError
from rsuper.networks.outputs import Outputs
from rsuper.segmenter import mask_sampler, mask_terms, new_network, predict_with, trained_network, weights_of

SHAPE = (1, 2, 4, 4, 4)


@pytest.fixture
def task(task_for, tmp_path):
    return task_for("segmentation", tmp_path, deep_supervision_weight=0.25, positive_weight=3.0)


def weights(network):
    return torch.cat([tensor.flatten() for tensor in network.state_dict().values()])


def test_a_seed_gives_its_weights_and_leaves_the_global_generator_alone(task):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = weights(new_network(task))
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)  # whatever was drawn in between
    assert torch.equal(weights(new_network(task)), first)
    object.__setattr__(task, "seed", 1)
    assert not torch.equal(weights(new_network(task)), first)


def test_the_network_is_the_experiments(task):
    outputs = new_network(task)(torch.zeros(1, 1, *task.network.patch))
    assert outputs.final.shape == outputs.deep.shape == (1, 2, *task.network.patch)


@pytest.mark.parametrize(
    ("name", "options", "patch", "nearest"),
    [
        ("unet", {"channels": [4, 8, 8, 8]}, (16, 20, 16), "(16, 24, 16)"),
        ("medformer", {"preset": "eighth"}, (48, 40, 16), "(48, 48, 32)"),
    ],
)
def test_patches_that_the_network_cannot_take_are_the_configs_fault(task, name, options, patch, nearest):
    network = task.network.model_copy(update={"name": name, "options": options, "patch": patch})
    with pytest.raises(
        ConfigError, match=rf"section 'network' of the experiment \({name}\): patch"
    ) as caught:
        new_network(replace(task, network=network))
    assert str(caught.value).endswith(f"the nearest that can is {nearest}")


def test_an_unknown_option_is_the_configs_fault(task):
    network = task.network.model_copy(update={"name": "medformer", "options": {"chanels": [8]}})
    with pytest.raises(ConfigError, match=r"section 'network'.*unknown option 'chanels'"):
        new_network(replace(task, network=network))


def test_the_papers_network_by_its_options(task):
    options = {"preset": "eighth", "deep_supervision": False}
    network = task.network.model_copy(update={"name": "medformer", "options": options, "patch": (32, 32, 32)})
    outputs = new_network(replace(task, network=network))(torch.zeros(2, 1, 32, 32, 32))
    assert outputs.final.shape == (2, 2, 32, 32, 32)
    assert outputs.deep is None


def batch(tumor, known=True):
    return MaskBatch(("c",), torch.zeros(1, 1, 4, 4, 4), tumor, torch.full(SHAPE, known))


def half():
    """Tumor in half of the first channel's voxels."""
    tumor = torch.zeros(SHAPE, dtype=torch.bool)
    tumor[:, 0, :2] = True
    return tumor


def test_mask_terms_by_hand(task):
    zero = torch.zeros(SHAPE)
    terms = {
        name: float(value) for name, value in mask_terms(Outputs(zero, zero), batch(half()), task).items()
    }
    # Probability 1/2 everywhere: -log is ln 2. Of 128 voxels 32 are tumor and count three times:
    # (32 * 3 + 96) / 128 = 1.5. Dice in the first channel: 2 * 16 / (32 + 32) = 0.5; the second has no tumor.
    assert terms == {
        "mask_cross_entropy_final": pytest.approx(1.5 * math.log(2)),
        "mask_dice_final": pytest.approx(0.5),
        "mask_cross_entropy_deep": pytest.approx(0.25 * 1.5 * math.log(2)),
        "mask_dice_deep": pytest.approx(0.25 * 0.5),
    }


def test_no_deep_output_or_no_weight_leaves_its_terms_out(task, task_for, tmp_path):
    zero = torch.zeros(SHAPE)
    final = {"mask_cross_entropy_final", "mask_dice_final"}
    assert set(mask_terms(Outputs(zero, None), batch(half()), task)) == final
    without = task_for("segmentation", tmp_path, deep_supervision_weight=0.0)
    assert set(mask_terms(Outputs(zero, zero), batch(half()), without)) == final


def test_what_is_not_known_costs_nothing(task):
    logits = torch.zeros(SHAPE, requires_grad=True)
    terms = mask_terms(Outputs(logits, logits), batch(half(), known=False), task)
    assert [float(value.detach()) for value in terms.values()] == [0] * 4
    sum(terms.values()).backward()
    assert not logits.grad.any()


def test_the_sampler_depends_on_seed_and_step_alone(task):
    first = mask_sampler(task)(3)
    assert torch.equal(mask_sampler(task)(3).image, first.image)
    assert len(first.case_ids) == task.schedule.mask_patches


class Constant(nn.Module):
    """Logits 0 for the first target, -50 for the second; a deep output that must not be used."""

    def forward(self, image):
        final = torch.stack([torch.zeros_like(image[:, 0]), torch.full_like(image[:, 0], -50)], dim=1)
        return Outputs(final, final + 100)


def test_prediction_is_the_final_output_per_target(task, collection):
    network = Constant().train()
    first, second = predict_with(network, task, collection.test_volumes("internal"))
    assert not network.training
    assert (first.case_id, second.case_id) == ("tiny_T1", "tiny_T2")
    assert list(first.probabilities) == ["pancreas", "kidney"]
    np.testing.assert_allclose(first.probabilities["pancreas"], np.full((40, 32, 32), 0.5), atol=1e-6)
    assert second.probabilities["kidney"].max() < 1e-6


def test_the_trained_network_has_the_stored_weights(task):
    with pytest.raises(ArtifactError, match=r"weights\.pt: no such file"):
        trained_network(task)
    network = new_network(task)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    path = weights_of(task.workdir)
    assert path.relative_to(task.workdir).parts == ("model", "weights.pt")
    path.parent.mkdir(parents=True)
    checkpoint.save_weights(network, path)
    assert torch.equal(weights(trained_network(task)), weights(network))
