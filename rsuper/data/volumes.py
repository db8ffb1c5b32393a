"""CTs and masks as arrays in RAS+ order with their spacing, and back to the grid they came from.

With `rsuper.data.headers` the only module that knows other axis orders: everything above sees `x y z`,
RAS+, mm.
"""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt8
from nibabel.openers import ImageOpener
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    io_orientation,
    ornt_transform,
)

from rsuper.artifacts import write_atomically
from rsuper.data.headers import Grid, Shape, Spacing, damaged, open_nifti
from rsuper.errors import DataError

AIR_HU = -1024
AIR_AT_MOST_HU = -500  # a volume without anything above shows no body
PROBABILITY_SLOPE = 1.0 / 65535.0
# Files are read in portions that stay in the cache. The allocator gives larger ones back to the system after
# each read, and getting their memory anew takes several times as long as decompressing into it.
PORTION_BYTES = 2**16
# Turns stored numbers into the wanted ones, zero into zero unless the reader is told what zero becomes.
Conversion = Callable[[Shaped[np.ndarray, "..."]], Shaped[np.ndarray, "..."]]


@dataclass(frozen=True)
class Volume:
    """An array in RAS+ order and its grid."""

    array: Shaped[np.ndarray, "x y z"]
    grid: Grid

    @property
    def spacing_mm(self) -> Spacing:
        """Voxel edge lengths along x, y and z."""
        return self.grid.spacing_mm

    @property
    def shape(self) -> Shape:
        """Number of voxels along x, y and z."""
        return self.grid.shape


def read_volume(path: Path) -> Volume:
    """Read a NIfTI file in its native type and turn it to RAS+ by its affine.

    Raises:
        DataError: the file is missing, unreadable or damaged, or its header is refused (see `open_nifti`).
    """
    image, grid = open_nifti(path)
    if (image.dataobj.slope, image.dataobj.inter) == (1, 0):
        return Volume(_read(image, path, image.dataobj.dtype, lambda stored: stored), grid)
    return Volume(_read_scaled(image, path), grid)


