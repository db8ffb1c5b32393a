"""Tumors, and the benign look-alikes that are drawn without knowledge of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool

from rsuper.config.phantom import DistractorSpec, Phase, Range, TumorSpec, TumorType, TypeShares
from rsuper.data.phantom.anatomy import KIDNEYS, MAX_EXTENT_MM, SEGMENTS, Anatomy, points_in_box
from rsuper.data.phantom.shapes import Blob, Ellipsoid, Grid, Layer, Point, paint, smooth_field, tube
from rsuper.errors import DataError

Target = Literal["pancreas", "kidney"]
DistractorKind = Literal["cyst", "fat", "vessel", "calcification", "dilated_duct"]
ORGANS: Mapping[Target, tuple[str, ...]] = {"pancreas": ("pancreas",), "kidney": KIDNEYS}

_CENTERS_TRIED = 25  # before a growth that does not fit is made smaller
_SHRINK_STEPS = 8
_GAP_MM = 7.0  # between growths: more than a voxel's diagonal at 4 mm, so that they stay apart in a mask
_MARGIN_MM = 8.0  # distances around a growth are known this far; more than the gap


@dataclass(frozen=True)
class Growth:
    """An ellipsoid on an organ: a tumor, or a harmless bulge where the target is free of tumors.

    Attributes:
        diameters_mm: longest axial, perpendicular to it in the axial plane, craniocaudal.
        structure: organ, or segment of the pancreas, that holds most of its voxels.
    """

    target: Target
    organ: str
    structure: str
    diameters_mm: Point
    blob: Blob


@dataclass(frozen=True)
class Distractor:
    """A benign look-alike and the paint that shows it; `diameter_mm` is its longest."""

    kind: DistractorKind
    target: Target
    structure: str
    diameter_mm: float
    layer: Layer
    blob: Blob


def draw_growths(
    anatomy: Anatomy, target: Target, spec: TumorSpec, rng: np.random.Generator
) -> tuple[Growth, ...]:
    """Place 1 to 3 ellipsoids on a target, clear of each other, of other organs and of bone and vessels.

    The size shrinks by steps of a tenth where it fits nowhere; a second or third that still does not fit is
    left out.

    Raises:
        DataError: not even one of the smallest size fits.
    """
    count = int(rng.choice(3, p=spec.count_shares)) + 1
    blocked = _blocked(anatomy, target)
    growths: list[Growth] = []
    for _ in range(count):
        organ = str(rng.choice(ORGANS[target]))
        growth = _draw_growth(anatomy, target, organ, spec, blocked, rng)
        if growth is None:
            continue
        growths.append(growth)
        blocked[growth.blob.box] |= growth.blob.distance_mm < _GAP_MM
        anatomy = absorb(anatomy, growth.organ, growth.blob)
    if not growths:
        raise DataError(f"phantom: no room for a {target} tumor of {spec.longest_axial_mm[0]:g} mm")
    return tuple(growths)


def absorb(anatomy: Anatomy, organ: str, blob: Blob) -> Anatomy:
    """Make what grows on an organ part of its mask."""
    mask = anatomy.masks[organ].copy()
    mask[blob.box] |= blob.distance_mm < 0
    return replace(anatomy, masks={**anatomy.masks, organ: mask})


def structure_of(anatomy: Anatomy, organ: str, blob: Blob) -> str:
    """Name the kidney, or the pancreas segment, that holds most of a blob's voxels."""
    if organ != "pancreas":
        return organ
    points = points_in_box(anatomy.grid, blob, blob.distance_mm < 0)
    segments = anatomy.centerline.segment(anatomy.centerline.position(points))
    return SEGMENTS[int(np.bincount(segments, minlength=3).argmax())]


def draw_type(shares: TypeShares, rng: np.random.Generator) -> TumorType:
    """Draw the type of one tumor."""
    kinds: tuple[TumorType, ...] = ("hypo", "hyper", "heterogeneous")
    return kinds[int(rng.choice(3, p=[shares.hypo, shares.hyper, shares.heterogeneous]))]


