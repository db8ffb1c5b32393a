"""One synthetic patient: facts, CT and masks, from a seed of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int16

from rsuper.config.phantom import CaseKind, HospitalSpec, PerturbationSpec, PhantomSpec, Phase, TumorType
from rsuper.data.phantom.anatomy import KIDNEYS, SEGMENTS, Anatomy, build_anatomy
from rsuper.data.phantom.lesions import (
    ORGANS,
    Distractor,
    Growth,
    Target,
    absorb,
    bulge_layer,
    draw_distractors,
    draw_growths,
    draw_type,
    tumor_layer,
)
from rsuper.data.phantom.render import render_ct, segmenter_masks, split_pancreas, tissue_hu
from rsuper.data.phantom.shapes import Grid, Layer

_DISEASED: Mapping[CaseKind, tuple[Target, ...]] = {
    "pancreas": ("pancreas",),
    "kidney": ("kidney",),
    "both": ("pancreas", "kidney"),
    "normal": (),
}
TARGETS: tuple[Target, ...] = ("pancreas", "kidney")


@dataclass(frozen=True)
class Tumor:
    """A growth that is a tumor, with its type and its voxels."""

    growth: Growth
    kind: TumorType
    mask: Bool[np.ndarray, "x y z"]


@dataclass(frozen=True)
class PhantomCase:
    """Everything known about one synthetic CT.

    Attributes:
        organs: true masks of the pancreas, its segments and the kidneys.
        stored_organs: the masks that the hospital hands out, true or a segmenter's.
    """

    kind: CaseKind
    phase: Phase
    age: int
    sex: Literal["F", "M"]
    scanner: str
    ct: Int16[np.ndarray, "x y z"]
    organs: dict[str, Bool[np.ndarray, "x y z"]]
    stored_organs: dict[str, Bool[np.ndarray, "x y z"]]
    tumors: tuple[Tumor, ...]
    distractors: tuple[Distractor, ...]

    def lesion_mask(self, target: Target) -> Bool[np.ndarray, "x y z"]:
        """Unite the tumors of a target; empty if there is none."""
        mask = np.zeros(self.ct.shape, bool)
        for tumor in self.tumors:
            if tumor.growth.target == target:
                mask |= tumor.mask
        return mask


def make_case(spec: PhantomSpec, hospital: HospitalSpec, kind: CaseKind, seed: Sequence[int]) -> PhantomCase:
    """Make one case.

    Facts, body, look-alikes, growths, types, scanner and masks have a generator each, so that two cases of
    one seed and different `kind` differ in nothing but which growths are painted as tumors.

    Args:
        spec: the recipe.
        hospital: whose patient and scanner it is.
        kind: which targets are diseased.
        seed: of this case alone, e.g. (data seed, hospital id, index).
    """
    facts, body, looks, places, types, scan, segmenter = np.random.default_rng(list(seed)).spawn(7)
    phase, age, sex, scanner = _patient(hospital, facts)
    grid = Grid(spec.grid.shape, spec.grid.spacing_mm)
    plain = build_anatomy(grid, body)
    distractors = tuple(d for t in TARGETS for d in draw_distractors(plain, t, spec.distractors, looks))
    anatomy = plain
    for cyst in (d for d in distractors if d.kind == "cyst"):
        anatomy = absorb(anatomy, cyst.structure if cyst.target == "kidney" else "pancreas", cyst.blob)
    growths: list[Growth] = []
    for target in TARGETS:
        placed = draw_growths(anatomy, target, spec.tumors, places)
        for growth in placed:
            anatomy = absorb(anatomy, growth.organ, growth.blob)
        growths += placed

    painted, tumors = _tumors(growths, kind, phase, spec, hospital, grid, types)
    layers = [*anatomy.background, *(bulge_layer(growth, grid) for growth in growths), *anatomy.organs]
    layers += [*(d.layer for d in distractors), *painted]
    ct = render_ct(layers, tissue_hu(phase, scan), hospital, grid, scan)
    organs, stored = _organ_masks(anatomy, hospital, spec.perturbation, segmenter)
    return PhantomCase(kind, phase, age, sex, scanner, ct, organs, stored, tumors, distractors)


def _patient(hospital: HospitalSpec, rng: np.random.Generator) -> tuple[Phase, int, Literal["F", "M"], str]:
    """Draw phase, age, sex and scanner, none of which depends on disease."""
    phases: tuple[Phase, ...] = ("plain", "arterial", "venous")
    shares = hospital.phases
    phase = phases[int(rng.choice(3, p=[shares.plain, shares.arterial, shares.venous]))]
    age = int(np.clip(np.rint(rng.normal(60, 14)), 18, 90))
    sex: Literal["F", "M"] = "F" if rng.random() < 0.5 else "M"
    return phase, age, sex, hospital.scanners[rng.integers(len(hospital.scanners))]


def _tumors(
    growths: Sequence[Growth],
    kind: CaseKind,
    phase: Phase,
    spec: PhantomSpec,
    hospital: HospitalSpec,
    grid: Grid,
    rng: np.random.Generator,
) -> tuple[list[Layer], tuple[Tumor, ...]]:
    """Give every growth of a diseased target a type, its paint and its voxels."""
    layers, tumors = [], []
    for growth, own in zip(growths, rng.spawn(len(growths)), strict=True):
        if growth.target not in _DISEASED[kind]:
            continue
        tumor_type = draw_type(hospital.types, own)
        multiplier = float(own.uniform(*hospital.contrast_multiplier))
        layers.append(tumor_layer(growth, tumor_type, multiplier, phase, spec.tumors, grid, own))
        mask = np.zeros(grid.shape, bool)
        mask[growth.blob.box] = growth.blob.distance_mm < 0
        tumors.append(Tumor(growth, tumor_type, mask))
    return layers, tuple(tumors)


def _organ_masks(
    anatomy: Anatomy, hospital: HospitalSpec, spec: PerturbationSpec, rng: np.random.Generator
) -> tuple[dict[str, Bool[np.ndarray, "x y z"]], dict[str, Bool[np.ndarray, "x y z"]]]:
    true = {organ: anatomy.masks[organ] for organs in ORGANS.values() for organ in organs}
    organs = _with_segments(true, anatomy, 0.0, rng)
    if hospital.organ_masks == "true":
        return organs, organs
    shifted = segmenter_masks(true, anatomy.grid, spec, rng)
    return organs, _with_segments(shifted, anatomy, spec.boundary_sd_mm, rng)


def _with_segments(
    masks: Mapping[str, Bool[np.ndarray, "x y z"]],
    anatomy: Anatomy,
    boundary_sd_mm: float,
    rng: np.random.Generator,
) -> dict[str, Bool[np.ndarray, "x y z"]]:
    labels = split_pancreas(masks["pancreas"], anatomy.centerline, anatomy.grid, boundary_sd_mm, rng)
    segments = {name: labels == number for number, name in enumerate(SEGMENTS, start=1)}
    return {"pancreas": masks["pancreas"], **segments, **{name: masks[name] for name in KIDNEYS}}
