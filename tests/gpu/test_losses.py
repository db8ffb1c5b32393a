"""On a GPU the losses are the CPU's, and no tumor makes the host wait."""

import pytest
import torch
import torch.nn.functional as F

from benchmarks.gpu_losses import loss_terms
from benchmarks.gpu_scenes import UNIT, make_batch, r_super_terms
from benchmarks.gpu_timing import waits
from rsuper.losses.assignment import assign_tumors
from rsuper.losses.ball import ball_kernel
from rsuper.losses.geometry import correlate
from rsuper.losses.localization import locate_ball
from rsuper.losses.regions import region_ball_terms
from rsuper.networks.outputs import Outputs

pytestmark = pytest.mark.gpu

# Sums over 10^5 voxels in float32, in another order; a gradient is compared with the largest of its term.
VALUE, GRADIENT = 2e-5, 2e-4
# Two voxels of a ball whose probabilities differ by rounding alone may swap ranks, and with them weights that
# differ by ln 2 over the ball's voxels: 7.2e-4 for seed 3 on an H200, and on a CPU alone when half of the
# logits are changed in their last bit.
RANKED = {"ball_cross_entropy": 2e-3}


@pytest.mark.parametrize("seed", range(4))
def test_terms_gradients_and_assignment_equal_the_cpus(seed):
    on_cpu, cpu_labels = loss_terms(seed, "cpu")
    on_gpu, gpu_labels = loss_terms(seed, "cuda")
    assert torch.equal(gpu_labels.cpu(), cpu_labels)
    assert cpu_labels.max() == 3
    for name, (value, gradient) in on_cpu.items():
        found, found_gradient = (each.cpu() for each in on_gpu[name])
        assert float(found) == pytest.approx(float(value), rel=VALUE, abs=VALUE), name
        error = (found_gradient - gradient).abs().max() / gradient.abs().max()
        assert error < RANKED.get(name, GRADIENT), name


@pytest.mark.parametrize("diameter_mm", [3.0, 11.0, 25.0])
def test_localization_equals_the_cpus_and_direct_convolution(diameter_mm):
    probability = torch.rand(40, 33, 37, generator=torch.Generator().manual_seed(3))
    region = torch.rand(40, 33, 37, generator=torch.Generator().manual_seed(4)) < 0.5
    expected = locate_ball(probability, diameter_mm, UNIT, region=region)
    assert locate_ball(probability.cuda(), diameter_mm, UNIT, region=region.cuda()) == expected
    masked, kernel = (probability * region).double().cuda(), ball_kernel(diameter_mm, UNIT).cuda()
    half = [side // 2 for side in kernel.shape]
    direct = F.conv3d(masked[None, None], kernel[None, None], padding=half)[0, 0]
    assert (correlate(masked, kernel) - direct).abs().max() < 1e-11 * direct.max()


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")  # a prototype, torch says
def test_assignment_never_waits():
    batch = make_batch(32, 2, (30.0, 20.0, 10.0), "cuda")
    probability = torch.rand(32, 32, 32, device="cuda")
    tumors = batch.regions[0].tumors
    assign_tumors(probability, tumors, UNIT)  # balls are kept from call to call
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = assign_tumors(probability, tumors, UNIT)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert found.assigned.tolist() == list(found.requested)


def test_waits_of_an_r_super_loss_do_not_grow_with_tumors():
    number = {tumors: loss_waits(tumors) for tumors in (1, 2, 6)}
    assert len(set(number.values())) == 1, number
    assert number[1] <= 5  # each term looks once whether it is finite, and nothing else waits


def loss_waits(tumors):
    """Waits of all loss terms, forward and backward, with so many tumors."""
    batch = make_batch(32, 2, (30.0, 28.0, 26.0, 24.0, 22.0, 20.0)[:tumors], "cuda")
    final, deep = (torch.randn(batch.tumor.shape, device="cuda").requires_grad_() for _ in range(2))

    def loss():
        torch.stack(r_super_terms(Outputs(final, deep), batch)).sum().backward()

    loss()
    return waits(loss, "cuda").total()


def test_the_counter_of_waits_sees_one():
    value = torch.ones(3, device="cuda")
    assert waits(lambda: value.sum().item(), "cuda").total() == 1


def test_half_precision_logits_are_computed_in_float32():
    batch = make_batch(32, 2, (30.0, 20.0, 10.0), "cuda")
    final, deep = (torch.randn(batch.tumor.shape, device="cuda").bfloat16() for _ in range(2))
    expected = r_super_terms(Outputs(final.float(), deep.float()), batch)
    with torch.autocast("cuda", torch.bfloat16):
        found = r_super_terms(Outputs(final, deep), batch)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.float32
        assert float(one) == pytest.approx(float(other), rel=1e-5)


def test_no_region_and_no_tumor():
    batch = make_batch(32, 2, (), "cuda")
    rows = slice(batch.split, None)
    logits = torch.randn(batch.tumor[rows].shape, device="cuda").requires_grad_()
    terms = region_ball_terms(logits, batch.outside[rows], (), UNIT)
    assert terms.dice.item() == 0
    (terms.cross_entropy.mean() + terms.dice).backward()
    assert torch.isfinite(logits.grad).all()
