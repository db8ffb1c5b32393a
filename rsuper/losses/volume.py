"""The Volume Loss: predicted tumor volume in an organ must agree with the report's (§2.1)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rsuper.errors import NonFiniteError
from rsuper.losses.finite import check_finite, finite_entries

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
        NonFiniteError: A probability is NaN or infinite; its `index` is the case's.
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
    foreground, predicted = foreground_loss(
        tumor,
        organ,
        reported_volume_mm3,
        voxel_volume_mm3,
        tolerance=tolerance,
        stabilizer_mm3=stabilizer_mm3,
    )
    return VolumeTerms(foreground, background_loss(tumor, outside), predicted)


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
    _check_shapes(tumor, organ, reported_volume_mm3, voxel_volume_mm3)
    _check_constants(tolerance, stabilizer_mm3)
    tumor = tumor.float()
    reported, voxel = reported_volume_mm3.to(tumor), voxel_volume_mm3.to(tumor)
    _check_values(tumor, reported, voxel)
    predicted = (tumor * organ).sum((1, 2, 3)) * voxel
    free = _disagreement((1 - tolerance) * reported, reported, stabilizer_mm3)
    foreground = (_disagreement(predicted, reported, stabilizer_mm3) - free).clamp_min(0.0)
    return foreground, predicted


def background_loss(tumor: Float[Tensor, "b x y z"], outside: Bool[Tensor, "b x y z"]) -> Float[Tensor, " b"]:
    """Cross-entropy against "no tumor" at the voxels `outside`, averaged over all voxels of the patch.

    Computed in float32, finite with finite gradient at probability 1.

    Raises:
        NonFiniteError: A probability is NaN or infinite.
        ValueError: Shapes differ.

    Source: §2.1, Eq. 4.
    """
    if tumor.ndim != 4 or outside.shape != tumor.shape:
        shapes = tuple(tumor.shape), tuple(outside.shape)
        raise ValueError(f"tumor and outside need one shape (b x y z), got {shapes}")
    check_finite("tumor", tumor)
    # Scaling instead of clamping: a clamp would leave a voxel at probability 1 without any gradient.
    return -torch.log1p(-(1 - _FLOOR) * tumor.float() * outside).mean((1, 2, 3))


def _disagreement(predicted: Tensor, reported: Tensor, stabilizer_mm3: float) -> Tensor:
    """Eq. 2: 0 where the volumes agree, toward 1 where they differ by orders of magnitude."""
    return (predicted - reported).abs() / (predicted + reported + stabilizer_mm3)


def _check_shapes(tumor: Tensor, organ: Tensor, reported: Tensor, voxel: Tensor) -> None:
    if tumor.ndim != 4:
        raise ValueError(f"tumor must have axes b x y z, got shape {tuple(tumor.shape)}")
    if organ.shape != tumor.shape:
        raise ValueError(f"organ must have tumor's shape {tuple(tumor.shape)}, got {tuple(organ.shape)}")
    for name, values in (("reported_volume_mm3", reported), ("voxel_volume_mm3", voxel)):
        if values.shape != tumor.shape[:1]:
            raise ValueError(f"{name} needs one value per case ({len(tumor)}), got {tuple(values.shape)}")


def _check_constants(tolerance: float, stabilizer_mm3: float) -> None:
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance must be between 0 and 1, got {tolerance}")
    if not stabilizer_mm3 > 0:
        raise ValueError(f"stabilizer_mm3 must be positive, got {stabilizer_mm3}")


def _check_values(tumor: Tensor, reported: Tensor, voxel: Tensor) -> None:
    """Check all values with one transfer from the device."""
    usable = (reported >= 0) & torch.isfinite(reported), (voxel > 0) & torch.isfinite(voxel)
    flags = torch.stack([finite_entries(tumor), *usable]).tolist()
    if not all(flags[0]):
        raise NonFiniteError("tumor", flags[0].index(False))
    if not all(flags[1]):
        raise ValueError(f"reported_volume_mm3 must be finite and at least 0, got {reported.tolist()}")
    if not all(flags[2]):
        raise ValueError(f"voxel_volume_mm3 must be finite and positive, got {voxel.tolist()}")
