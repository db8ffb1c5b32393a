"""From painted layers to a CT in HU, and from true organ masks to those of a segmenter."""

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Bool, Int16, Integer
from scipy import ndimage

from rsuper.config.phantom import HospitalSpec, PerturbationSpec, Phase
from rsuper.data.phantom.anatomy import Centerline
from rsuper.data.phantom.shapes import Box, Grid, Layer, smooth_field

AIR_HU = -1000.0

# HU in the plain, arterial and venous phase: round values from radiology teaching. `pancreas` and `kidney`
# are also what a tumor's contrast is measured against; a kidney's is the mean of cortex and medulla.
TISSUE_HU: Mapping[str, tuple[float, float, float]] = {
    "fat": (-100, -100, -100),
    "muscle": (52, 58, 65),
    "bone": (190, 200, 205),
    "liver": (56, 70, 108),
    "spleen": (48, 115, 120),
    "stomach": (40, 75, 80),
    "bowel": (38, 80, 75),
    "content": (18, 18, 18),
    "gas": (-600, -600, -600),
    "aorta": (42, 300, 160),
    "vein": (40, 95, 150),
    "vessel": (41, 210, 155),
    "pancreas": (42, 108, 92),
    "cortex": (34, 150, 175),
    "medulla": (32, 120, 160),
    "kidney": (33, 135, 168),
    "sinus": (-60, -50, -45),
    "urine": (6, 6, 8),
    "water": (6, 7, 8),
    "calcium": (400, 400, 400),
}
_PHASES: tuple[Phase, ...] = ("plain", "arterial", "venous")
_ORGAN_JITTER = 0.05  # relative spread of enhancement between patients
_NOISE_SMOOTHING_VOXELS = 0.5  # reconstruction correlates neighboring voxels
_TEXTURE_MM = 14.0


def tissue_hu(phase: Phase, rng: np.random.Generator) -> dict[str, float]:
    """Give the HU of every tissue in one patient.

    What takes up contrast agent varies by a common factor and one of its own; water, fat and gas do not.
    """
    column = _PHASES.index(phase)
    common = rng.normal(1, _ORGAN_JITTER)
    own = rng.normal(1, _ORGAN_JITTER / 2, len(TISSUE_HU))
    table = {}
    for (tissue, values), factor in zip(TISSUE_HU.items(), own, strict=True):
        uptake = values[column] - values[0]
        table[tissue] = float(values[0] + uptake * common * factor)
    return table


def render_ct(
    layers: Iterable[Layer],
    table: Mapping[str, float],
    hospital: HospitalSpec,
    grid: Grid,
    rng: np.random.Generator,
) -> Int16[np.ndarray, "x y z"]:
    """Paint the layers in order, then blur, roughen, add noise and calibrate as the hospital's scanner does.

    Returns:
        HU, rounded, not below -1024.
    """
    image = np.full(grid.shape, AIR_HU, np.float32)
    for layer in layers:
        part = image[layer.box]
        painted = np.maximum(np.float32(table[layer.tissue]) + layer.shift_hu, np.float32(layer.least_hu))
        part += layer.occupancy * (painted - part)
    image = _blur(image, grid, float(rng.uniform(*hospital.blur_mm)))
    texture = smooth_field(rng, grid.shape, grid.spacing_mm, _TEXTURE_MM)
    image += np.float32(rng.uniform(*hospital.texture_hu)) * texture
    image += np.float32(rng.uniform(*hospital.noise_hu)) * _noise(grid, rng)
    gain, offset = rng.uniform(*hospital.gain), rng.uniform(*hospital.offset_hu)
    calibrated = image * np.float32(gain) + np.float32(offset)
    return np.rint(np.clip(calibrated, -1024, 3071)).astype(np.int16)


def _blur(image: np.ndarray, grid: Grid, sigma_mm: float) -> np.ndarray:
    sigma = [sigma_mm / spacing for spacing in grid.spacing_mm]
    return ndimage.gaussian_filter(image, sigma, truncate=3.0, mode="nearest")