def read_ct(path: Path) -> Volume:
    """Read a CT as `read_volume` does, in at most four bytes per voxel.

    Whole numbers keep their type; all else, stored or by slope and intercept, becomes float32, portion by
    portion.

    Raises:
        DataError: as `read_volume`.
    """
    image, grid = open_nifti(path)
    proxy = image.dataobj
    plain = (proxy.slope, proxy.inter) == (1, 0)
    if plain and proxy.dtype.kind in "iu" and proxy.dtype.itemsize <= 4:
        return Volume(_read(image, path, proxy.dtype, lambda stored: stored), grid)
    slope, intercept = np.float64(proxy.slope), np.float64(proxy.inter)

    def in_hu(stored: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is seen
            return (stored if plain else stored * slope + intercept).astype(np.float32)

    # A portion of zeros is skipped: it must stand for the intercept.
    return Volume(_read(image, path, np.dtype(np.float32), in_hu, filled=float(intercept)), grid)


def read_grid(path: Path) -> Grid:
    """Read where a file's voxels lie, from its header alone.

    Raises:
        DataError: as `open_nifti`.
    """
    return open_nifti(path)[1]


def _read(
    image: nib.Nifti1Image, path: Path, dtype: np.dtype, convert: Conversion, *, filled: float = 0.0
) -> Shaped[np.ndarray, "x y z"]:
    """Read the numbers of a file as they are stored, convert them, and turn them to RAS+.

    Most of a mask or a map is zero. What a portion of zeros would fill is left as it was allocated: memory
    that is never written takes neither time nor space. Where zero is not converted into zero, `filled` says
    what it becomes.
    """
    proxy = image.dataobj
    size = math.prod(proxy.shape)
    voxels = np.full(size, filled, dtype=dtype) if filled else np.zeros(size, dtype=dtype)
    portion = np.empty(max(PORTION_BYTES // proxy.dtype.itemsize, 1), dtype=proxy.dtype)
    try:
        with ImageOpener(proxy.file_like) as file:
            file.seek(proxy.offset)
            for start in range(0, voxels.size, portion.size):
                part = portion[: voxels.size - start]
                content = part.view(np.uint8)
                if file.readinto(content) < content.size:
                    raise EOFError(f"fewer than {voxels.size} voxels")
                if content.any():
                    voxels[start : start + part.size] = convert(part)
            file.read(1)  # only at the end of a gzip stream its checksum is compared
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise damaged(path, f"damaged NIfTI: {error}") from None
    return apply_orientation(voxels.reshape(proxy.shape, order="F"), io_orientation(image.affine))


def _read_scaled(image: nib.Nifti1Image, path: Path) -> Shaped[np.ndarray, "x y z"]:
    """Read the numbers of a file times its slope, plus its intercept, in RAS+."""
    try:
        scaled = np.asanyarray(image.dataobj)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise damaged(path, f"damaged NIfTI: {error}") from None
    return apply_orientation(scaled, io_orientation(image.affine))


def read_mask(path: Path, like: Grid) -> Bool[np.ndarray, "x y z"]:
    """Read a binary mask and make sure that it lies on the grid of its CT.

    Raises:
        DataError: unreadable, on another grid (both grids are named), or with labels other than 0 and 1.
    """
    image, grid = open_nifti(path)
    _require_grid(path, grid, like)

    def inside(labels: Shaped[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
        ones = labels == 1
        if np.count_nonzero(ones) != np.count_nonzero(labels):
            other = labels[~ones & (labels != 0)]
            raise DataError(f"{path}: expected a mask of 0 and 1, found {_rounded(np.unique(other)[:5])}")
        return ones

    if (image.dataobj.slope, image.dataobj.inter) == (1, 0):
        return _read(image, path, np.dtype(bool), inside)
    return inside(_read_scaled(image, path))


def read_labels(path: Path, like: Grid, known: Sequence[int] = ()) -> UInt8[np.ndarray, "x y z"]:
    """Read a map of labels, in whatever type it is stored, and make sure that it lies on the grid of its CT.

    Args:
        path: NIfTI file.
        like: grid of the CT.
        known: values that such a file may hold beside 0; none: every whole number up to 255.

    Raises:
        DataError: unreadable, on another grid (both are named), or with values other than these.
    """
    image, grid = open_nifti(path)
    _require_grid(path, grid, like)
    allowed = np.full(256, not known)
    allowed[[0, *known]] = True

    def whole(values: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
        with np.errstate(invalid="ignore"):  # NaN and what is too large become another number, and are seen
            labels = values.astype(np.uint8)
        good = (labels == values) & allowed[labels]
        if not good.all():
            expected = f"labels {sorted(known)}" if known else "whole numbers up to 255 as labels"
            found = _rounded(np.unique(values[~good])[:5])
            raise DataError(f"{path}: expected {expected}, found {found}")
        return labels

    if (image.dataobj.slope, image.dataobj.inter) == (1, 0):
        return _read(image, path, np.dtype(np.uint8), whole)
    return whole(_read_scaled(image, path))


def _require_grid(path: Path, grid: Grid, like: Grid) -> None:
    if grid.shape != like.shape or not np.allclose(grid.affine, like.affine, atol=1e-2):
        raise DataError(
            f"{path}: the mask is not on the grid of its CT: shape {grid.shape} against {like.shape}, "
            f"spacing {_rounded(grid.spacing_mm)} against {_rounded(like.spacing_mm)} mm, "
            f"origin {_rounded(grid.affine[:3, 3])} against {_rounded(like.affine[:3, 3])} mm (RAS+)"
        )


def _rounded(values: object) -> list[float]:
    return [round(float(value), 3) for value in np.asarray(values)]


def write_probability(
    probability: Float[np.ndarray, "x y z"], path: Path, like_affine: Float[np.ndarray, "4 4"]
) -> None:
    """Write a probability map as NIfTI uint16 with slope 1/65535, in one step.

    Args:
        probability: values in [0, 1], RAS+, on the CT's own grid.
        path: target, `.nii.gz`.
        like_affine: affine of the CT in the file; the map is stored in the file's own axis order.

    Raises:
        ValueError: values outside [0, 1] or not finite.
    """
    if not np.isfinite(probability).all() or probability.min() < 0 or probability.max() > 1:
        raise ValueError(f"probability: expected finite values in [0, 1] for {path}")
    stored = np.rint(probability * 65535.0).astype(np.uint16)
    orientation = ornt_transform(axcodes2ornt("RAS"), io_orientation(like_affine))
    image = nib.Nifti1Image(apply_orientation(stored, orientation), like_affine)
    image.set_data_dtype(np.uint16)
    image.header.set_xyzt_units("mm")
    image.header.set_slope_inter(PROBABILITY_SLOPE, 0.0)  # nibabel then stores the integers as they are
    write_atomically(path, lambda temporary: nib.save(image, temporary))


def read_probability(path: Path, like: Grid) -> Float[np.ndarray, "x y z"]:
    """Read a map written by `write_probability`; exact at 0 and at 1.

    Raises:
        DataError: unreadable, on another grid than its CT, or outside [0, 1].
    """
    image, grid = open_nifti(path)
    if grid.shape != like.shape:
        raise DataError(f"{path}: the map has shape {grid.shape}, its CT {like.shape}")
    proxy = image.dataobj
    if (
        proxy.dtype == np.uint16
        and proxy.inter == 0
        and math.isclose(proxy.slope, PROBABILITY_SLOPE, rel_tol=1e-6)
    ):
        # As we write them: one division, exact at 0 and 1.
        return _read(image, path, np.dtype(np.float32), lambda stored: stored / np.float32(65535))
    values = _read_scaled(image, path).astype(np.float64)
    low, high = values.min(initial=0.0), values.max(initial=0.0)
    if low < 0 or high > 1 + 1e-6:
        raise DataError(f"{path}: expected probabilities in [0, 1], found {low} to {high}")
    return np.minimum(values, 1.0).astype(np.float32)
