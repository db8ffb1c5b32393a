"""Tumor size: strata by largest diameter, and the diameters of a mask.

Lengths are edge to edge: between the corners of the outermost voxels, as a caliper spans a tumor.
"""

import math
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import find_objects, label
from scipy.spatial.distance import pdist

from rsuper.metrics.boxes import bounding_box

Stratum = Literal["small", "large", "unknown"]
STRATA: tuple[Stratum, ...] = get_args(Stratum)

# Source: Table 3. A tumor of exactly 2 cm is small.
SMALL_TUMOR_MAX_MM = 20.0


def stratum(largest_diameter_mm: float | None) -> Stratum:
    """Sort a case by its largest tumor diameter; no diameter (None, or NaN from a table) is `unknown`.

    Raises:
        ValueError: the diameter is not positive and finite.

    Source: Table 3.
    """
    if largest_diameter_mm is None or math.isnan(largest_diameter_mm):
        return "unknown"
    if not 0 < largest_diameter_mm < math.inf:
        raise ValueError(f"largest_diameter_mm must be positive and finite, got {largest_diameter_mm}")
    return "small" if largest_diameter_mm <= SMALL_TUMOR_MAX_MM else "large"


def longest_axial_diameter_mm(
    mask: Bool[np.ndarray, "x y z"], spacing_mm: tuple[float, float, float]
) -> float | None:
    """Measure the longest in-plane diameter of any axial slice of the largest 26-connected component.

    Edge to edge: between the farthest corners of the outermost pixels, so one pixel has its diagonal as
    diameter. Between centers every tumor would read about one pixel shorter. Of components of equal size the
    first in array order counts. An empty mask has no diameter: None.

    Raises:
        ValueError: a spacing is not positive.
    """
    _check_spacing(spacing_mm)
    component = _largest_component(mask)
    return None if component is None else _longest_axial(component, spacing_mm)[0]


def tumor_diameters_mm(
    mask: Bool[np.ndarray, "x y z"], spacing_mm: tuple[float, float, float]
) -> tuple[float, float, float] | None:
    """Measure the three diameters that a report may state, of the largest 26-connected component.

    Longest axial diameter as `longest_axial_diameter_mm`; in the same slice the longest chord perpendicular
    to it, from outer border to outer border (a hole or notch between them counts as tumor); and the
    cranio-caudal extent, number of slices times their distance. The second is a chord as calipers are put,
    not the width between two parallel tangents, which on real tumors is 5 % longer (median). Of equally long
    axial diameters one is taken. An empty mask has no diameters: None.

    Returns:
        Longest axial, perpendicular, cranio-caudal; any of them may be the largest.

    Raises:
        ValueError: a spacing is not positive.
    """
    _check_spacing(spacing_mm)
    component = _largest_component(mask)
    if component is None:
        return None
    longest, direction, k = _longest_axial(component, spacing_mm)
    perpendicular = _longest_chord(component[:, :, k], spacing_mm[:2], direction)
    return longest, perpendicular, component.shape[2] * spacing_mm[2]


def _check_spacing(spacing_mm: tuple[float, float, float]) -> None:
    if not all(math.isfinite(s) and s > 0 for s in spacing_mm):
        raise ValueError(f"spacing_mm must be three positive numbers, got {spacing_mm}")


def _longest_axial(
    component: Bool[np.ndarray, "u v w"], spacing_mm: tuple[float, float, float]
) -> tuple[float, Float[np.ndarray, " 2"], int]:
    """Length and unit direction of the longest axial diameter of a mask that is not empty, and its slice."""
    slices = [k for k in range(component.shape[2]) if component[:, :, k].any()]
    outlines = [_outline(component[:, :, k]) * np.array(spacing_mm[:2]) for k in slices]
    # No diameter exceeds the diagonal of the slice's bounding box: once a slice beats the next box, stop.
    bounds = [float(np.linalg.norm(np.ptp(corners, axis=0))) for corners in outlines]
    longest, direction, where = 0.0, np.zeros(2), 0
    for index in np.argsort(bounds)[::-1]:
        if bounds[index] <= longest:
            break
        corners = outlines[index]
        distances = pdist(corners)
        found = int(distances.argmax())
        if distances[found] > longest:
            longest, where = float(distances[found]), slices[index]
            first, second = (side[found] for side in np.triu_indices(len(corners), 1))
            direction = (corners[second] - corners[first]) / longest
    return longest, direction, where


def _longest_chord(
    pixels: Bool[np.ndarray, "x y"], spacing_mm: tuple[float, float], across: Float[np.ndarray, " 2"]
) -> float:
    """Span the pixels along the lines perpendicular to `across`, from the first border to the last one.

    Between two neighboring corners (by their place along `across`) the span is a difference of a convex and
    a concave function, so it is longest on a line through a corner.
    """
    padded = np.pad(pixels, 1)
    along_y = np.argwhere(padded[1:] != padded[:-1])  # an edge from (i, j - 1) to (i, j) in corners
    along_x = np.argwhere(padded[:, 1:] != padded[:, :-1])  # from (i - 1, j) to (i, j)
    ends = np.concatenate([along_y, along_x]).astype(np.float64)
    starts = np.concatenate([along_y - [0, 1], along_x - [1, 0]]).astype(np.float64)
    frame = np.stack([across, [-across[1], across[0]]], axis=1)
    (t0, s0), (t1, s1) = ((corners * spacing_mm @ frame).T for corners in (starts, ends))
    lines = np.unique(np.concatenate([t0, t1]))[:, None]
    tiny = 1e-9 * float(np.ptp(lines))
    crossed = (np.minimum(t0, t1) <= lines + tiny) & (lines - tiny <= np.maximum(t0, t1))
    level = np.abs(t1 - t0) <= tiny  # along the line itself: its ends belong to other edges too
    share = np.clip((lines - t0) / np.where(level, 1.0, t1 - t0), 0.0, 1.0)
    places = s0 + share * (s1 - s0)
    upper = np.where(crossed, places, -math.inf).max(axis=1)
    lower = np.where(crossed, places, math.inf).min(axis=1)
    return float((upper - lower).max())


def _largest_component(mask: Bool[np.ndarray, "x y z"]) -> Bool[np.ndarray, "u v w"] | None:
    box = bounding_box(mask)
    if box is None:
        return None
    window = tuple(slice(low, high) for low, high in box)
    labels, _ = label(np.ascontiguousarray(mask[window]), structure=np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest = int(sizes.argmax())
    return labels[find_objects(labels)[largest - 1]] == largest


def _outline(pixels: Bool[np.ndarray, "x y"]) -> Float[np.ndarray, "n 2"]:
    """List the corners of the first and last pixel of every row: the farthest two corners are among them."""
    rows: Int[np.ndarray, " r"] = np.flatnonzero(pixels.any(axis=1))
    first = pixels[rows].argmax(axis=1)
    past_last = pixels.shape[1] - pixels[rows, ::-1].argmax(axis=1)
    corners = [np.stack([x, y], axis=1) for x in (rows, rows + 1) for y in (first, past_last)]
    return np.concatenate(corners).astype(np.float64)
