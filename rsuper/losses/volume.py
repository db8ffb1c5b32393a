"""The Volume Loss: predicted tumor volume in an organ must agree with the report's (§2.1)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

# 1 - probability never falls below this in the logarithm of Eq. 4: the largest value per voxel is 15.9.
_FLOOR = torch.finfo(torch.float32).eps


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
        ValueError: Shapes differ; a volume is negative or not finite; a voxel volume or the stabilizer is
            not positive; the tolerance is not between 0 and 1.

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
    outside = ~organ if outside is None else outside
    _check_shapes(tumor, organ, outside, reported_volume_mm3, voxel_volume_mm3)
    _check_values(reported_volume_mm3, voxel_volume_mm3, tolerance, stabilizer_mm3)
    tumor = tumor.float()
    reported = reported_volume_mm3.to(tumor)
    predicted = (tumor * organ).sum((1, 2, 3)) * voxel_volume_mm3.to(tumor)
    free = _disagreement((1 - tolerance) * reported, reported, stabilizer_mm3)
    foreground = (_disagreement(predicted, reported, stabilizer_mm3) - free).clamp_min(0.0)
    # Scaling instead of clamping: a clamp would leave a voxel at probability 1 without any gradient.
    background = -torch.log1p(-(1 - _FLOOR) * tumor * outside).mean((1, 2, 3))
    return VolumeTerms(foreground, background, predicted)


def _disagreement(predicted: Tensor, reported: Tensor, stabilizer_mm3: float) -> Tensor:
    """Eq. 2: 0 where the volumes agree, toward 1 where they differ by orders of magnitude."""
    return (predicted - reported).abs() / (predicted + reported + stabilizer_mm3)


def _check_shapes(tumor: Tensor, organ: Tensor, outside: Tensor, reported: Tensor, voxel: Tensor) -> None:
    if tumor.ndim != 4:
        raise ValueError(f"tumor must have axes b x y z, got shape {tuple(tumor.shape)}")
    for name, mask in (("organ", organ), ("outside", outside)):
        if mask.shape != tumor.shape:
            raise ValueError(f"{name} must have tumor's shape {tuple(tumor.shape)}, got {tuple(mask.shape)}")
    for name, values in (("reported_volume_mm3", reported), ("voxel_volume_mm3", voxel)):
        if values.shape != tumor.shape[:1]:
            raise ValueError(f"{name} needs one value per case ({len(tumor)}), got {tuple(values.shape)}")


def _check_values(reported: Tensor, voxel: Tensor, tolerance: float, stabilizer_mm3: float) -> None:
    if not bool(((reported >= 0) & torch.isfinite(reported)).all()):
        raise ValueError(f"reported_volume_mm3 must be finite and at least 0, got {reported.tolist()}")
    if not bool(((voxel > 0) & torch.isfinite(voxel)).all()):
        raise ValueError(f"voxel_volume_mm3 must be finite and positive, got {voxel.tolist()}")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance must be between 0 and 1, got {tolerance}")
    if not stabilizer_mm3 > 0:
        raise ValueError(f"stabilizer_mm3 must be positive, got {stabilizer_mm3}")
