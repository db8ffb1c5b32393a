"""Which structure a lump of a mask belongs to: kidneys told apart by position, tumors given by overlap."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from rsuper.data.store import bounding_box
from rsuper.errors import DataError

MIN_KIDNEY_MM3 = 20_000.0  # an adult kidney has five times as much; specks have less than 1,000
MIN_APART_MM = 40.0  # centers of two kidneys are 100 mm apart and more
MIDDLE_MM = 40.0  # from the middle of the scan: a lone kidney nearer to it may be a horseshoe
REACH_MM = 60.0  # a speck further to the side of a lone kidney is not part of it
LEAST_SHARE = 0.5  # of a tumor, inside the organ that it is of

Mask = Bool[np.ndarray, "x y z"]


def split_kidneys(
    kidneys: Bool[np.ndarray, "x y z"], affine: Float[np.ndarray, "4 4"]
) -> dict[str, Bool[np.ndarray, "x y z"]]:
    """Tell the left kidney from the right one by the position of connected pieces.

    The two largest pieces are the kidneys, smaller ones go to the nearer. A lone piece is the kidney of the
    side it lies on; specks on the other side are left out.

    Args:
        kidneys: tumors and cysts included, RAS+.
        affine: voxel index to RAS+ millimeters: world x grows to the patient's right.

    Returns:
        `left`, `right` or both.

    Raises:
        DataError: no kidney, two pieces on one side, or one piece near the middle of the scan: a horseshoe
            kidney, or two that touch. Without the name of the case.
    """
    box = bounding_box(kidneys)
    if box is None:
        raise DataError("no voxel of a kidney")
    window = tuple(slice(low, high) for low, high in zip(*box, strict=True))
    parts, n = ndimage.label(kidneys[window], structure=np.ones((3, 3, 3)))
    sizes_mm3 = np.bincount(parts.ravel(), minlength=n + 1)[1:] * abs(np.linalg.det(affine[:3, :3]))
    centers = _centers_mm(parts, n, np.array(box[0]), affine)
    main = [int(i) for i in np.argsort(sizes_mm3)[::-1][:2] if sizes_mm3[i] >= MIN_KIDNEY_MM3]
    if not main:
        raise DataError(
            f"no kidney of at least {MIN_KIDNEY_MM3 / 1000:g} ml; the largest piece has "
            f"{sizes_mm3.max() / 1000:.1f} ml"
        )
    sides = _two_sides(centers, main) if len(main) == 2 else _one_side(centers, main[0], kidneys, affine)
    return {side: _filled(kidneys, window, np.isin(parts, pieces)) for side, pieces in sides.items()}


def _centers_mm(
    parts: Int[np.ndarray, "x y z"], n: int, start: Int[np.ndarray, " 3"], affine: Float[np.ndarray, "4 4"]
) -> Float[np.ndarray, "n 3"]:
    centers = np.array(ndimage.center_of_mass(parts > 0, parts, range(1, n + 1)))
    return (centers + start) @ affine[:3, :3].T + affine[:3, 3]


def _two_sides(centers: Float[np.ndarray, "n 3"], main: list[int]) -> dict[str, np.ndarray]:
    left, right = sorted(main, key=lambda i: centers[i, 0])
    apart_mm = float(centers[right, 0] - centers[left, 0])
    if apart_mm < MIN_APART_MM:
        raise DataError(
            f"two pieces of kidney lie {apart_mm:.0f} mm apart from left to right: not one on each side"
        )
    nearer = np.linalg.norm(centers[:, None] - centers[[left, right]][None], axis=2).argmin(axis=1)
    return {"left": np.flatnonzero(nearer == 0) + 1, "right": np.flatnonzero(nearer == 1) + 1}


def _one_side(
    centers: Float[np.ndarray, "n 3"], only: int, kidneys: Mask, affine: Float[np.ndarray, "4 4"]
) -> dict[str, np.ndarray]:
    middle = (np.array(kidneys.shape) - 1) / 2 @ affine[:3, :3].T + affine[:3, 3]
    off_mm = float(centers[only, 0] - middle[0])
    if abs(off_mm) < MIDDLE_MM:
        raise DataError(
            f"one piece of kidney, {abs(off_mm):.0f} mm from the middle of the scan: a horseshoe kidney, or "
            "two that touch; left and right cannot be told apart"
        )
    own = np.abs(centers[:, 0] - centers[only, 0]) <= REACH_MM
    return {"right" if off_mm > 0 else "left": np.flatnonzero(own) + 1}


def _filled(like: Mask, window: tuple[slice, ...], part: Bool[np.ndarray, "u v w"]) -> Mask:
    mask = np.zeros(like.shape, dtype=bool)
    mask[window] = part
    return mask


def by_overlap(
    tumors: Bool[np.ndarray, "x y z"], structures: Mapping[str, Bool[np.ndarray, "x y z"]]
) -> dict[str, Bool[np.ndarray, "x y z"]]:
    """Give each connected tumor to the organ or segment that holds most of it.

    Args:
        tumors: of any organ.
        structures: candidates; they need not cover the body.

    Returns:
        Tumors per structure, empty where there are none. A tumor of which no structure holds more than half
        is of an organ that is not among them, and is left out.
    """
    found = {name: np.zeros(tumors.shape, dtype=bool) for name in structures}
    box = bounding_box(tumors)
    if box is None:
        return found
    corner = tuple(slice(low, high) for low, high in zip(*box, strict=True))
    parts, _ = ndimage.label(tumors[corner], structure=np.ones((3, 3, 3)))
    for number, place in enumerate(ndimage.find_objects(parts), start=1):
        lump = parts[place] == number
        window = tuple(
            slice(low + part.start, low + part.stop) for low, part in zip(box[0], place, strict=True)
        )
        held = {name: np.count_nonzero(lump & mask[window]) for name, mask in structures.items()}
        best = max(held, key=lambda name: held[name], default=None)
        if best is not None and held[best] > LEAST_SHARE * np.count_nonzero(lump):
            found[best][window] |= lump
    return found
