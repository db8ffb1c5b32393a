"""Distance from each marked voxel of a grid to the nearest marked one of another mask on that grid.

Two surfaces worth comparing are mostly a few voxels apart. So the voxels around each one are looked up
first, nearest first, for all that have found nothing yet; a look-up costs a hundredth of a query to a tree.
Only the rest asks a tree. Both ways are exact.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

# A distance of exactly a tolerance counts as within it; three voxels of 0.8 mm are 2.4000000000000004 mm in
# floating point, so that much is forgiven.
ROUNDING_MM = 1e-9
# So many look-ups cost as much as building a tree and asking it, on surfaces of 10,000 voxels or more ...
MOST_STEPS = 800
# ... and on smaller ones in proportion, down to these.
FEWEST_STEPS, VOXELS_PER_STEP = 64, 40


@dataclass(frozen=True)
class Surroundings:
    """The steps to all voxels within `reach_mm` of a voxel, itself included, nearest first."""

    spacing_mm: tuple[float, float, float]
    reach_mm: float
    steps: Int[np.ndarray, "k 3"]
    distances_mm: Float[np.ndarray, " k"]

    @property
    def margin(self) -> tuple[int, int, int]:
        """How many voxels the farthest step goes along each axis."""
        x, y, z = np.abs(self.steps).max(axis=0)
        return int(x), int(y), int(z)


@dataclass(frozen=True)
class Marked:
    """Marked voxels of a grid laid out as one line: a map of them, and their places in ascending order."""

    shape: tuple[int, int, int]
    line: Bool[np.ndarray, " n"]
    places: Int[np.ndarray, " m"]


def surroundings(
    spacing_mm: tuple[float, float, float], size: tuple[int, int, int], cap_mm: float
) -> Surroundings:
    """List the steps worth looking up: up to the cap, but no more than the size of a box suggests."""
    x, y, z = size
    faces = 2 * (x * y + y * z + x * z)
    count = min(MOST_STEPS, max(FEWEST_STEPS, faces // VOXELS_PER_STEP))
    reach_mm = min(cap_mm, float(np.cbrt(count * math.prod(spacing_mm) * 3 / (4 * math.pi)))) + ROUNDING_MM
    ticks = [np.arange(-int(reach_mm / step), int(reach_mm / step) + 1) for step in spacing_mm]
    steps = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    distances_mm = np.sqrt(np.square(steps * np.array(spacing_mm)).sum(axis=1))
    order = np.argsort(distances_mm, kind="stable")[: int((distances_mm <= reach_mm).sum())]
    return Surroundings(spacing_mm, reach_mm, steps[order], distances_mm[order])


def nearest_mm(
    own: Marked, other: Marked, around: Surroundings, cap_mm: float = math.inf
) -> Float[np.ndarray, " m"]:
    """Measure how far each marked voxel is from the nearest marked one of the other mask.

    Infinite above the cap, and where the other mask has none. Both masks must be laid out on one grid, with
    unmarked margins so wide that no step from a marked voxel runs over the end of an axis into the next row.
    """
    found_mm = np.full(own.places.size, math.inf)
    if not (own.places.size and other.places.size):
        return found_mm
    strides = (own.shape[1] * own.shape[2], own.shape[2], 1)
    jumps = around.steps @ np.array(strides)
    starts = np.flatnonzero(np.diff(around.distances_mm, prepend=-1.0))
    left, places = np.arange(own.places.size), own.places
    for shell, distance_mm in zip(
        np.split(jumps, starts[1:]), around.distances_mm[starts].tolist(), strict=True
    ):
        hit = other.line[places + shell[0]]
        for jump in shell[1:]:
            hit |= other.line[places + jump]
        if hit.any():
            found_mm[left[hit]] = distance_mm
            left, places = left[~hit], places[~hit]
            if left.size == 0:
                return found_mm
    if cap_mm > around.reach_mm:
        found_mm[left] = _by_tree(own, places, other, around.spacing_mm, cap_mm)
    return found_mm


def _by_tree(
    own: Marked,
    places: Int[np.ndarray, " n"],
    other: Marked,
    spacing_mm: tuple[float, float, float],
    cap_mm: float,
) -> Float[np.ndarray, " n"]:
    points, others = (
        np.stack(np.unravel_index(each, own.shape), axis=1) * np.array(spacing_mm)
        for each in (places, other.places)
    )
    tree = cKDTree(others, balanced_tree=False, compact_nodes=False)
    # The tree's bound is exclusive, the cap is not.
    distances_mm, _ = tree.query(points, distance_upper_bound=cap_mm + 2 * ROUNDING_MM)
    return np.asarray(distances_mm, dtype=np.float64)
