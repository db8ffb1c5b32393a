"""One crop of the real data: kidneys or pancreas, tumors and what else is labeled, as masks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from rsuper.config.real_anatomy import MASK_SPACING_MM
from rsuper.data.sources.real_anatomy.catalog import Diameters, Entry, TumorEntry
from rsuper.data.volumes import read_volume
from rsuper.errors import DataError

# Labels as the data's MANIFEST.md gives them. In both KiTS sets 1 is kidney and what is above lies in it.
_KITS23_CYST = 3
_PANORAMA_PANCREAS = (1, 4, 5)  # lesion, parenchyma, duct
_PANORAMA_TISSUES = {2: "vein", 3: "aorta", 5: "water", 6: "water"}  # names of the renderer's tissues
_DUCT = 5
_MIN_KIDNEY_MM3 = 20_000.0  # an adult kidney has five times as much; specks have less than 1,000
# KiTS scans begin at x = 0 with the patient's right side, and are 300 to 500 mm wide: their middle lies
# between these two, and a kidney beyond them is on one side.
_MIDDLE_MM = (-250.0, -150.0)


@dataclass(frozen=True)
class RealTumor:
    """A tumor with its voxels and the organ that holds most of them."""

    organ: str
    diameters_mm: Diameters
    mask: Bool[np.ndarray, "x y z"]


@dataclass(frozen=True)
class Cyst:
    """A labeled cyst and the organ that holds it."""

    organ: str
    mask: Bool[np.ndarray, "x y z"]


@dataclass(frozen=True)
class Crop:
    """The masks of one case, 2 mm, RAS+.

    Attributes:
        organs: tumors included; the organs of the case's own target and no others.
        cysts: the larger lumps of the cyst label; KiTS23 alone has it.
        tissues: other labeled structures, by the tissue that they are rendered as.
        duct_mm3: volume of the pancreatic duct's label.
    """

    affine: Float[np.ndarray, "4 4"]
    organs: Mapping[str, Bool[np.ndarray, "x y z"]]
    tumors: tuple[RealTumor, ...]
    cysts: tuple[Cyst, ...]
    tissues: Mapping[str, Bool[np.ndarray, "x y z"]]
    duct_mm3: float


def read_crop(entry: Entry, cyst_from_mm3: float) -> Crop:
    """Read the masks of a case.

    Args:
        entry: of the catalog.
        cyst_from_mm3: smaller cysts are rendered but not listed.

    Raises:
        DataError: the mask's spacing is not 2 mm, a tumor of the table has no voxel, or it cannot be told
            which kidney is which.
    """
    volume = read_volume(entry.mask)
    if not np.allclose(volume.spacing_mm, MASK_SPACING_MM, atol=1e-3):
        raise DataError(f"{entry.mask}: expected {MASK_SPACING_MM:g} mm voxels, got {volume.spacing_mm}")
    labels = volume.array.astype(np.uint8)
    if entry.target == "kidney":
        organs = split_kidneys(labels > 0, volume.grid.affine, str(entry.mask))
    else:
        organs = {"pancreas": np.isin(labels, _PANORAMA_PANCREAS)}
    tumors = tuple(_tumor(entry, tumor, labels, organs) for tumor in entry.tumors)
    duct_mm3 = float((labels == _DUCT).sum()) * MASK_SPACING_MM**3 if entry.target == "pancreas" else 0.0
    water = labels == _KITS23_CYST if entry.source == "kits23" else np.zeros(labels.shape, bool)
    cysts = tuple(
        Cyst(_holder(lump, organs), lump)
        for lump in _lumps(water)
        if lump.sum() * MASK_SPACING_MM**3 >= cyst_from_mm3
    )
    tissues = _tissues(labels) if entry.target == "pancreas" else {"water": water}
    return Crop(volume.grid.affine, organs, tumors, cysts, tissues, duct_mm3)


def split_kidneys(
    kidneys: Bool[np.ndarray, "x y z"], affine: Float[np.ndarray, "4 4"], source: str
) -> dict[str, Bool[np.ndarray, "x y z"]]:
    """Tell the left kidney from the right one by position; small lumps go to the nearer of the two.

    Args:
        kidneys: tumors and cysts included, RAS+: x grows to the patient's right.
        affine: voxel index to RAS+ millimeters.
        source: named in errors.

    Raises:
        DataError: no kidney, or a single one in the middle of the scan.
    """
    parts, n = ndimage.label(kidneys, structure=np.ones((3, 3, 3)))
    sizes_mm3 = np.bincount(parts.ravel(), minlength=n + 1)[1:] * MASK_SPACING_MM**3
    centers = np.array([_center_mm(parts == i, affine) for i in range(1, n + 1)])
    main = [i for i in np.argsort(sizes_mm3)[::-1][:2] if sizes_mm3[i] >= _MIN_KIDNEY_MM3]
    if not main:
        raise DataError(f"{source}: no kidney of at least {_MIN_KIDNEY_MM3 / 1000:g} ml")
    if len(main) == 1:
        return {_side_of_single(float(centers[main[0], 0]), source): kidneys}
    nearest = np.linalg.norm(centers[:, None] - centers[main][None], axis=2).argmin(1)
    order = np.argsort(centers[main, 0])
    names = {int(order[0]): "kidney_left", int(order[1]): "kidney_right"}
    return {name: np.isin(parts, np.flatnonzero(nearest == k) + 1) for k, name in names.items()}


def _side_of_single(x_mm: float, source: str) -> str:
    if _MIDDLE_MM[0] <= x_mm <= _MIDDLE_MM[1]:
        raise DataError(f"{source}: a single kidney at x = {x_mm:.0f} mm: neither clearly left nor right")
    return "kidney_left" if x_mm < _MIDDLE_MM[0] else "kidney_right"


def _center_mm(mask: Bool[np.ndarray, "x y z"], affine: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, " 3"]:
    return affine[:3, :3] @ np.argwhere(mask).mean(0) + affine[:3, 3]


def _tumor(
    entry: Entry,
    tumor: TumorEntry,
    labels: UInt8[np.ndarray, "x y z"],
    organs: Mapping[str, Bool[np.ndarray, "x y z"]],
) -> RealTumor:
    mask = labels == tumor.label
    if not mask.any():
        raise DataError(f"{entry.mask}: the table names a tumor with label {tumor.label}, which has no voxel")
    return RealTumor(_holder(mask, organs), tumor.diameters_mm, mask)


def _holder(mask: Bool[np.ndarray, "x y z"], organs: Mapping[str, Bool[np.ndarray, "x y z"]]) -> str:
    return max(organs, key=lambda name: int((organs[name] & mask).sum()))


def _lumps(mask: Bool[np.ndarray, "x y z"]) -> list[Bool[np.ndarray, "x y z"]]:
    parts, n = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    return [parts == i for i in range(1, n + 1)]


def _tissues(labels: UInt8[np.ndarray, "x y z"]) -> dict[str, np.ndarray]:
    names = sorted(set(_PANORAMA_TISSUES.values()))
    own = {name: [k for k, tissue in _PANORAMA_TISSUES.items() if tissue == name] for name in names}
    return {name: np.isin(labels, numbers) for name, numbers in own.items()}
