"""From what a report says to what may be supervised in one patch.

A region counts where it lies fully inside the patch and all its sizes are known (§2.2, last paragraph). Every
other region that has, or may have, a tumor is left alone: neither punished nor rewarded.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8
from scipy.ndimage import distance_transform_edt

from rsuper.data.store import ORGAN_LABELS, Box, structure_mask
from rsuper.data.volumes import Shape, Spacing
from rsuper.reports.findings import SEGMENTS, ReportFindings
from rsuper.reports.sizes import SizeRule
from rsuper.reports.supervision import Region, State, TumorSize, regions

PANCREAS_SEGMENTS = tuple(f"pancreas_{segment}" for segment in SEGMENTS["pancreas"])


@dataclass(frozen=True)
class ReportUse:
    """How a method reads reports; the defaults are the paper's.

    `size_rule` turns diameters into volumes; without `subsegments` the pancreas is one region; `grow_mm` is
    added around every region that is supervised.
    """

    size_rule: SizeRule = "paper"
    subsegments: bool = True
    grow_mm: float = 0.0


@dataclass(frozen=True)
class PatchTumor:
    """One reported tumor inside a patch."""

    mask: Bool[np.ndarray, "x y z"]  # the organ or segment that the report names
    volume_mm3: float
    diameter_mm: float


@dataclass(frozen=True)
class PatchRegion:
    """A region that is supervised in a patch: its tumors' volumes must add up to the report's."""

    target: str
    mask: Bool[np.ndarray, "x y z"]
    volume_mm3: float
    tumors: tuple[PatchTumor, ...]
    structures: tuple[str, ...]
    grown_mm: float = 0.0  # how far the mask reaches beyond its structures


@dataclass(frozen=True)
class PatchSupervision:
    """What a report teaches in one patch."""

    regions: tuple[PatchRegion, ...]
    outside: Mapping[str, Bool[np.ndarray, "x y z"]]  # per target: voxels certainly free of such a tumor
    counts: Mapping[str, int]  # how many regions counted, and why others did not


def regions_of(
    findings: ReportFindings | None, structures: Sequence[str], use: ReportUse
) -> tuple[Region, ...]:
    """Divide a case into regions, as its report, its organ masks and the method's use of reports allow."""
    kept = [name for name in structures if use.subsegments or name not in PANCREAS_SEGMENTS]
    return on_available_masks(regions(findings, size_rule=use.size_rule), kept)


def on_available_masks(found: Sequence[Region], structures: Sequence[str]) -> tuple[Region, ...]:
    """Fit regions to the organ masks that a case has.

    Without a mask for every pancreas segment, the regions of the pancreas become one over the whole organ. A
    target without any organ mask is outside the field of view: its regions become unknown, whatever the
    report says or leaves out, so that nothing is taught about it.
    """
    known = [region if _in_view(region, structures) else _unknown(region) for region in found]
    fitted = [region for region in known if region.target != "pancreas"]
    pancreas = [region for region in known if region.target == "pancreas"]
    if set(PANCREAS_SEGMENTS) <= set(structures):
        fitted += [_whole_if_all(region) for region in pancreas]
    elif pancreas:
        fitted.append(_merged(pancreas))
    return tuple(fitted)


def _in_view(region: Region, structures: Sequence[str]) -> bool:
    return any(structure.startswith(region.target) for structure in structures)


def _unknown(region: Region) -> Region:
    return Region(region.target, region.structures, State.UNKNOWN)


def _whole_if_all(region: Region) -> Region:
    if set(PANCREAS_SEGMENTS) <= set(region.structures):
        return Region(region.target, ("pancreas",), region.state, _whole_tumors(region.tumors))
    return region


def _whole_tumors(tumors: Sequence[TumorSize]) -> tuple[TumorSize, ...]:
    return tuple(
        TumorSize(t.volume_mm3, t.diameter_mm, ("pancreas",))
        if set(PANCREAS_SEGMENTS) <= set(t.structures)
        else t
        for t in tumors
    )


def _merged(parts: Sequence[Region]) -> Region:
    states = {region.state for region in parts}
    order = (State.UNKNOWN, State.POSITIVE_UNSIZED, State.POSITIVE_SIZED, State.NEGATIVE)
    state = next(state for state in order if state in states)
    tumors = tuple(
        TumorSize(t.volume_mm3, t.diameter_mm, ("pancreas",)) for region in parts for t in region.tumors
    )
    return Region("pancreas", ("pancreas",), state, tumors if state == State.POSITIVE_SIZED else ())


