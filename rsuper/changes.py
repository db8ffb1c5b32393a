"""Changes of training patches on the device that trains: turned, and other intensities.

A `Change` is plain numbers, drawn on the host (`rsuper.data.augment`). The device makes it to the CT and to
all labels of a patch alike, and is never waited for. Needs torch and numpy alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

Triple = tuple[int, int, int]
Box = tuple[Triple, Triple]  # first voxel, and the one past the last
Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class Change:
    """What happens to one patch.

    Attributes:
        turn: voxel coordinates from the patch's center: a voxel of the new patch -> where in the old it is
            read; None: every voxel stays where it is.
        gain, offset: of the normalized intensities.
        gamma, contrast: of the intensities between the patch's lowest and highest, and about its mean.
        blur_voxels: standard deviation of a Gaussian; 0: none.
        noise: standard deviation of white noise; 0: none.
        noise_seed: of the device's generator that draws it.
    """

    turn: Matrix | None = None
    gain: float = 1.0
    offset: float = 0.0
    gamma: float = 1.0
    contrast: float = 1.0
    blur_voxels: float = 0.0
    noise: float = 0.0
    noise_seed: int = 0


def turn_of(
    angles: Sequence[float], shear: Sequence[float], spacing_mm: tuple[float, float, float]
) -> Matrix:
    """Return the turn by angles (radians, about x, then y, then z) after a shear, both in mm."""
    matrix = np.eye(3)
    matrix[0, 1], matrix[0, 2], matrix[1, 2] = shear
    for axis, angle in enumerate(angles):
        rotation = np.eye(3)
        plane = [each for each in range(3) if each != axis]
        cosine, sine = math.cos(angle), math.sin(angle)
        rotation[np.ix_(plane, plane)] = [[cosine, -sine], [sine, cosine]]
        matrix = rotation @ matrix
    spacing = np.asarray(spacing_mm)
    x, y, z = (matrix * spacing / spacing[:, None]).tolist()
    return tuple(x), tuple(y), tuple(z)


def _corners_after(box: Box, turn: Matrix, size: Triple, reach: float) -> Float[np.ndarray, "corners 3"]:
    """Where a box's corners, `reach` voxels beyond its outermost voxels' centers, lie in the turned patch."""
    center = (np.asarray(size) - 1) / 2
    low, high = np.asarray(box[0]) - reach, np.asarray(box[1]) - 1 + reach
    corners = np.array(list(product(*zip(low, high, strict=True)))) - center
    after: Float[np.ndarray, "corners 3"] = np.linalg.solve(np.asarray(turn), corners.T).T + center
    return after


def stays_inside(box: Box, turn: Matrix, size: Triple) -> bool:
    """Whether all voxels of a box have their centers in the patch after it is turned."""
    after = _corners_after(box, turn, size, reach=0.0)
    return bool((after >= 0).all() and (after <= np.asarray(size) - 1).all())


def box_after(box: Box, turn: Matrix, size: Triple) -> Box:
    """Return a box that holds whatever the turn makes of a box's voxels, cut to the patch."""
    after = _corners_after(box, turn, size, reach=0.5)
    low = np.clip(np.floor(after.min(axis=0)), 0, size).astype(int)
    high = np.clip(np.ceil(after.max(axis=0)) + 1, low, size).astype(int)
    return (int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2]))


def voxels_before(voxels: Int[np.ndarray, "n 3"], turn: Matrix, size: Triple) -> Int[np.ndarray, "n 3"]:
    """Return where voxels (n x 3) of a turned patch were read: the nearest voxel, inside the patch or not."""
    center = (np.asarray(size) - 1) / 2
    before: Int[np.ndarray, "n 3"] = np.rint((voxels - center) @ np.asarray(turn).T + center).astype(int)
    return before


def changed_images(
    image: Float[Tensor, "b i x y z"], changes: Sequence[Change]
) -> Float[Tensor, "b i x y z"]:
    """Turn patches and change their CT, the first channel; the others are masks."""
    rows = []
    for row, change in zip(image, changes, strict=True):
        ct, masks = row[:1], row[1:]
        if change.turn is not None:
            grid = _grid(change.turn, row)
            ct = _sampled(ct, grid, "bilinear", "border")
            masks = _sampled(masks, grid, "nearest", "zeros") if len(masks) else masks
        rows.append(torch.cat([_other_intensities(ct, change), masks]))
    return torch.stack(rows)


def turned_masks(masks: Bool[Tensor, "b c x y z"], changes: Sequence[Change]) -> Bool[Tensor, "b c x y z"]:
    """Turn masks as the CT; what comes from outside the patch is False."""
    return torch.stack([turned_mask(row, change.turn) for row, change in zip(masks, changes, strict=True)])


def turned_mask(mask: Bool[Tensor, "c x y z"], turn: Matrix | None) -> Bool[Tensor, "c x y z"]:
    """Turn masks of one patch; each voxel has the value of the nearest."""
    if turn is None:
        return mask
    return _sampled(mask.float(), _grid(turn, mask), "nearest", "zeros") > 0.5


def _grid(turn: Matrix, patch: Tensor) -> Tensor:
    """Where `grid_sample` reads each voxel: its axes run the other way, and -1 and 1 are the borders."""
    size = np.asarray(patch.shape[1:])
    matrix = np.asarray(turn) / size[:, None] * size
    theta = torch.zeros(1, 3, 4)
    theta[0, :, :3] = torch.from_numpy(matrix[::-1, ::-1].copy())
    moved = theta.to(patch.device, non_blocking=True)
    return F.affine_grid(moved, [1, 1, *patch.shape[1:]], align_corners=False)


def _sampled(
    patch: Float[Tensor, "c x y z"], grid: Tensor, mode: str, padding: str
) -> Float[Tensor, "c x y z"]:
    return F.grid_sample(patch[None], grid, mode=mode, padding_mode=padding, align_corners=False)[0]


def _other_intensities(ct: Float[Tensor, "1 x y z"], change: Change) -> Float[Tensor, "1 x y z"]:
    if change.gain != 1 or change.offset != 0:
        ct = ct * change.gain + change.offset
    if change.gamma != 1:
        low, span = ct.min(), (ct.max() - ct.min()).clamp_min(1e-6)
        ct = ((ct - low) / span).clamp(0, 1) ** change.gamma * span + low
    if change.contrast != 1:
        mean = ct.mean()
        ct = torch.clamp((ct - mean) * change.contrast + mean, ct.min(), ct.max())
    if change.blur_voxels > 0:
        ct = _blurred(ct, change.blur_voxels)
    if change.noise > 0:
        generator = torch.Generator(ct.device).manual_seed(change.noise_seed)
        ct = ct + change.noise * torch.randn(ct.shape, generator=generator, device=ct.device)
    return ct


def _blurred(ct: Float[Tensor, "1 x y z"], deviation: float) -> Float[Tensor, "1 x y z"]:
    reach = math.ceil(3 * deviation)
    weights = [math.exp(-((n / deviation) ** 2) / 2) for n in range(-reach, reach + 1)]
    kernel = torch.tensor(weights).to(ct.device, non_blocking=True) / sum(weights)
    blurred = ct[None]
    for axis in range(3):
        shape, pad = [1, 1, 1, 1, 1], [0] * 6
        shape[2 + axis] = len(weights)
        pad[2 * (2 - axis)] = pad[2 * (2 - axis) + 1] = reach
        blurred = F.conv3d(F.pad(blurred, pad, mode="replicate"), kernel.view(shape))
    return blurred[0]
