"""The Volume Loss: predicted tumor volume in an organ must agree with the report's (§2.1)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rsuper.errors import NonFiniteError
from rsuper.losses.checks import check_mask, sent

# Probabilities may pass 1 by so much: interpolation rounds.
_SLACK = 1e-6
# 1 - probability never falls below about this in the logarithm of Eq. 4: at most 13.1 per voxel.
_FLOOR = 2 * _SLACK


@dataclass(frozen=True, eq=False)
class VolumeTerms:
    """The parts of the Volume Loss, one value per case; the loss is `foreground + background`."""

    foreground: Float[Tensor, " b"]
    background: Float[Tensor, " b"]
    predicted_volume_mm3: Float[Tensor, " b"]


def volume_loss(
    tumor: Float[Tensor, "b x y z"],
    organ: Bool[Tensor, "b x y z"],
    reported_volume_mm3: Float[Tensor, " b"],
    voxel_volume_mm3: Float[Tensor, " b"],
    *,
    outside: Bool[Tensor, "b x y z"] | None = None,
    tolerance: float = 0.1,
    stabilizer_mm3: float = 500.0,
) -> Float[Tensor, " b"]:
    """Penalize disagreement between predicted and reported tumor volume in an organ.

    Loss and gradient of the volume part vanish while the predicted volume is within `tolerance` of the
    reported one. Eq. 3's free interval is not symmetric, whatever the prose says: for 1,000 mm3 and a
    tolerance of 0.1 it reaches from 900 to 1,108.7 mm3. A reported volume of zero asks for an empty
    prediction. An empty organ gives a constant with no gradient: leave such cases out. Computed in
    float32 (half precision overflows at 65,504 mm3), finite with finite gradient at probability 1.

    Args:
        tumor: Tumor probabilities in [0, 1].
        organ: The organ or segment that the report speaks about.
        reported_volume_mm3: Sum over the report's tumors in that organ, per case.
        voxel_volume_mm3: Volume of one voxel, per case.
        outside: Voxels certainly free of tumor, for the background term. None: everything outside `organ`,
            which is right only where no other organ in the patch may hold a tumor.
        tolerance: Relative error of the report that costs nothing.
        stabilizer_mm3: The paper's E: keeps the loss calm, and its minimum at 0, for small volumes.

    Returns:
        One value per case, at least 0: Eq. 3 plus Eq. 4.

    Raises:
        NonFiniteError: A probability is NaN or infinite; its `index` is the case's.
        ValueError: Shapes differ; a mask is not bool; a probability lies outside [0, 1]; a volume is
            negative or not finite; a voxel volume or the stabilizer is not positive; the tolerance is not
            between 0 and 1.

    Source: §2.1, Eqs. 1-5.
    """
    terms = volume_terms(
        tumor,
        organ,
        reported_volume_mm3,
        voxel_volume_mm3,
        outside=outside,
        tolerance=tolerance,
        stabilizer_mm3=stabilizer_mm3,
    )
    return terms.foreground + terms.background


def volume_terms(
    tumor: Float[Tensor, "b x y z"],
    organ: Bool[Tensor, "b x y z"],
    reported_volume_mm3: Float[Tensor, " b"],
    voxel_volume_mm3: Float[Tensor, " b"],
    *,
    outside: Bool[Tensor, "b x y z"] | None = None,
    tolerance: float = 0.1,
    stabilizer_mm3: float = 500.0,
) -> VolumeTerms:
    """Compute the parts of `volume_loss`, which documents arguments and errors.

    Returns:
        Eq. 3 as `foreground`, Eq. 4 as `background`, Eq. 1 as `predicted_volume_mm3`.

    Raises:
        ValueError: As `volume_loss`.

    Source: §2.1, Eqs. 1-4.
    """
    reported, voxel = torch.as_tensor(reported_volume_mm3), torch.as_tensor(voxel_volume_mm3)
    _check_foreground(tumor, organ, reported, voxel, tolerance, stabilizer_mm3)
    if outside is not None:
        check_mask("outside", outside, tumor.shape)
    foreground, predicted = _foreground(tumor, organ, reported, voxel, tolerance, stabilizer_mm3)
    return VolumeTerms(foreground, _background(tumor, ~organ if outside is None else outside), predicted)


def foreground_loss(
    tumor: Float[Tensor, "b x y z"],
    organ: Bool[Tensor, "b x y z"],
    reported_volume_mm3: Float[Tensor, " b"],
    voxel_volume_mm3: Float[Tensor, " b"],
    *,
    tolerance: float = 0.1,
    stabilizer_mm3: float = 500.0,
) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Compare predicted and reported volume in an organ; `volume_loss` documents arguments and errors.

    Returns:
        Eq. 3, and the predicted volume in mm3 (Eq. 1).

    Raises:
        ValueError: As `volume_loss`.

    Source: §2.1, Eqs. 1-3.
    """
    reported, voxel = torch.as_tensor(reported_volume_mm3), torch.as_tensor(voxel_volume_mm3)
    _check_foreground(tumor, organ, reported, voxel, tolerance, stabilizer_mm3)
    return _foreground(tumor, organ, reported, voxel, tolerance, stabilizer_mm3)


