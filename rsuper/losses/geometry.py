"""Balls, boxes and sums on a voxel grid, for the Ball Loss; only `bounding_box` waits for a GPU."""

import math
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Spacing = tuple[float, float, float]
Box = tuple[slice, slice, slice]


@lru_cache(maxsize=64)
def gaussian_ball(diameter_mm: float, spacing_mm: Spacing, device: torch.device) -> Float[Tensor, "i j k"]:
    """Make the kernel of `rsuper.losses.localization.ball_kernel`; shared by all calls: never write to it.

    Source: §2.2, footnote 9.
    """
    square = _squared_distance(diameter_mm / 2, spacing_mm, device)
    weights = torch.exp(-square / (2 * (0.75 * diameter_mm) ** 2))
    return weights * _within(square, diameter_mm / 2)


@lru_cache(maxsize=64)
def ball_offsets(diameter_mm: float, spacing_mm: Spacing) -> Int[Tensor, "n 3"]:
    """List the voxels of a ball relative to its center, in C order; CPU, shared by all calls."""
    ball = binary_ball(diameter_mm / 2, spacing_mm)
    return ball.nonzero() - torch.tensor([side // 2 for side in ball.shape])


def binary_ball(
    radius_mm: float, spacing_mm: Spacing, device: torch.device | None = None
) -> Float[Tensor, "i j k"]:
    """Make a ball that is 1 where a voxel's center is within the radius, 0 elsewhere; sides are odd."""
    square = _squared_distance(radius_mm, spacing_mm, device or torch.device("cpu"))
    return _within(square, radius_mm).double()


# At most a third longer than asked for, from 33 on.
_FEW_LENGTHS = (16, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256)


def correlate(volume: Float[Tensor, "x y z"], kernel: Float[Tensor, "i j k"]) -> Float[Tensor, "x y z"]:
    """Sum the volume under a symmetric odd kernel at each voxel, zero padded, in the volume's type."""
    for axis, side in enumerate(volume.shape):
        half = kernel.shape[axis] // 2
        reach = min(half, side - 1)  # weights further out never meet the volume
        kernel = kernel.narrow(axis, half - reach, 2 * reach + 1)
    kernel = kernel.to(volume)
    # Side plus reach is enough: what wraps around falls on voxels that are cut away.
    lengths = [side + taps // 2 for side, taps in zip(volume.shape, kernel.shape, strict=True)]
    padded = [fft_length(length, few=volume.is_cuda) for length in lengths]
    spectrum = torch.fft.rfftn(volume, s=padded) * torch.fft.rfftn(kernel, s=padded)
    full = torch.fft.irfftn(spectrum, s=padded)
    for axis, side in enumerate(volume.shape):
        full = full.narrow(axis, kernel.shape[axis] // 2, side)
    return full


def bounding_box(mask: Bool[Tensor, "x y z"]) -> Box | None:
    """Find the smallest box that holds the mask; None: the mask is empty."""
    plane = mask.any(2)
    sides = [plane.any(1), plane.any(0), mask.any(0).any(0)]
    flags = torch.cat(sides).tolist()  # one transfer for all axes
    box = []
    for side in sides:
        own, flags = flags[: len(side)], flags[len(side) :]
        if True not in own:
            return None
        box.append(slice(own.index(True), len(own) - own[::-1].index(True)))
    return box[0], box[1], box[2]


def _squared_distance(radius_mm: float, spacing_mm: Spacing, device: torch.device) -> Tensor:
    """Squared distance from the center over the smallest odd grid that holds a ball."""
    axes = []
    for step in spacing_mm:
        half = math.floor(radius_mm / step + 1e-9)
        axes.append((torch.arange(-half, half + 1, dtype=torch.float64, device=device) * step) ** 2)
    return axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None, :]


def _within(squared_mm2: Tensor, radius_mm: float) -> Tensor:
    # The slack keeps voxels whose center lies on the surface, whatever the rounding of their distance.
    return squared_mm2 <= (radius_mm * (1 + 1e-9)) ** 2


def fft_length(length: int, *, few: bool) -> int:
    """Length to which a side is padded with zeros: fast for every FFT library.

    A GPU's library makes a plan for each shape that it has not seen, which takes longer than the transform of
    a region, and every region has a shape of its own: `few` rounds up to one of few lengths.
    """
    if few and length <= _FEW_LENGTHS[-1]:
        return next(each for each in _FEW_LENGTHS if each >= length)
    return _fast_length(length)


@lru_cache(maxsize=1024)
def _fast_length(length: int) -> int:
    """Next length without a prime factor above 5: fast for every FFT library."""
    rest = length
    for prime in (2, 3, 5):
        while rest % prime == 0:
            rest //= prime
    return length if rest == 1 else _fast_length(length + 1)
