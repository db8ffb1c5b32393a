"""Where a probability map most probably holds tumors: so many connected pieces as a report counts."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

_CORNERS = np.ones((3, 3, 3), dtype=bool)  # 26 neighbors


def lesion_candidates(
    probability: Float[np.ndarray, "x y z"],
    wanted: int,
    *,
    smallest_voxels: int = 11,
    cut: float = 2.5,
    least: float = 0.01,
) -> list[Bool[np.ndarray, "x y z"]]:
    """Extract the most probable pieces of a map, the most probable first.

    Of the voxels with at least 1 / `cut` of the highest probability, the connected piece (26 neighbors) with
    the highest peak is the first candidate; it is taken out of the map and the search begins anew. Pieces
    below the smallest size are no candidates; where there are no others, all voxels above the cut are taken
    out. Of pieces with equal peaks the one with the first voxel in C order comes first.

    Args:
        probability: of a tumor, in [0, 1].
        wanted: how many candidates there should be; fewer are returned where the map holds no more, none for
            0.
        smallest_voxels: size of the smallest candidate.
        cut: the highest probability over that at a candidate's edge.
        least: the search ends where no probability reaches this.

    Raises:
        ValueError: `wanted` is negative.

    Source: Bosma et al., "dynamic" thresholds in their second version, without the rule on adjacent
    candidates; the paper, §3 (baseline [6]), gives no constants.
    """
    if wanted < 0:
        raise ValueError(f"wanted must be at least 0, got {wanted}")
    remaining = probability.copy()
    found: list[Bool[np.ndarray, "x y z"]] = []
    while len(found) < wanted:
        peak = remaining.max(initial=0.0)
        if peak < least:
            break
        threshold = peak / cut
        pieces, number = ndimage.label(remaining >= threshold, structure=_CORNERS)
        best = _best(remaining, pieces, number, smallest_voxels)
        if best is None:
            remaining[remaining > threshold] = 0
            continue
        found.append(pieces == best)
        remaining[found[-1]] = 0
    return found


def _best(
    probability: Float[np.ndarray, "x y z"], pieces: Int[np.ndarray, "x y z"], number: int, smallest: int
) -> int | None:
    """Name the piece with the highest peak among those that are large enough."""
    sizes = np.bincount(pieces.ravel(), minlength=number + 1)[1:]
    peaks = np.asarray(ndimage.maximum(probability, pieces, np.arange(1, number + 1)))
    peaks = np.where(sizes >= smallest, peaks, -1.0)
    return int(peaks.argmax()) + 1 if peaks.max() >= 0 else None
