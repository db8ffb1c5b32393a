"""What a NIfTI header says, checked before a voxel is read: where voxels lie, and that they are numbers."""

import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from jaxtyping import Float
from nibabel.filebasedimages import ImageFileError
from nibabel.nifti1 import Nifti1Pair
from nibabel.openers import ImageOpener
from nibabel.orientations import inv_ornt_aff, io_orientation
from nibabel.spatialimages import HeaderDataError

from rsuper.errors import DamagedError, DataError
from rsuper.files import seal_of

Spacing = tuple[float, float, float]
Shape = tuple[int, int, int]
# Slices of a CT are 0.2 to 10 mm apart. Far outside, a header is in other units or was never filled, and
# resampling would make a volume of no use or of no end.
EDGES_MM = (0.01, 100.0)
MOST_PACKED = 1100  # gzip makes nothing more than 1,032 times as small
REPAIR = "repair the header from the scanner's own files"
LEAST_VOLUME = 1e-3  # of a voxel, as a share of the product of its edges: below, its axes are not independent


@dataclass(frozen=True)
class Grid:
    """Where voxels lie, in RAS+ order, and the file's own affine for the way back."""

    shape: Shape
    affine: Float[np.ndarray, "4 4"]  # RAS+
    file_affine: Float[np.ndarray, "4 4"]

    @property
    def spacing_mm(self) -> Spacing:
        """Voxel edge lengths along x, y and z."""
        lengths = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return (float(lengths[0]), float(lengths[1]), float(lengths[2]))


def open_nifti(path: Path) -> tuple[Nifti1Pair, Grid]:
    """Open a NIfTI file without reading its voxels.

    Returns:
        The image, and its grid in RAS+ order.

    Raises:
        DataError: the file is missing or no NIfTI file, is not three-dimensional, holds no voxel or others
            than plain numbers, cannot be as large as its header says, or its affine gives no orientation or
            no credible spacing.
    """
    image = _loaded(path)
    if len(image.shape) != 3 or min(image.shape) < 1:
        raise DataError(f"{path}: expected three dimensions, got shape {image.shape}; save one volume per CT")
    if image.get_data_dtype().kind not in "biuf":
        raise DataError(
            f"{path}: expected one number per voxel, got type {image.get_data_dtype()}; convert it to int16"
        )
    _require_room(path, image)
    _require_affine(path, image.affine)
    orientation = io_orientation(image.affine)
    sizes = [0, 0, 0]
    for axis, world in enumerate(orientation[:, 0].astype(int)):
        sizes[world] = int(image.shape[axis])
    affine = image.affine @ inv_ornt_aff(orientation, image.shape)
    return image, Grid((sizes[0], sizes[1], sizes[2]), affine, image.affine)


def damaged(path: Path, how: str) -> DamagedError:
    """Return an error about an image; of a data set that a rule made, it says how to have that made anew."""
    made = [folder for folder in path.parents if seal_of(folder / "metadata.csv").is_file()]
    if not made:
        return DamagedError(f"{path}: {how}")
    root, listed = made[0], made[0].parents[1] / "data" / made[0].name
    files = [root / "metadata.csv", listed / "cohort.csv", listed / "findings.jsonl"]
    anew = f"to have its data set made anew, run again after: rm -f {' '.join(map(str, files))}"
    return DamagedError(f"{path}: {how}; {anew}")


def _loaded(path: Path) -> Nifti1Pair:
    try:
        image = nib.load(path)
    except FileNotFoundError:
        raise damaged(path, "no such file") from None
    except (
        OSError,
        EOFError,
        ValueError,
        OverflowError,
        zlib.error,
        ImageFileError,
        HeaderDataError,
    ) as error:
        raise damaged(path, f"cannot be read as NIfTI: {' '.join(str(error).split())}") from None
    if not isinstance(image, Nifti1Pair):
        raise DataError(f"{path}: expected NIfTI, got {type(image).__name__}; convert it to .nii.gz")
    if image.header["sform_code"] == 0:
        _require_pixdim(path, image)
    return image


def _require_room(path: Path, image: Nifti1Pair) -> None:
    """Refuse a header that asks for more voxels than its file can hold, before memory is asked for them."""
    file = Path(image.file_map["image"].filename)
    wanted = image.dataobj.offset + math.prod(image.shape) * image.get_data_dtype().itemsize
    if file.suffix in (".nii", ".gz") and wanted > MOST_PACKED * file.stat().st_size:
        raise damaged(
            path,
            f"damaged NIfTI: shape {image.shape} from byte {image.dataobj.offset} on in a file of "
            f"{file.stat().st_size} bytes; copy it anew",
        )


def _require_pixdim(path: Path, image: Nifti1Pair) -> None:
    """Refuse a header without spacing, where the affine is made of it: nibabel would take 1 mm."""
    holder = image.file_map.get("header", image.file_map["image"])
    with ImageOpener(holder.filename) as file:
        stored = type(image.header).from_fileobj(file, check=False)
    if (stored["pixdim"][1:4] == 0).any():
        raise DataError(
            f"{path}: spacing {stored['pixdim'][1:4].tolist()} mm is not positive, and there is no affine; "
            f"{REPAIR}"
        )


def _require_affine(path: Path, affine: Float[np.ndarray, "4 4"]) -> None:
    axes = affine[:3, :3]
    if not np.isfinite(affine).all():
        raise DataError(f"{path}: the affine is not finite: {affine.tolist()}; {REPAIR}")
    edges_mm = np.sqrt((axes**2).sum(axis=0))
    if not (edges_mm > 0).all():
        raise DataError(f"{path}: spacing {edges_mm.tolist()} mm is not positive; {REPAIR}")
    if abs(np.linalg.det(axes / edges_mm)) < LEAST_VOLUME or np.isnan(io_orientation(affine)).any():
        raise DataError(f"{path}: the affine does not give an orientation: {affine.tolist()}; {REPAIR}")
    low, high = EDGES_MM
    if edges_mm.min() < low or edges_mm.max() > high:
        raise DataError(
            f"{path}: spacing {edges_mm.tolist()} mm is outside {low:g} to {high:g} mm: "
            f"in other units, or lost; {REPAIR}"
        )
