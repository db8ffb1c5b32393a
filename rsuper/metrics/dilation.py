"""Growing a mask by a distance in millimeters: exactly, and by bits instead of distances."""

import math

import numpy as np
from jaxtyping import Bool, Int, UInt8

Spacing = tuple[float, float, float]
Reach = tuple[int, int, int]
# Distances that differ by less are equal: room for the rounding of voxel sizes.
ROUNDING_MM = 1e-9


def reach_voxels(spacing_mm: Spacing, margin_mm: float) -> Reach:
    """Count the voxels along each axis that a margin may reach, rounded up."""
    x, y, z = (max(math.ceil(margin_mm / spacing), 0) for spacing in spacing_mm)
    return x, y, z


def dilated(
    mask: Bool[np.ndarray, "x y z"], spacing_mm: Spacing, margin_mm: float
) -> Bool[np.ndarray, "u v w"]:
    """Mark all voxel centers within a Euclidean distance of a center in the mask.

    A ball is a stack of runs along the last axis. So the mask is widened along that axis once per length of
    run, packed into bits, and then only shifted by whole rows and planes: some hundred ORs of an eighth of
    the voxels, where a distance transform computes a distance for each. Best on a contiguous mask that fills
    its array.

    Returns:
        The mask grown, in an array that is larger by `reach_voxels` on every side.
    """
    reach = reach_voxels(spacing_mm, margin_mm)
    halves = _half_runs(spacing_mm, margin_mm, reach)
    x, y, z = (n + 2 * r for n, r in zip(mask.shape, reach, strict=True))
    row = -(-z // 8)
    laid = np.zeros((x, y, 8 * row), dtype=bool)
    laid[tuple(slice(r, r + n) for r, n in zip(reach, mask.shape, strict=True))] = mask
    # The margins keep whatever is shifted below inside its row and plane: all arrays are single lines.
    widened = _widened(laid.reshape(-1), reach[2])
    grown = np.zeros_like(widened[0])
    for i, lengths in enumerate(halves):
        plane = np.zeros_like(grown)
        for j, half in enumerate(lengths):
            if half >= 0:
                _add(plane, widened[half], j * row)
        _add(grown, plane, i * y * row)
    return np.unpackbits(grown).view(bool).reshape(x, y, 8 * row)[:, :, :z]


def _half_runs(spacing_mm: Spacing, margin_mm: float, reach: Reach) -> Int[np.ndarray, "i j"]:
    """How far the ball reaches along the last axis, so many voxels off along the others; -1: not at all."""
    x, y, z = (np.arange(r + 1) * spacing for r, spacing in zip(reach, spacing_mm, strict=True))
    distances_mm = np.sqrt((x**2)[:, None, None] + (y**2)[:, None] + z**2)
    return np.count_nonzero(distances_mm <= margin_mm + ROUNDING_MM, axis=2) - 1


def _widened(line: Bool[np.ndarray, " n"], reach: int) -> list[UInt8[np.ndarray, " m"]]:
    """Spread a mask by 0, 1, 2, ... voxels in both directions, each packed into bits."""
    spread = line.copy()
    packed = [np.packbits(spread)]
    for step in range(1, reach + 1):
        _add(spread, line, step)
        packed.append(np.packbits(spread))
    return packed


def _add(
    line: Bool[np.ndarray, " n"] | UInt8[np.ndarray, " n"],
    other: Bool[np.ndarray, " n"] | UInt8[np.ndarray, " n"],
    step: int,
) -> None:
    """Add another line, shifted by a step in both directions."""
    line[step:] |= other[: line.size - step]
    if step:
        line[:-step] |= other[step:]
