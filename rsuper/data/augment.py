"""What the training device does to a patch, drawn from the seed, the step and the patch's row alone.

The list is the official code's: a share of patches is rotated and sheared, and each change of the intensities
is made to a share. Lengths and volumes that a report states must stay true. So CT-Report patches are rotated
and never sheared, and by so much alone that what is supervised stays in the patch.
"""

from collections.abc import Sequence

import numpy as np

from rsuper.changes import Change, Matrix, stays_inside, turn_of
from rsuper.config.experiment import DeviceAugment
from rsuper.data.store import Box
from rsuper.data.volumes import Shape, Spacing

DEVICE_STREAM = 20
_TRIES = 4  # each with half the angles of the one before


def drawn_change(
    settings: DeviceAugment,
    rng: np.random.Generator,
    size: Shape,
    spacing_mm: Spacing,
    *,
    kept: Sequence[Box] | None = None,
) -> Change:
    """Draw what happens to a patch.

    Args:
        settings: shares and ranges.
        rng: how often it is drawn from depends on the outcome; a patch needs a generator of its own.
        size: of the patch, in voxels.
        spacing_mm: of its voxels.
        kept: boxes, in voxels of the patch, that must lie in it afterwards: it is turned and not sheared.
            None: nothing need be kept.
    """
    turn = _drawn_turn(settings, rng, size, spacing_mm, kept)

    def wanted() -> bool:
        return bool(rng.random() < settings.share)

    return Change(
        turn=turn,
        gain=rng.uniform(*settings.gain) if wanted() else 1.0,
        offset=settings.offset * rng.standard_normal() if wanted() else 0.0,
        gamma=rng.uniform(*settings.gamma) if wanted() else 1.0,
        contrast=rng.uniform(*settings.contrast) if wanted() else 1.0,
        blur_voxels=rng.uniform(*settings.blur_voxels) if wanted() else 0.0,
        noise=settings.noise * rng.random() if wanted() else 0.0,
        noise_seed=int(rng.integers(2**31)),
    )


def _drawn_turn(
    settings: DeviceAugment,
    rng: np.random.Generator,
    size: Shape,
    spacing_mm: Spacing,
    kept: Sequence[Box] | None,
) -> Matrix | None:
    if rng.random() >= settings.turned_share:
        return None
    angles = np.deg2rad(settings.rotation_deg) * rng.uniform(-1, 1, 3)
    shear = settings.shear * rng.uniform(-1, 1, 3) if kept is None else np.zeros(3)
    for halvings in range(_TRIES):
        turn = turn_of((angles / 2**halvings).tolist(), shear.tolist(), spacing_mm)
        if all(stays_inside(box, turn, size) for box in kept or ()):
            return turn
    return None
