"""From real masks to a CT in HU: the phantom's paint, noise and scanner around real outlines."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int16, Shaped
from scipy import ndimage, special

from rsuper.config.phantom import Phase, TumorType
from rsuper.config.real_anatomy import MASK_SPACING_MM, BackgroundSpec, RealAnatomySpec, RealHospital
from rsuper.data.phantom.lesions import Growth, draw_type, tumor_layer
from rsuper.data.phantom.render import render_ct, segmenter_masks, tissue_hu
from rsuper.data.phantom.shapes import Blob, Box, Grid, Layer, smooth_field
from rsuper.data.sources.real_anatomy.catalog import Target
from rsuper.data.sources.real_anatomy.masks import Crop, RealTumor

_PHASES: tuple[Phase, ...] = ("plain", "arterial", "venous")
_PYRAMID_MM = 16.0  # between renal pyramids
_EDGE_MM = 4.0  # of soft tissue in the background: a voxel, as of organs


@dataclass(frozen=True)
class RenderedCase:
    """A CT and what is known about it, on the coarser grid.

    Attributes:
        organs: true organ masks, tumors included.
        stored_organs: the organ masks that the hospital hands out, true or a segmenter's.
        tumor: all voxels labeled as tumor, painted as such or not.
        types: one per tumor; none where they are rendered as organ.
    """

    affine: Float[np.ndarray, "4 4"]
    phase: Phase
    scanner: str
    ct: Int16[np.ndarray, "x y z"]
    organs: Mapping[str, Bool[np.ndarray, "x y z"]]
    stored_organs: Mapping[str, Bool[np.ndarray, "x y z"]]
    tumor: Bool[np.ndarray, "x y z"]
    types: tuple[TumorType, ...]


def render_case(
    crop: Crop,
    target: Target,
    *,
    with_tumors: bool,
    hospital: RealHospital,
    spec: RealAnatomySpec,
    rng: np.random.Generator,
) -> RenderedCase:
    """Render a crop with its tumors, or as if they were tissue of their organ.

    Facts, tissues, tumors, scanner and masks have a generator each, so that the two renderings of one seed
    differ in nothing but the tumors' paint.
    """
    facts, body, lesions, scan, segmenter = rng.spawn(5)
    shares = hospital.phases
    phase = _PHASES[int(facts.choice(3, p=[shares.plain, shares.arterial, shares.venous]))]
    scanner = hospital.scanners[facts.integers(len(hospital.scanners))]
    factor = round(spec.spacing_mm / MASK_SPACING_MM)
    fractions = {name: coarse(mask, factor) for name, mask in crop.organs.items()}
    grid = _grid(next(iter(fractions.values())), spec.spacing_mm)
    layers = [
        *_background(grid, spec.background, body),
        *_organ_layers(fractions, grid, spec.background, body),
    ]
    layers += [_whole(name, coarse(mask, factor)) for name, mask in crop.tissues.items()]
    types: list[TumorType] = []
    for tumor, own in zip(crop.tumors, lesions.spawn(len(crop.tumors)), strict=True):
        if with_tumors:
            types.append(draw_type(hospital.types, own))
            layers.append(_tumor_layer(tumor, target, types[-1], phase, hospital, spec, grid, own))
    ct = render_ct(layers, tissue_hu(phase, scan), hospital, grid, scan)
    organs = {name: fraction >= 0.5 for name, fraction in fractions.items()}
    tumor_mask = coarse(np.any([tumor.mask for tumor in crop.tumors], axis=0), factor) >= 0.5
    stored = organs if hospital.organ_masks == "true" else _segmenter(organs, grid, spec, segmenter)
    affine = coarse_affine(crop.affine, factor)
    return RenderedCase(affine, phase, scanner, ct, organs, stored, tumor_mask, tuple(types))


def coarse(fine: Shaped[np.ndarray, "x y z"], factor: int, fill: float = 0.0) -> Float32[np.ndarray, "u v w"]:
    """Average blocks of `factor` voxels per side; at the far borders `fill` completes a block."""
    padding = [(0, -n % factor) for n in fine.shape]
    padded = np.pad(fine.astype(np.float32), padding, constant_values=fill)
    u, v, w = (n // factor for n in padded.shape)
    return padded.reshape(u, factor, v, factor, w, factor).mean(axis=(1, 3, 5))


def coarse_affine(affine: Float[np.ndarray, "4 4"], factor: int) -> Float[np.ndarray, "4 4"]:
    """Give the affine of `coarse`: the first voxel's center moves to the middle of its block."""
    scale = np.diag([factor, factor, factor, 1.0])
    scale[:3, 3] = (factor - 1) / 2
    return affine @ scale


def _grid(array: Float32[np.ndarray, "x y z"], spacing_mm: float) -> Grid:
    x, y, z = array.shape
    return Grid((x, y, z), (spacing_mm, spacing_mm, spacing_mm))