def background_loss(tumor: Float[Tensor, "b x y z"], outside: Bool[Tensor, "b x y z"]) -> Float[Tensor, " b"]:
    """Cross-entropy against "no tumor" at the voxels `outside`, averaged over all voxels of the patch.

    Computed in float32, finite with finite gradient at probability 1.

    Raises:
        NonFiniteError: A probability is NaN or infinite.
        ValueError: Shapes differ, a mask is not bool, or a probability lies outside [0, 1].

    Source: §2.1, Eq. 4.
    """
    _check_axes(tumor)
    check_mask("outside", outside, tumor.shape)
    _refuse_values(tumor, *_on_host(tumor.detach().flatten(1).aminmax(dim=1), tumor))
    return _background(tumor, outside)


def _foreground(
    tumor: Tensor,
    organ: Tensor,
    reported: Tensor,
    voxel: Tensor,
    tolerance: float,
    stabilizer_mm3: float,
) -> tuple[Tensor, Tensor]:
    tumor = tumor.float()
    reported = sent(reported, tumor)
    predicted = (tumor * organ).sum((1, 2, 3)) * sent(voxel, tumor)
    free = _disagreement((1 - tolerance) * reported, reported, stabilizer_mm3)
    foreground = (_disagreement(predicted, reported, stabilizer_mm3) - free).clamp_min(0.0)
    return foreground, predicted


def _background(tumor: Tensor, outside: Tensor) -> Tensor:
    # Scaling instead of clamping: a clamp would leave a voxel at probability 1 without any gradient.
    return -torch.log1p(-(1 - _FLOOR) * tumor.float() * outside).mean((1, 2, 3))


def _disagreement(predicted: Tensor, reported: Tensor, stabilizer_mm3: float) -> Tensor:
    """Eq. 2: 0 where the volumes agree, toward 1 where they differ by orders of magnitude."""
    return (predicted - reported).abs() / (predicted + reported + stabilizer_mm3)


def _check_axes(tumor: Tensor) -> None:
    if tumor.ndim != 4:
        raise ValueError(f"tumor must have axes b x y z, got shape {tuple(tumor.shape)}")


def _check_foreground(
    tumor: Tensor,
    organ: Tensor,
    reported: Tensor,
    voxel: Tensor,
    tolerance: float,
    stabilizer_mm3: float,
) -> None:
    """Check arguments; the values that may lie on a device come with one transfer."""
    _check_axes(tumor)
    check_mask("organ", organ, tumor.shape)
    for name, values in (("reported_volume_mm3", reported), ("voxel_volume_mm3", voxel)):
        if values.shape != tumor.shape[:1]:
            raise ValueError(f"{name} needs one value per case ({len(tumor)}), got {tuple(values.shape)}")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance must be between 0 and 1, got {tolerance}")
    if not stabilizer_mm3 > 0:
        raise ValueError(f"stabilizer_mm3 must be positive, got {stabilizer_mm3}")
    extremes = tumor.detach().flatten(1).aminmax(dim=1)  # NaN where there is one
    lowest, highest, reported_mm3, voxel_mm3 = _on_host((*extremes, reported, voxel), tumor)
    _refuse_values(tumor, lowest, highest)
    if not all(0 <= volume < math.inf for volume in reported_mm3):
        raise ValueError(f"reported_volume_mm3 must be finite and at least 0, got {reported_mm3}")
    if not all(0 < volume < math.inf for volume in voxel_mm3):
        raise ValueError(f"voxel_volume_mm3 must be finite and positive, got {voxel_mm3}")


def _on_host(rows: Sequence[Tensor], tumor: Tensor) -> list[list[float]]:
    """Bring values per case to the CPU: those of a device by one transfer, those of the host by none.

    Autocast would refuse to join their types.
    """
    away = [row for row in rows if row.device == tumor.device]
    joined = torch.empty(len(away), len(tumor), dtype=torch.float64, device=tumor.device)
    for own, row in zip(joined, away, strict=True):
        own.copy_(row)
    brought: list[list[float]] = joined.tolist()
    values = iter(brought)
    return [next(values) if row.device == tumor.device else row.double().tolist() for row in rows]


def _refuse_values(tumor: Tensor, lowest: list[float], highest: list[float]) -> None:
    for index, (low, high) in enumerate(zip(lowest, highest, strict=True)):
        if not (math.isfinite(low) and math.isfinite(high)):
            raise NonFiniteError("tumor", index)
        if low < -_SLACK or high > 1 + _SLACK:
            raise ValueError(
                f"tumor must hold probabilities in [0, 1] (logits need a sigmoid), got {low:g} to {high:g} "
                f"in batch entry {index} of {len(tumor)}"
            )