def supervise(
    found: Sequence[Region],
    boxes: Mapping[str, Box],
    organs: UInt8[np.ndarray, "x y z"],
    start: Shape,
    size: Shape,
    targets: Sequence[str],
    *,
    spacing_mm: Spacing,
    grow_mm: float = 0.0,
) -> PatchSupervision:
    """Decide what a report teaches in a patch.

    Args:
        found: regions of the case, fitted to its masks.
        boxes: bounding box per structure in the volume.
        organs: organ labels of the patch, not mirrored.
        start: first voxel of the patch in the volume.
        size: shape of the patch.
        targets: the experiment's targets.
        spacing_mm: voxel size, for `grow_mm`.
        grow_mm: regions with a tumor are supervised with so much of their surroundings. What is certainly
            free of tumor does not shrink by it.
    """
    outside = {target: np.ones(size, dtype=bool) for target in targets}
    counts: Counter[str] = Counter()
    supervised = []
    for region in found:
        if region.target not in outside:
            continue
        mask = structure_mask(organs, region.structures)
        verdict = _verdict(region, boxes, start, size)
        counts[verdict] += 1
        if region.state != State.NEGATIVE:
            outside[region.target] &= ~_may_hold(region, boxes, mask, organs)
        if verdict == "positive":
            supervised.append(_patch_region(region, organs, grow_mm, spacing_mm))
    supervised += _negative_organs(found, boxes, organs, start, size, outside)
    return PatchSupervision(tuple(supervised), outside, dict(counts))


def _verdict(region: Region, boxes: Mapping[str, Box], start: Shape, size: Shape) -> str:
    if region.state == State.NEGATIVE:
        return "negative"
    if region.state == State.POSITIVE_UNSIZED:
        return "no size"
    if region.state != State.POSITIVE_SIZED:
        return "unknown"
    if not all(structure in boxes for structure in region.structures):
        return "no organ mask"
    inside = all(covers(start, size, boxes[name]) for name in region.structures)
    return "positive" if inside else "not fully in the patch"


def _may_hold(
    region: Region,
    boxes: Mapping[str, Box],
    mask: Bool[np.ndarray, "x y z"],
    organs: UInt8[np.ndarray, "x y z"],
) -> Bool[np.ndarray, "x y z"]:
    """Voxels where the region's tumor may lie: all if a mask is missing, which is not an empty one."""
    if not all(structure in boxes for structure in region.structures):
        return np.ones_like(mask)
    if region.target == "pancreas":  # what no segment claims may belong to this one
        return mask | (organs == ORGAN_LABELS["pancreas"])
    return mask


def covers(start: Shape, size: Shape, box: Box) -> bool:
    """Whether a patch fully covers a box."""
    return all(s <= low and high <= s + w for s, w, low, high in zip(start, size, *box, strict=True))


def _patch_region(
    region: Region, organs: UInt8[np.ndarray, "x y z"], grow_mm: float, spacing_mm: Spacing
) -> PatchRegion:
    def mask(structures: Sequence[str]) -> Bool[np.ndarray, "x y z"]:
        return grown(structure_mask(organs, structures), grow_mm, spacing_mm)

    tumors = tuple(PatchTumor(mask(t.structures), t.volume_mm3, t.diameter_mm) for t in region.tumors)
    volume_mm3 = sum(t.volume_mm3 for t in region.tumors)
    region_mask = mask(region.structures)
    return PatchRegion(region.target, region_mask, volume_mm3, tumors, region.structures, grow_mm)


def grown(
    mask: Bool[np.ndarray, "x y z"], margin_mm: float, spacing_mm: Spacing
) -> Bool[np.ndarray, "x y z"]:
    """Add the voxels within a distance of the mask (center to center); an empty mask stays empty."""
    if margin_mm == 0 or not mask.any():
        return mask
    near: Bool[np.ndarray, "x y z"] = distance_transform_edt(~mask, sampling=spacing_mm) <= margin_mm
    return near


def _negative_organs(
    found: Sequence[Region],
    boxes: Mapping[str, Box],
    organs: UInt8[np.ndarray, "x y z"],
    start: Shape,
    size: Shape,
    targets: Mapping[str, object],
) -> list[PatchRegion]:
    """Organs said to be free of tumor as a whole: reported volume zero (§2.1, the E of Eq. 2)."""
    organs_free = []
    for target, organ in (("pancreas", "pancreas"), ("kidney", "kidney_left"), ("kidney", "kidney_right")):
        own = [r for r in found if r.target == target and any(s.startswith(organ) for s in r.structures)]
        names = [name for name in boxes if name.startswith(organ)]
        negative = bool(own) and all(region.state == State.NEGATIVE for region in own)
        if target in targets and negative and names and all(covers(start, size, boxes[n]) for n in names):
            organs_free.append(PatchRegion(target, structure_mask(organs, [organ]), 0.0, (), (organ,)))
    return organs_free