def _whole(tissue: str, occupancy: Float32[np.ndarray, "x y z"]) -> Layer:
    return Layer(tissue, (slice(None), slice(None), slice(None)), occupancy)


def _background(grid: Grid, spec: BackgroundSpec, rng: np.random.Generator) -> list[Layer]:
    """Fat, and in it smooth lumps of soft tissue that take their share of the crop."""
    layers = [_whole("fat", np.ones(grid.shape, np.float32))]
    slope = np.float32(spec.correlation_mm / _EDGE_MM / 2)
    for tissue, share in (("muscle", spec.soft_tissue_share / 2), ("bowel", spec.soft_tissue_share / 2)):
        level = np.float32(special.ndtri(1 - share)) if 0 < share < 1 else np.float32(np.inf)
        field = smooth_field(rng, grid.shape, grid.spacing_mm, spec.correlation_mm)
        layers.append(_whole(tissue, np.clip((field - level) * slope + np.float32(0.5), 0, 1)))
    return layers


def _organ_layers(
    fractions: Mapping[str, Float32[np.ndarray, "x y z"]],
    grid: Grid,
    spec: BackgroundSpec,
    rng: np.random.Generator,
) -> list[Layer]:
    """Pancreas as one tissue; kidneys as cortex, with pyramids of medulla inside."""
    layers = []
    for name, fraction in fractions.items():
        if name == "pancreas":
            layers.append(_whole("pancreas", fraction))
            continue
        depth_mm = ndimage.distance_transform_edt(fraction >= 0.5, sampling=grid.spacing_mm).astype(
            np.float32
        )
        inside = np.clip((depth_mm - np.float32(spec.cortex_mm)) / np.float32(grid.spacing_mm[0]), 0, 1)
        pyramids = np.clip(
            smooth_field(rng, grid.shape, grid.spacing_mm, _PYRAMID_MM) + np.float32(0.5), 0, 1
        )
        layers += [_whole("cortex", fraction), _whole("medulla", inside * pyramids)]
    return layers


def _tumor_layer(
    tumor: RealTumor,
    target: Target,
    kind: TumorType,
    phase: Phase,
    hospital: RealHospital,
    spec: RealAnatomySpec,
    grid: Grid,
    rng: np.random.Generator,
) -> Layer:
    blob = signed_distance(tumor.mask, round(spec.spacing_mm / MASK_SPACING_MM), spec.contrast.edge_mm)
    growth = Growth(target, tumor.organ, tumor.organ, tumor.diameters_mm, blob)
    multiplier = float(rng.uniform(*hospital.contrast_multiplier))
    return tumor_layer(growth, kind, multiplier, phase, spec.contrast, grid, rng)


def signed_distance(mask: Bool[np.ndarray, "x y z"], factor: int, margin_mm: float) -> Blob:
    """Measure the distance to a mask's surface, averaged over blocks, in a box of whole blocks around it.

    Args:
        mask: 2 mm, not empty.
        factor: fine voxels per side of a block.
        margin_mm: the box reaches at least so far beyond the mask.
    """
    margin = int(np.ceil(margin_mm / MASK_SPACING_MM))
    blocks = _blocks(mask, factor, margin)
    fine = tuple(slice(side.start * factor, side.stop * factor) for side in blocks)
    inside = mask[fine]
    # Distances run between voxel centers; the surface lies half a voxel before the nearest one across it.
    half = MASK_SPACING_MM / 2
    out = ndimage.distance_transform_edt(~inside, sampling=MASK_SPACING_MM) - half
    within = (
        half - ndimage.distance_transform_edt(np.pad(inside, 1), sampling=MASK_SPACING_MM)[1:-1, 1:-1, 1:-1]
    )
    return Blob(blocks, coarse(np.where(inside, within, out), factor, fill=margin_mm))


def _blocks(mask: Bool[np.ndarray, "x y z"], factor: int, margin: int) -> Box:
    sides = []
    for axis in range(3):
        marked = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        low, high = max(int(marked[0]) - margin, 0), min(int(marked[-1]) + 1 + margin, mask.shape[axis])
        sides.append(slice(low // factor, -(-high // factor)))
    return (sides[0], sides[1], sides[2])


def _segmenter(
    organs: Mapping[str, Bool[np.ndarray, "x y z"]],
    grid: Grid,
    spec: RealAnatomySpec,
    rng: np.random.Generator,
) -> dict[str, Bool[np.ndarray, "x y z"]]:
    # A segmenter's masks are made of all organs; the pancreas that a crop of kidneys lacks is an empty one.
    everything = {"pancreas": np.zeros(grid.shape, bool), **organs}
    shifted = segmenter_masks(everything, grid, spec.perturbation, rng)
    return {name: shifted[name] for name in organs}