def _noise(grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Correlated Gaussian noise of standard deviation 1."""
    white = rng.standard_normal(grid.shape, dtype=np.float32)
    smooth = ndimage.gaussian_filter(white, _NOISE_SMOOTHING_VOXELS, truncate=3.0, mode="wrap")
    return smooth / smooth.std()


def segmenter_masks(
    masks: Mapping[str, Bool[np.ndarray, "x y z"]],
    grid: Grid,
    spec: PerturbationSpec,
    rng: np.random.Generator,
) -> dict[str, Bool[np.ndarray, "x y z"]]:
    """Shift the surface of each organ by a smooth random distance of at most about a voxel.

    The pancreas wins where two shifted organs meet. No mask grows by more than one voxel on any side.

    Args:
        masks: the true pancreas and kidneys; an empty one stays empty.
        grid: of the masks.
        spec: size and correlation length of the shift.
        rng: of this case's masks alone.
    """
    shifted: dict[str, Bool[np.ndarray, "x y z"]] = {}
    for organ, mask in masks.items():
        sd_mm = spec.pancreas_sd_mm if organ == "pancreas" else spec.kidney_sd_mm
        shifted[organ] = _shift_surface(mask, grid, sd_mm, spec.correlation_mm, rng)
    return {
        organ: mask if organ == "pancreas" else mask & ~shifted["pancreas"] for organ, mask in shifted.items()
    }


def _shift_surface(
    mask: Bool[np.ndarray, "x y z"],
    grid: Grid,
    sd_mm: float,
    correlation_mm: float,
    rng: np.random.Generator,
) -> Bool[np.ndarray, "x y z"]:
    if not mask.any():
        return mask.copy()
    box = _bounds(mask, margin=2)
    inside = mask[box]
    spacing = grid.spacing_mm
    # Distances run between voxel centers; the surface lies half a voxel before the nearest one across it.
    out = ndimage.distance_transform_edt(~inside, sampling=spacing)
    within = ndimage.distance_transform_edt(inside, sampling=spacing)
    half = min(spacing) / 2
    distance = np.where(inside, half - within, out - half)
    shift = sd_mm * smooth_field(rng, inside.shape, spacing, correlation_mm)
    result = np.zeros_like(mask)
    result[box] = distance < np.clip(shift, -1.4 * min(spacing), 1.4 * min(spacing))
    return result


def split_pancreas(
    pancreas: Bool[np.ndarray, "x y z"],
    centerline: Centerline,
    grid: Grid,
    boundary_sd_mm: float,
    rng: np.random.Generator,
) -> Integer[np.ndarray, "x y z"]:
    """Give 1, 2, 3 for head, body and tail, 0 outside: a partition of the pancreas.

    Args:
        pancreas: mask, true or shifted; empty gives no segments.
        centerline: of the true pancreas.
        grid: of the mask.
        boundary_sd_mm: spread of an error of both boundaries along the centerline; 0 gives the true ones.
        rng: drawn from once, whatever the spread.
    """
    length_mm = float(np.linalg.norm(np.diff(centerline.points_mm, axis=0), axis=1).sum())
    shift = rng.normal(0, 1) * boundary_sd_mm / length_mm
    axes = [axis.ravel() for axis in grid.axes()]
    index = np.nonzero(pancreas)
    points = np.stack([line[i] for line, i in zip(axes, index, strict=True)], 1)
    labels = np.zeros(pancreas.shape, np.uint8)
    labels[index] = centerline.segment(centerline.position(points) + shift) + 1
    return labels


def _bounds(mask: Bool[np.ndarray, "x y z"], margin: int) -> Box:
    sides = []
    for axis in range(3):
        marked = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        sides.append(
            slice(max(int(marked[0]) - margin, 0), min(int(marked[-1]) + 1 + margin, mask.shape[axis]))
        )
    return (sides[0], sides[1], sides[2])