def tumor_layer(
    growth: Growth,
    kind: TumorType,
    multiplier: float,
    phase: Phase,
    spec: TumorSpec,
    grid: Grid,
    rng: np.random.Generator,
) -> Layer:
    """Paint a growth as a tumor: its organ's HU plus a contrast that depends on type and phase."""
    strength = multiplier * spec.phase_factor[phase]
    if kind == "heterogeneous":
        mean, spread = spec.heterogeneous_hu
        field = smooth_field(rng, growth.blob.distance_mm.shape, grid.spacing_mm, 9.0)
        mottled = np.float32(strength) * (mean + spread * field)
        return paint(growth.target, growth.blob, spec.edge_mm, mottled, spec.least_hu)
    contrast = spec.hypo_hu if kind == "hypo" else spec.hyper_hu
    return paint(growth.target, growth.blob, spec.edge_mm, strength * contrast, spec.least_hu)


def bulge_layer(growth: Growth, grid: Grid) -> Layer:
    """Paint a growth as plain tissue of its organ, to lie under the organ itself.

    Every target of every case has growths, and only in diseased targets are they painted as tumors: size
    and outline of an organ then say nothing about disease.
    """
    tissue = "pancreas" if growth.target == "pancreas" else "cortex"
    return paint(tissue, growth.blob, grid.spacing_mm[0])


def draw_distractors(
    anatomy: Anatomy, target: Target, spec: DistractorSpec, rng: np.random.Generator
) -> tuple[Distractor, ...]:
    """Draw the look-alikes of one target; numbers are Poisson, and a cyst that fits nowhere is left out."""
    rates = spec.pancreas if target == "pancreas" else spec.kidney
    found: list[Distractor] = []
    for _ in range(int(rng.poisson(rates.cyst))):
        found += _cyst(anatomy, target, str(rng.choice(ORGANS[target])), spec, rng)
    for _ in range(int(rng.poisson(rates.fat))):
        a = _log_uniform(rng, spec.fat_mm) / 2
        found.append(_mark(anatomy, "fat", "fat", target, (a, 0.75 * a, 0.75 * a), rng))
    for _ in range(int(rng.poisson(rates.vessel))):
        a = rng.uniform(*spec.vessel_mm) / 2
        found.append(_mark(anatomy, "vessel", "vessel", target, (a, a, 2 * a), rng))
    for _ in range(int(rng.poisson(rates.calcification))):
        a = _log_uniform(rng, spec.calcification_mm) / 2
        found.append(_mark(anatomy, "calcification", "calcium", target, (a, 0.75 * a, 0.75 * a), rng))
    if target == "pancreas" and rng.random() < spec.dilated_duct_share:
        found.append(_dilated_duct(anatomy, spec, rng))
    return tuple(found)


def _draw_growth(
    anatomy: Anatomy,
    target: Target,
    organ: str,
    spec: TumorSpec,
    blocked: Bool[np.ndarray, "x y z"],
    rng: np.random.Generator,
) -> Growth | None:
    longest = _log_uniform(rng, spec.longest_axial_mm)
    ratios = (1.0, rng.uniform(*spec.perpendicular_ratio), rng.uniform(*spec.craniocaudal_ratio))
    for step in range(_SHRINK_STEPS):
        size = max(longest * 0.9**step, spec.longest_axial_mm[0])
        diameters = (size, size * ratios[1], size * ratios[2])
        blob = _place(anatomy, organ, diameters, blocked, rng)
        if blob is not None:
            return Growth(target, organ, structure_of(anatomy, organ, blob), diameters, blob)
    return None


def _place(
    anatomy: Anatomy,
    organ: str,
    diameters_mm: Point,
    blocked: Bool[np.ndarray, "x y z"],
    rng: np.random.Generator,
) -> Blob | None:
    """Try random centers and turns until the ellipsoid fits; None if none does."""
    semi = (diameters_mm[0] / 2, diameters_mm[1] / 2, diameters_mm[2] / 2)
    room = _Room.around(anatomy, organ)
    for _ in range(_CENTERS_TRIED):
        shape = Ellipsoid(_center(anatomy, organ, rng), semi, float(rng.uniform(0, np.pi)))
        if not room.holds(shape):
            continue
        blob = shape.blob(anatomy.grid, _MARGIN_MM)
        inside = blob.distance_mm < 0
        if inside.any() and not (blocked[blob.box] & inside).any():
            return blob
    return None


