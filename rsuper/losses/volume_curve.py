"""The Volume Loss as a curve over the predicted volume, as the right panel of the paper's Figure 1."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from rsuper.losses.volume import foreground_loss

LARGEST_MM3 = 3000.0
# Reported volume (mm3) and tolerance; the first is the paper's Figure 1.
CURVES: tuple[tuple[float, float], ...] = ((1000.0, 0.1), (1000.0, 0.2), (0.0, 0.1))


@dataclass(frozen=True)
class CurvePoint:
    """One point of a curve; predicted volumes from `free_from_mm3` to `free_to_mm3` cost nothing."""

    reported_mm3: float
    tolerance: float
    predicted_mm3: float
    loss: float
    gradient_per_cm3: float
    free_from_mm3: float
    free_to_mm3: float


def curve_points(count: int = 3001) -> Iterator[CurvePoint]:
    """Yield the points of `CURVES`, each at `count` evenly spaced volumes from 0 to `LARGEST_MM3`.

    Source: Fig. 1.
    """
    predicted = torch.linspace(0, LARGEST_MM3, count)
    for reported_mm3, tolerance in CURVES:
        free = dead_zone(reported_mm3, tolerance)
        loss, gradient = volume_curve(predicted, reported_mm3, tolerance)
        for volume, height, slope in zip(predicted.tolist(), loss.tolist(), gradient.tolist(), strict=True):
            yield CurvePoint(reported_mm3, tolerance, volume, height, slope, *free)


def volume_curve(
    predicted_mm3: Float[Tensor, " n"], reported_mm3: float, tolerance: float
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Compute Eq. 3 and its derivative (per cm3) at predicted volumes up to `LARGEST_MM3`.

    Every case is one voxel of `LARGEST_MM3`: its probability sets the predicted volume.

    Raises:
        ValueError: A volume or the tolerance is out of range; see `foreground_loss`.

    Source: §2.1, Eq. 3.
    """
    probability = (predicted_mm3 / LARGEST_MM3).reshape(-1, 1, 1, 1).requires_grad_()
    cases = torch.ones(len(predicted_mm3))
    loss, _ = foreground_loss(
        probability,
        torch.ones_like(probability, dtype=torch.bool),
        reported_mm3 * cases,
        LARGEST_MM3 * cases,
        tolerance=tolerance,
    )
    (gradient,) = torch.autograd.grad(loss.sum(), probability)
    return loss.detach(), gradient.flatten() / LARGEST_MM3 * 1000


def dead_zone(reported_mm3: float, tolerance: float) -> tuple[float, float]:
    """Find by bisection the smallest and the largest predicted volume that cost nothing.

    Raises:
        ValueError: As `volume_curve`.
    """

    def edge(free: float, costly: float) -> float:
        for _ in range(40):
            middle = (free + costly) / 2
            loss, _ = volume_curve(torch.tensor([middle]), reported_mm3, tolerance)
            free, costly = (free, middle) if loss.item() > 0 else (middle, costly)
        return free

    return edge(reported_mm3, 0.0), edge(reported_mm3, LARGEST_MM3)
