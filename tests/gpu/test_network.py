"""MedFormer on a GPU: the CPU's outputs in float32, close ones in bf16, and a training that learns alike."""

from dataclasses import replace

import pytest
import torch

from benchmarks.gpu_scenes import TUMORS_MM, make_batch, r_super_terms
from benchmarks.gpu_steps import EAGER, FAST, FAST_LAST, Size, Training
from rsuper.networks.build import build_network

pytestmark = pytest.mark.gpu


def network_and_image():
    torch.manual_seed(0)
    return build_network("medformer", 1, 2, preset="eighth"), torch.randn(2, 1, 64, 64, 64)


def error(found, expected):
    return float((found.double() - expected.double()).norm() / expected.double().norm())


def test_float32_outputs_equal_the_cpus():
    network, image = network_and_image()
    with torch.no_grad():
        expected = network(image)
        found = network.cuda()(image.cuda())
    for one, other in zip(found, expected, strict=True):
        assert error(one.cpu(), other) < 1e-4


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_bf16_outputs_are_finite_and_close(layout):
    network, image = network_and_image()
    network, image = network.cuda().to(memory_format=layout), image.cuda().contiguous(memory_format=layout)
    with torch.no_grad():
        expected = network(image)
        with torch.autocast("cuda", torch.bfloat16):
            found = network(image)
    for one, other in zip(found, expected, strict=True):
        assert torch.isfinite(one).all()
        assert error(one, other) < 0.1


@pytest.mark.parametrize("setting", [FAST, FAST_LAST], ids=lambda setting: setting.name)
def test_bf16_learns_as_float32_does(setting):
    size = Size("eighth", 32, 2, "cuda")
    batch = make_batch(size.patch, size.patches, TUMORS_MM, size.device)
    expected, found = (
        curve(Training(own, size), batch) for own in (EAGER[0], replace(setting, search=False))
    )
    assert expected[-1] < 0.9 * expected[0]
    assert (found - expected).abs().max() < 0.05 * expected[0]


def test_curves_of_200_steps_differ_as_much_as_those_of_two_starts():
    """bf16 against float32 on fresh batches; noise is how far three float32 trainings lie apart."""
    size = Size("eighth", 32, 2, "cuda")
    exact = torch.stack([long_curve(EAGER[0], size, seed) for seed in (0, 1, 2)])
    found = long_curve(replace(FAST, search=False), size, 0)
    noise = (exact - exact.mean(0)).abs().max(0).values.mean()
    assert exact[0, -1] < 0.9 * exact[0, 0]
    assert (found - exact[0]).abs().mean() < noise + 0.01 * exact[0].mean()
    assert (found[-1] - exact[:, -1].mean()).abs() < 3 * noise + 0.02 * exact[:, -1].mean()


def long_curve(setting, size, seed, steps=200, window=20):
    """Mean loss per window of an R-Super training, each step another batch; `seed`: of the first weights."""
    training = Training(setting, size, seed=seed)
    for group in training.optimizer.param_groups:
        group["lr"] = 1e-3
    losses = []
    for step in range(steps):
        batch = make_batch(size.patch, size.patches, TUMORS_MM, size.device, step % 20)
        training.step(batch, r_super_terms)
        with torch.no_grad():
            losses.append(torch.stack(r_super_terms(training.outputs(batch.image), batch)).sum())
    return torch.stack(losses).view(-1, window).mean(1).cpu()


def curve(training, batch, steps=30):
    """Loss over an R-Super training on one batch, at a rate that learns in so many steps."""
    for group in training.optimizer.param_groups:
        group["lr"] = 1e-3
    losses = []
    for _ in range(steps):
        training.step(batch, r_super_terms)
        with torch.no_grad():
            losses.append(torch.stack(r_super_terms(training.outputs(batch.image), batch)).sum())
    return torch.stack(losses).cpu()
