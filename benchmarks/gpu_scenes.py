"""A synthetic training batch on the device, and the losses of a segmentation and of an R-Super step on it."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rsuper.losses.assignment import ReportedTumor
from rsuper.losses.geometry import Box, Spacing, bounding_box
from rsuper.losses.regions import ReportedRegion, region_ball_terms, region_volume_loss
from rsuper.losses.segmentation import segmentation_loss
from rsuper.networks.outputs import Outputs

UNIT: Spacing = (1.0, 1.0, 1.0)
TARGETS = 2
# Of a 128^3 patch of 1 mm voxels: the box of a pancreas with its surroundings, and tumors in it.
FULL_SIDE = 128
REGION_BOX = ((34, 94), (42, 86), (6, 122))
TUMORS_MM = (30.0, 20.0, 10.0)
# The paper's weights of both report losses, and the schedule's of the deep output.
REPORT_WEIGHT, DEEP_WEIGHT = 0.1, 1.0


@dataclass(frozen=True)
class Batch:
    """Patches with masks; those from row `split` on have a report instead where the step is R-Super's."""

    image: Tensor
    tumor: Tensor
    known: Tensor
    outside: Tensor
    regions: tuple[ReportedRegion, ...]
    split: int


def ellipsoid(side: int, device: str, shrunk: int = 0) -> tuple[Tensor, Box]:
    """A region that fills its box, in a cube of `side` voxels; `shrunk`: voxels of 128 off its upper ends."""
    axes = torch.meshgrid(*[torch.arange(side, dtype=torch.float32)] * 3, indexing="ij")
    square = torch.zeros(side, side, side)
    for axis, (low, high) in zip(axes, REGION_BOX, strict=True):
        first, last = low * side / FULL_SIDE, (high - shrunk) * side / FULL_SIDE
        square += ((axis - (first + last - 1) / 2) / ((last - first) / 2)) ** 2
    region = square <= 1
    box = bounding_box(region)
    assert box is not None
    return region.to(device), box


def sphere_volume_mm3(diameter_mm: float) -> float:
    """Volume of a tumor with one diameter."""
    return math.pi / 6 * diameter_mm**3


def make_batch(
    side: int, patches: int, diameters_mm: tuple[float, ...], device: str, number: int = 0
) -> Batch:
    """Noise with a tumor mask on every patch; the second half of the patches bears the reported tumors.

    Diameters are for a patch of 128 voxels and shrink with it. Each `number` has another region and other
    diameters, as each patch of a training has: what is kept per shape or ball is of no use to the next.
    """
    generator = torch.Generator().manual_seed(0)
    shape = (patches, TARGETS, side, side, side)
    region, box = ellipsoid(side, device, number)
    outside = (~region).expand(shape).clone()
    tumor = torch.zeros(shape, dtype=torch.bool, device=device)
    middle, half = side // 2, max(1, side // 16)
    tumor[:, :, *[slice(middle - half, middle + half)] * 3] = True
    sizes_mm = [(diameter - number / 10) * side / FULL_SIDE for diameter in diameters_mm]
    tumors = tuple(ReportedTumor(region, sphere_volume_mm3(size), size, box) for size in sizes_mm)
    volume_mm3 = sum(each.volume_mm3 for each in tumors)
    split = patches // 2
    regions = tuple(ReportedRegion(row, 0, region, volume_mm3, tumors) for row in range(patches - split))
    image = torch.randn(patches, 1, side, side, side, generator=generator).to(device)
    return Batch(image, tumor, torch.ones_like(tumor), outside, regions, split)


def segmentation_terms(outputs: Outputs, batch: Batch, rows: slice = slice(None)) -> list[Tensor]:
    """Mask losses on both outputs, as `rsuper.segmenter.mask_terms` weighs them."""
    terms = []
    for weight, logits in zip((1.0, DEEP_WEIGHT), outputs, strict=True):
        assert logits is not None
        losses = segmentation_loss(logits[rows], batch.tumor[rows], batch.known[rows])
        terms += [weight * term for term in losses.values()]
    return terms


def r_super_terms(outputs: Outputs, batch: Batch) -> list[Tensor]:
    """Mask losses on the first patches; on the others what `rsuper.report_terms` computes and weighs."""
    assert outputs.deep is not None
    rows = slice(batch.split, None)
    outside = batch.outside[rows]
    probability = torch.sigmoid(outputs.deep[rows].float())
    volume = region_volume_loss(probability, outside, batch.regions, UNIT)
    ball = region_ball_terms(outputs.final[rows], outside, batch.regions, UNIT)
    report = REPORT_WEIGHT * torch.stack([volume, ball.cross_entropy.mean(), ball.dice])
    return [*segmentation_terms(outputs, batch, slice(batch.split)), *report.unbind()]
