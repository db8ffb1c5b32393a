"""The losses on a device: equal to the CPU's, and localization against direct convolution."""

import statistics
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.gpu_scenes import FULL_SIDE, UNIT, Batch, ellipsoid, make_batch
from benchmarks.gpu_steps import Setting, Size, switched
from benchmarks.gpu_timing import Recorder, Row, milliseconds
from rsuper.losses.ball import ball_kernel, locate_ball
from rsuper.losses.contrastive import contrastive_loss
from rsuper.losses.geometry import correlate
from rsuper.losses.localization import best_center
from rsuper.losses.presence import presence_loss
from rsuper.losses.regions import region_ball_terms, region_volume_loss
from rsuper.losses.restoration import restoration_loss
from rsuper.losses.segmentation import segmentation_loss

SCENES, SCENE_SIDE = 5, 48
DIAMETERS_MM = (10.0, 30.0, 60.0)
# A direct convolution that is expected to take longer is left out, with a reason.
PATIENCE_MS = 10_000.0

Found = Mapping[str, tuple[Tensor, Tensor]]


def equal_rows(size: Size, record: Recorder) -> None:
    """Per term: the largest difference of value and of gradient between the CPU and the device."""
    values: dict[str, float] = {}
    gradients: dict[str, float] = {}
    voxels = 0
    for seed in range(SCENES):
        on_cpu, cpu_labels = loss_terms(seed, "cpu")
        on_device, device_labels = loss_terms(seed, size.device)
        voxels += int((cpu_labels != device_labels.cpu()).sum())
        for name, (value, gradient) in on_cpu.items():
            other, other_gradient = (each.cpu() for each in on_device[name])
            values[name] = max(values.get(name, 0.0), float((value - other).abs()))
            scale = gradient.abs().max().clamp_min(1e-30)
            error = float((gradient - other_gradient).abs().max() / scale)
            gradients[name] = max(gradients.get(name, 0.0), error)
    for name, difference in values.items():
        row = {"term": name, "value_difference": difference, "gradient_relative_difference": gradients[name]}
        record("equal", {**row, "scenes": SCENES})
    record("equal", {"term": "assignment", "voxels_that_differ": voxels, "scenes": SCENES})


def loss_terms(seed: int, device: str) -> tuple[Found, Tensor]:
    """Value and gradient of every loss term on a random scene, and the assigned labels."""
    batch = make_batch(SCENE_SIDE, 2, (30.0, 20.0, 10.0), device)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(batch.tumor.shape, generator=generator).flatten(0, 1)[:, None]
    smooth = F.avg_pool3d(noise, 5, stride=1, padding=2).reshape(batch.tumor.shape)
    logits = (4 * smooth - 2 + 0.1 * noise.reshape(smooth.shape)).to(device)
    images, texts = (torch.randn(4, 32, generator=generator).to(device) for _ in range(2))
    original = torch.randn(2, 1, 8, 8, 8, generator=generator).to(device)
    known = (torch.rand(batch.known.shape, generator=generator) < 0.8).to(device)
    present = torch.tensor([[True, False]] * 4, device=device)
    labels: list[Tensor] = []

    def ball(values: Tensor) -> dict[str, Tensor]:
        rows = slice(batch.split, None)
        terms = region_ball_terms(values[rows], batch.outside[rows], batch.regions, UNIT)
        labels.append(torch.stack([each.labels for each in terms.assignments]))
        return {"ball_cross_entropy": terms.cross_entropy.mean(), "ball_dice": terms.dice}

    found = {
        **_terms(logits, lambda values: segmentation_loss(values, batch.tumor, known)),
        **_terms(logits, lambda values: {"volume": _volume(values, batch)}),
        **_terms(logits, ball),
        **_terms(images, lambda values: {"contrastive": contrastive_loss(values, texts)}),
        **_terms(images[:, :2], lambda values: {"presence": presence_loss(values, present, present)}),
        **_terms(original + 0.1, lambda values: {"restoration": restoration_loss(values, original)}),
    }
    return found, labels[0]


def _volume(logits: Tensor, batch: Batch) -> Tensor:
    rows = slice(batch.split, None)
    return region_volume_loss(torch.sigmoid(logits[rows]), batch.outside[rows], batch.regions, UNIT)


def _terms(inputs: Tensor, loss: Callable[[Tensor], dict[str, Tensor]]) -> dict[str, tuple[Tensor, Tensor]]:
    inputs = inputs.detach().clone().requires_grad_()
    found = {}
    for name, value in loss(inputs).items():
        (gradient,) = torch.autograd.grad(value, inputs, retain_graph=True)
        found[name] = value.detach(), gradient
    return found


def ball_rows(size: Size, record: Recorder) -> None:
    """Per diameter: ours and direct convolution of the same kernel, in float32 without TF32."""
    side = size.patch
    region, _ = ellipsoid(side, size.device)
    noise = torch.randn(1, 1, side, side, side, generator=torch.Generator().manual_seed(0))
    smooth = F.avg_pool3d(noise, 9, stride=1, padding=4)[0, 0]
    probability = torch.sigmoid(smooth / smooth.std() - 2).to(size.device)
    expected_ms, last_taps = 0.0, 0
    with switched(Setting("float32")), torch.no_grad():
        for full_mm in DIAMETERS_MM:
            diameter_mm = full_mm * side / FULL_SIDE
            taps = ball_kernel(diameter_mm, UNIT).numel()
            expected_ms *= taps / last_taps if last_taps else 1
            row, expected_ms = _ball_row(probability, region, diameter_mm, size, expected_ms)
            last_taps = taps
            record("ball", row)


def _ball_row(
    probability: Tensor, region: Tensor, diameter_mm: float, size: Size, expected_ms: float
) -> tuple[Row, float]:
    """One row, and the direct convolution's time: measured, or expected where it was left out."""
    masked = probability * region
    kernel = ball_kernel(diameter_mm, UNIT).to(size.device)
    half = [each // 2 for each in kernel.shape]

    def timed(call: Callable[[], object], repeats: int) -> float:
        return statistics.median(milliseconds(call, size.device, warmup=1, repeats=repeats))

    def direct() -> Tensor:
        return F.conv3d(masked[None, None], kernel.float()[None, None], padding=half)[0, 0]

    ours = timed(lambda: locate_ball(probability, diameter_mm, UNIT, region=region), size.repeats)
    row: Row = {
        "diameter_mm": diameter_mm,
        "kernel": tuple(kernel.shape),
        "locate_ball_ms": ours,
        "whole_patch_ms": timed(lambda: best_center(masked, region, diameter_mm, UNIT), size.repeats),
    }
    if expected_ms > PATIENCE_MS:
        return {**row, "reason": f"direct convolution left out: {expected_ms:.0f} ms expected"}, expected_ms
    try:
        direct_ms = timed(direct, 3)
    except (RuntimeError, torch.OutOfMemoryError) as error:
        return {**row, "reason": f"direct convolution: {str(error)[:200]}"}, expected_ms
    exact, sums = correlate(masked.double(), kernel), direct().double()
    found = sums.masked_fill(~region, -1.0).argmax()
    place = tuple(int(each) for each in torch.unravel_index(found, masked.shape))
    row |= {
        "direct_ms": direct_ms,
        "times_faster": direct_ms / ours,
        "largest_difference_of_peak": float((sums - exact).abs().max() / exact.max()),
        "same_place": place == locate_ball(probability, diameter_mm, UNIT, region=region),
    }
    return row, direct_ms
