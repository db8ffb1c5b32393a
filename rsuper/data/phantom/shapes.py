"""Voxel grid, soft shapes and smooth random fields that the digital abdomen is drawn with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32

Box = tuple[slice, slice, slice]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Grid:
    """Voxels with the world's origin in their middle, RAS+."""

    shape: tuple[int, int, int]
    spacing_mm: Point

    @property
    def affine(self) -> Float[np.ndarray, "4 4"]:
        """Voxel index to RAS+ millimeters."""
        affine = np.diag([*self.spacing_mm, 1.0])
        affine[:3, 3] = [-(n - 1) / 2 * s for n, s in zip(self.shape, self.spacing_mm, strict=True)]
        return affine

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel."""
        return float(np.prod(self.spacing_mm))

    def axes(self, box: Box | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give the coordinates in mm along x, y and z, shaped to broadcast over `box` (default: all)."""
        x, y, z = _axes(self.shape, self.spacing_mm)
        if box is None:
            return x, y, z
        return x[box[0]], y[:, box[1]], z[:, :, box[2]]

    def box(self, low_mm: Sequence[float], high_mm: Sequence[float]) -> Box:
        """Give the voxels with centers between two corners, cut at the border; it may be empty."""
        sides = []
        for low, high, n, s in zip(low_mm, high_mm, self.shape, self.spacing_mm, strict=True):
            first = int(np.ceil(low / s + (n - 1) / 2))
            last = int(np.floor(high / s + (n - 1) / 2))
            start = min(max(first, 0), n)
            sides.append(slice(start, max(min(last + 1, n), start)))
        return (sides[0], sides[1], sides[2])


@lru_cache(maxsize=8)
def _axes(shape: tuple[int, int, int], spacing_mm: Point) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lines = [
        ((np.arange(n) - (n - 1) / 2) * s).astype(np.float32) for n, s in zip(shape, spacing_mm, strict=True)
    ]
    return lines[0][:, None, None], lines[1][None, :, None], lines[2][None, None, :]


@dataclass(frozen=True)
class Blob:
    """Signed distance to a surface, negative inside, known in a box only; outside the box it is far."""

    box: Box
    distance_mm: Float32[np.ndarray, "x y z"]


@dataclass(frozen=True)
class Ellipsoid:
    """Ellipsoid turned about the z axis, so that its axial and craniocaudal diameters are its own axes."""

    center_mm: Point
    semi_axes_mm: Point
    angle_rad: float = 0.0

    def blob(self, grid: Grid, margin_mm: float = 8.0) -> Blob:
        """Measure the distance to the surface, within `margin_mm` of it.

        The distance is the first-order one: exact on the surface and for a ball.
        """
        box = self._box(grid, margin_mm)
        x, y, z = (axis - np.float32(c) for axis, c in zip(grid.axes(box), self.center_mm, strict=True))
        cos, sin = np.float32(np.cos(self.angle_rad)), np.float32(np.sin(self.angle_rad))
        a, b, c = (np.float32(side) for side in self.semi_axes_mm)
        u, v, w = (x * cos + y * sin) / a, (y * cos - x * sin) / b, z / c
        u2, v2, w2 = u * u, v * v, w * w
        radius = np.sqrt(u2 + v2 + w2)
        slope = np.sqrt(u2 / (a * a) + v2 / (b * b) + w2 / (c * c))
        distance = radius * (radius - 1) / np.maximum(slope, np.float32(1e-6))
        # At the very center radius and slope vanish together; the distance is minus the shortest axis.
        return Blob(box, np.where(radius < 1e-3, -min(a, b, c), distance).astype(np.float32))

    @property
    def reach_mm(self) -> Point:
        """Half of the extent along x, y and z."""
        a, b, c = self.semi_axes_mm
        cos, sin = np.cos(self.angle_rad), np.sin(self.angle_rad)
        return float(np.hypot(a * cos, b * sin)), float(np.hypot(a * sin, b * cos)), c

    def _box(self, grid: Grid, margin_mm: float) -> Box:
        low = [p - r - margin_mm for p, r in zip(self.center_mm, self.reach_mm, strict=True)]
        high = [p + r + margin_mm for p, r in zip(self.center_mm, self.reach_mm, strict=True)]
        return grid.box(low, high)


def tube(
    grid: Grid, points_mm: Float32[np.ndarray, "n 3"], radii_mm: Float32[np.ndarray, " n"], margin_mm: float
) -> Blob:
    """Measure the distance to a chain of balls, close enough to each other to make a tube."""
    reach = radii_mm[:, None] + margin_mm
    box = grid.box((points_mm - reach).min(0).tolist(), (points_mm + reach).max(0).tolist())
    x, y, z = grid.axes(box)
    distance = np.full(np.broadcast_shapes(x.shape, y.shape, z.shape), np.float32(1e6))
    for point, radius in zip(points_mm, radii_mm, strict=True):
        squared = ((x - point[0]) ** 2 + (y - point[1]) ** 2) + (z - point[2]) ** 2
        np.minimum(distance, np.sqrt(squared) - radius, out=distance)
    return Blob(box, distance)


@dataclass(frozen=True)
class Layer:
    """One coat of paint: what, where, and how much of each voxel it covers.

    `shift_hu` is added to the tissue's own HU: a number, or one value per voxel of the box; the sum does not
    fall below `least_hu`.
    """

    tissue: str
    box: Box
    occupancy: Float32[np.ndarray, "x y z"]
    shift_hu: float | Float32[np.ndarray, "x y z"] = 0.0
    least_hu: float = -math.inf


def paint(
    tissue: str,
    blob: Blob,
    edge_mm: float,
    shift_hu: float | np.ndarray = 0.0,
    least_hu: float = -math.inf,
) -> Layer:
    """Turn a distance into a layer whose edge fades over `edge_mm`: partial volume at the surface."""
    occupancy = np.clip(0.5 - blob.distance_mm / np.float32(edge_mm), 0, 1)
    return Layer(tissue, blob.box, occupancy, shift_hu, least_hu)


def smooth_field(
    rng: np.random.Generator, shape: tuple[int, int, int], spacing_mm: Point, correlation_mm: float
) -> Float32[np.ndarray, "x y z"]:
    """Draw a smooth Gaussian field with mean 0 and standard deviation 1 in every voxel.

    Cubic splines through random knots `correlation_mm` apart, each voxel's weights scaled to norm 1.
    """
    weights = [_spline_weights(n, s / correlation_mm) for n, s in zip(shape, spacing_mm, strict=True)]
    field = rng.standard_normal([w.shape[1] for w in weights], dtype=np.float32)
    field = np.tensordot(weights[0], field, axes=(1, 0))
    field = np.tensordot(field, weights[1], axes=(1, 1))  # x, knots of z, y
    return np.ascontiguousarray(np.tensordot(field, weights[2], axes=(1, 1)))


@lru_cache(maxsize=256)
def _spline_weights(n: int, step: float) -> Float32[np.ndarray, "voxels knots"]:
    position = np.arange(n) * step
    knots = np.arange(-1, int(np.ceil(position[-1])) + 3)
    t = np.abs(position[:, None] - knots[None, :])
    inner, outer = 2 / 3 - t**2 + t**3 / 2, (2 - t) ** 3 / 6
    weights = np.where(t < 1, inner, np.where(t < 2, outer, 0.0))
    return (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)
