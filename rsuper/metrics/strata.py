"""Tumor size: strata by largest diameter, and the diameter of a mask."""

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

    Edge to edge: between the farthest corners of the outermost pixels, as a caliper spans a tumor, so one
    pixel has its diagonal as diameter. Between centers every tumor would read about one pixel shorter. Of
    components of equal size the first in array order counts. An empty mask has no diameter: None.

    Raises:
        ValueError: a spacing is not positive.
    """
    if not all(math.isfinite(s) and s > 0 for s in spacing_mm):
        raise ValueError(f"spacing_mm must be three positive numbers, got {spacing_mm}")
    component = _largest_component(mask)
    if component is None:
        return None
    slices = [_outline(component[:, :, k]) for k in range(component.shape[2]) if component[:, :, k].any()]
    outlines = [corners * np.array(spacing_mm[:2]) for corners in slices]
    # No diameter exceeds the diagonal of the slice's bounding box: once a slice beats the next box, stop.
    bounds = [float(np.linalg.norm(np.ptp(corners, axis=0))) for corners in outlines]
    longest = 0.0
    for index in np.argsort(bounds)[::-1]:
        if bounds[index] <= longest:
            break
        longest = max(longest, float(pdist(outlines[index]).max()))
    return longest


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
