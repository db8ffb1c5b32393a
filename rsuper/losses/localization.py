"""The Ball Convolution: where a tumor of the reported size most probably is (§2.2)."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from rsuper.losses.checks import check_mask
from rsuper.losses.geometry import Spacing, bounding_box, correlate, gaussian_ball

Index = tuple[int, int, int]

# Sums this close (relative to the peak) are equal: the rounding of float64 transforms stays below 1e-13.
_TIE = 1e-10


def ball_kernel(diameter_mm: float, spacing_mm: Spacing) -> Float[Tensor, "i j k"]:
    """Make the weighted ball: 1 at the center, Gaussian inside, exactly 0 outside.

    The standard deviation is 0.75 times the diameter. Sides are odd; below the voxel size it is one voxel.

    Args:
        diameter_mm: Of the ball, margin included.
        spacing_mm: Voxel size (x, y, z).

    Returns:
        float64 on the CPU, symmetric, a voxel belonging to the ball where its center does.

    Raises:
        ValueError: The diameter or a spacing is not a positive finite number.

    Source: §2.2, footnote 9.
    """
    check_positive("diameter_mm", diameter_mm)
    return gaussian_ball(float(diameter_mm), as_spacing(spacing_mm), torch.device("cpu")).clone()


def locate_ball(
    probability: Float[Tensor, "x y z"],
    diameter_mm: float,
    spacing_mm: Spacing,
    *,
    region: Bool[Tensor, "x y z"] | None = None,
) -> Index:
    """Find the center of the ball that holds most tumor probability.

    Probabilities outside `region` count as zero and the center lies inside it; stride 1, zero padding. Sums
    come from a real FFT in float64 on the region's bounding box: exact to 1e-13, at a cost that hardly grows
    with the ball. Among equal sums (to 1e-10) the lowest index in C order wins, as on a flat or zero map.

    Args:
        probability: Tumor probabilities; no gradient flows through the location.
        diameter_mm: Of the ball, margin included.
        spacing_mm: Voxel size (x, y, z).
        region: Where the tumor may be; None: anywhere.

    Returns:
        Voxel index (i, j, k).

    Raises:
        ValueError: The region is empty, not bool or of another shape, a probability in it is not finite, or
            as `ball_kernel`.

    Source: §2.2.
    """
    check_positive("diameter_mm", diameter_mm)
    spacing = as_spacing(spacing_mm)
    if region is not None:
        check_mask("region", region, probability.shape)
    allowed = torch.ones_like(probability, dtype=torch.bool) if region is None else region
    box = bounding_box(allowed)
    if box is None:
        raise ValueError("region is empty: a ball needs at least one voxel for its center")
    inside, values = allowed[box], probability.detach()[box]
    if not bool(torch.isfinite(values[inside]).all()):
        raise ValueError("probability must be finite inside the region")
    found = best_center(values, inside, float(diameter_mm), spacing).tolist()
    i, j, k = (int(index) + side.start for index, side in zip(found, box, strict=True))
    return i, j, k


def best_center(
    probability: Float[Tensor, "x y z"],
    allowed: Bool[Tensor, "x y z"],
    diameter_mm: float,
    spacing_mm: Spacing,
) -> Int[Tensor, " 3"]:
    """Do the work of `locate_ball` on a box, without a wait for the GPU; nothing allowed: the first voxel."""
    masked = probability.double().masked_fill(~allowed, 0.0)
    kernel = gaussian_ball(diameter_mm, spacing_mm, probability.device)
    sums = correlate(masked, kernel).masked_fill(~allowed, -math.inf).flatten()
    peak = sums.max()
    equal = sums >= peak - _TIE * peak.abs()
    # argmax promises no order among equals: the lowest index is asked for by name.
    index = torch.arange(sums.numel(), device=sums.device)
    first = torch.where(equal, index, sums.numel()).min()
    _, y, z = probability.shape
    return torch.stack([first // (y * z), first // z % y, first % z])


def as_spacing(spacing_mm: Sequence[float]) -> Spacing:
    """Check a voxel size and make it hashable.

    Raises:
        ValueError: Not three positive finite numbers.
    """
    try:
        x, y, z = (float(step) for step in spacing_mm)
    except (TypeError, ValueError):
        raise ValueError(f"spacing_mm must be three numbers (x, y, z), got {spacing_mm}") from None
    for step in (x, y, z):
        check_positive("spacing_mm", step)
    return x, y, z


def check_positive(name: str, value: float) -> None:
    """Raise ValueError if a length or volume is not a positive finite number."""
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be positive and finite, got {value}")