@dataclass(frozen=True)
class _Room:
    """How far an organ reaches, and how far it may."""

    low_mm: np.ndarray
    high_mm: np.ndarray
    limit_mm: np.ndarray

    @classmethod
    def around(cls, anatomy: Anatomy, organ: str) -> "_Room":
        mask, grid = anatomy.masks[organ], anatomy.grid
        low, high = [], []
        for axis, line, spacing in zip(range(3), grid.axes(), grid.spacing_mm, strict=True):
            others = tuple(a for a in range(3) if a != axis)
            marked = line.ravel()[mask.any(axis=others)]
            low.append(marked[0] - spacing / 2)
            high.append(marked[-1] + spacing / 2)
        return cls(np.array(low), np.array(high), np.array(MAX_EXTENT_MM[organ]))

    def holds(self, shape: Ellipsoid) -> bool:
        center, reach = np.array(shape.center_mm), np.array(shape.reach_mm)
        low, high = np.minimum(self.low_mm, center - reach), np.maximum(self.high_mm, center + reach)
        return bool((high - low <= self.limit_mm).all())


def _center(anatomy: Anatomy, organ: str, rng: np.random.Generator) -> Point:
    """Draw a point of the organ's core, off the middle of its voxel."""
    core = anatomy.cores[organ]
    voxel = core[rng.integers(len(core))]
    x, y, z = (
        float(p + rng.uniform(-0.5, 0.5) * s) for p, s in zip(voxel, anatomy.grid.spacing_mm, strict=True)
    )
    return x, y, z


def _blocked(anatomy: Anatomy, target: Target) -> Bool[np.ndarray, "x y z"]:
    """Mark where a growth of this target may not reach: closed voxels and the organs of the other target."""
    blocked = anatomy.closed.copy()
    for other, organs in ORGANS.items():
        for organ in organs if other != target else ():
            blocked |= anatomy.masks[organ]
    return blocked


def _cyst(
    anatomy: Anatomy, target: Target, organ: str, spec: DistractorSpec, rng: np.random.Generator
) -> list[Distractor]:
    diameter = _log_uniform(rng, spec.cyst_mm)
    blob = _place(anatomy, organ, (diameter, diameter, diameter), _blocked(anatomy, target), rng)
    if blob is None:
        return []
    structure = structure_of(anatomy, organ, blob)
    layer = paint("water", blob, anatomy.grid.spacing_mm[0])
    return [Distractor("cyst", target, structure, diameter, layer, blob)]


def _mark(
    anatomy: Anatomy,
    kind: DistractorKind,
    tissue: str,
    target: Target,
    semi_axes_mm: Point,
    rng: np.random.Generator,
) -> Distractor:
    """Draw a small ellipsoid of another tissue; unlike a cyst it may lie across the organ's surface."""
    organ = str(rng.choice(ORGANS[target]))
    shape = Ellipsoid(_center(anatomy, organ, rng), semi_axes_mm, float(rng.uniform(0, np.pi)))
    blob = shape.blob(anatomy.grid, _MARGIN_MM)
    layer = paint(tissue, blob, anatomy.grid.spacing_mm[0])
    structure = structure_of(anatomy, organ, blob)
    return Distractor(kind, target, structure, 2 * max(semi_axes_mm), layer, blob)


def _dilated_duct(anatomy: Anatomy, spec: DistractorSpec, rng: np.random.Generator) -> Distractor:
    """Draw a water-filled tube along the middle of the pancreas, up to the tail."""
    line, grid = anatomy.centerline.points_mm, anatomy.grid
    diameter = rng.uniform(*spec.duct_mm)
    points = line[rng.integers(2, len(line) // 2) : -2]
    blob = tube(grid, points, np.full(len(points), diameter / 2, np.float32), diameter)
    layer = paint("water", blob, grid.spacing_mm[0])
    return Distractor("dilated_duct", "pancreas", "pancreas", diameter, layer, blob)


def _log_uniform(rng: np.random.Generator, bounds: Range) -> float:
    return float(np.exp(rng.uniform(np.log(bounds[0]), np.log(bounds[1]))))
