"""What can be read off a synthetic case without looking for a tumor, and what an untrained detector sees.

Facts: age, sex, scanner, phase, case number; volume and file size of the organ masks as stored; file size of
the CT; number of distractors; HU and noise of the whole CT and of places in it. Mean HU (`whole`, `far`,
`near`) are clipped as a network sees them; medians (`fat`, `liver`, `spine`) and noise are not. Places keep a
distance from the organ masks as stored, for a tumor may lie anywhere in them:

- `near` an organ: body voxels 8 to 24 mm from its mask and at least 8 mm from any other;
- `far`: body voxels at least 20 mm from every mask; `fat`: those of -150 to -50 HU;
- `liver`, `spine`: a ball of 20 mm and a column of 10 mm at fixed places, at least 20 mm from every mask;
- `whole`: every voxel, a tumor's included.

Noise is the robust spread of voxels around the mean of their six neighbors.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from rsuper.config.phantom import HospitalSpec, PhantomSpec, Phase
from rsuper.data.phantom.case import TARGETS, PhantomCase
from rsuper.data.phantom.dataset import write_nifti
from rsuper.data.phantom.lesions import ORGANS, Distractor
from rsuper.data.phantom.render import render_ct, tissue_hu
from rsuper.data.phantom.shapes import Grid

Row = dict[str, object]
Mask = Bool[np.ndarray, "x y z"]
Image = Float[np.ndarray, "x y z"]

CATEGORIES = ("phase", "sex", "scanner")
KINDS = {
    "pancreas": ("cyst", "fat", "vessel", "calcification", "dilated_duct"),
    "kidney": ("cyst", "fat", "vessel", "calcification"),
}
SETTINGS = ("blur_mm", "texture_hu", "noise_hu", "gain", "offset_hu")  # in the order of their drawing
_MASKED = [organ for organs in ORGANS.values() for organ in organs]
_BODY_HU = -200.0  # above: body; below: air and gas
_GAP_MM, _REACH_MM, _FAR_MM = 8.0, 24.0, 20.0
_LIVER_MM, _LIVER_RADIUS_MM = (54.0, 6.0, 46.0), 20.0
_SPINE_MM, _SPINE_RADIUS_MM = (0.0, -52.0), 10.0
_SCALE_STEP = 2 ** (1 / 3)
SCALES_MM = tuple(4.0 * _SCALE_STEP**k for k in range(6))  # 4 to 12.7 mm


class _Recorder(np.random.Generator):
    """A generator that remembers what it drew evenly."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng.bit_generator)
        self.drawn: list[tuple[float, float, float]] = []

    def uniform(self, low=0.0, high=1.0, size=None):  # type: ignore[no-untyped-def]
        value = super().uniform(low, high, size)
        self.drawn.append((low, high, value))
        return value


def scan_settings(
    hospital: HospitalSpec, grid: Grid, phase: Phase, seed: tuple[int, ...]
) -> tuple[dict[str, float], Image]:
    """Draw a case's scanner anew, as `make_case` does; give its settings and a scan of nothing by it.

    Raises:
        RuntimeError: the generator no longer draws the settings in this order.
    """
    rng = _Recorder(np.random.default_rng(list(seed)).spawn(7)[5])
    tissue_hu(phase, rng)
    empty = render_ct([], {}, hospital, grid, rng)
    expected = [tuple(getattr(hospital, name)) for name in SETTINGS]
    if [(low, high) for low, high, _ in rng.drawn] != expected:
        raise RuntimeError(f"expected scanner settings drawn from {expected}, got {rng.drawn}")
    return dict(zip(SETTINGS, (value for _, _, value in rng.drawn), strict=True)), empty.astype(float)


def case_facts(
    case: PhantomCase,
    number: int,
    hospital: HospitalSpec,
    spec: PhantomSpec,
    clip_hu: tuple[float, float],
    folder: Path,
) -> Row:
    """Measure the facts of one case; files are written to `folder` one after the other to be weighed."""
    grid = Grid(spec.grid.shape, spec.grid.spacing_mm)
    row: Row = {"case_number": number, "phase": case.phase, "age": case.age, "sex": case.sex}
    row |= {"scanner": case.scanner, "bytes_ct": _stored_bytes(case.ct, grid, hospital, folder)}
    for organ in _MASKED:
        mask = case.stored_organs[organ]
        row[f"volume_{organ}"] = float(mask.sum() * grid.voxel_volume_mm3)
        row[f"bytes_{organ}"] = _stored_bytes(mask.astype(np.uint8), grid, hospital, folder)
    for target in TARGETS:
        row[f"distractors_{target}"] = sum(d.target == target for d in case.distractors)
    return row | image_facts(case.ct, case.stored_organs, grid, clip_hu)


def _stored_bytes(array: np.ndarray, grid: Grid, hospital: HospitalSpec, folder: Path) -> int:
    path = folder / "weighed.nii.gz"
    write_nifti(path, array, grid.affine, hospital.orientation)
    return path.stat().st_size


def image_facts(ct: np.ndarray, masks: Mapping[str, Mask], grid: Grid, clip_hu: tuple[float, float]) -> Row:
    """Measure HU and noise at the places that the module names; NaN where a place has no voxel."""
    clipped = np.clip(ct.astype(np.float32), *clip_hu)
    residual = ndimage.laplace(ct.astype(np.float32)) / 6
    gaps = {target: _distance_mm([masks[o] for o in organs], grid) for target, organs in ORGANS.items()}
    nearest = np.minimum.reduce(list(gaps.values()))
    body = ct > _BODY_HU
    far = body & (nearest >= _FAR_MM)
    x, y, z = grid.axes()
    ball = sum((axis - c) ** 2 for axis, c in zip((x, y, z), _LIVER_MM, strict=True)) < _LIVER_RADIUS_MM**2
    column = (x - _SPINE_MM[0]) ** 2 + (y - _SPINE_MM[1]) ** 2 + 0 * z < _SPINE_RADIUS_MM**2
    places = {"liver": far & ball, "spine": far & column}
    places |= {"far": far, "fat": far & (ct > -150) & (ct < -50)}
    row: Row = {f"hu_{name}": _median(ct[places[name]]) for name in ("liver", "spine", "fat")}
    for target, gap in gaps.items():
        places[f"near_{target}"] = body & (gap >= _GAP_MM) & (gap < _REACH_MM) & (nearest >= _GAP_MM)
        row[f"hu_near_{target}"] = float(clipped[places[f"near_{target}"]].mean())
    row |= {"hu_far": float(clipped[far].mean()), "hu_whole": float(clipped.mean())}
    noisy = [name for name in places if name not in ("spine", "fat")]
    return row | {f"noise_{name}": _spread(residual[places[name]]) for name in noisy}


def _distance_mm(masks: list[Mask], grid: Grid) -> Image:
    union = np.logical_or.reduce(masks)
    return ndimage.distance_transform_edt(~union, sampling=grid.spacing_mm)


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if values.size else float("nan")


def _spread(values: np.ndarray) -> float:
    return 1.4826 * _median(np.abs(values - _median(values)))


def distractor_counts(case: PhantomCase) -> Row:
    """Count look-alikes by target and kind, and those of which a tumor covers more than half."""
    row: Row = {}
    for target, kinds in KINDS.items():
        own = [d for d in case.distractors if d.target == target]
        row |= {f"{target}:{kind}": sum(d.kind == kind for d in own) for kind in kinds}
        row[f"{target}:covered"] = sum(_covered(d, case) for d in own)
    return row


def _covered(distractor: Distractor, case: PhantomCase) -> bool:
    inside = distractor.blob.distance_mm < 0
    return 2 * sum(int((t.mask[distractor.blob.box] & inside).sum()) for t in case.tumors) > int(inside.sum())


def detector_scores(case: PhantomCase, spec: PhantomSpec, clip_hu: tuple[float, float]) -> Row:
    """Score each target by every untrained detector: names are `target:detector`.

    Detectors differ in what they look at (`raw`: the CT; `filled`: the organ's own voxels, its median around
    them), how (`dog`: difference of Gaussians one third of an octave apart, per step of scale; `smooth`:
    Gaussian mean less the organ's median), for what (`bright`, `dark`, `both`), where (the stored organ mask
    `full`, or `eroded` by a voxel; an organ that would vanish is left whole), and at which scale (in mm, or
    `any`). Beside them stand `spread` of the organ's voxels (standard deviation, 5th to 95th percentile) and,
    for the kidneys, the difference of `sides` (in median and in spread).
    """
    clipped = np.clip(case.ct.astype(np.float32), *clip_hu)
    whole = _levels(clipped, spec.grid.spacing_mm, "nearest")
    row: Row = {}
    for target, organs in ORGANS.items():
        found = [dict(_organ_scores(clipped, whole, case.stored_organs[organ], spec)) for organ in organs]
        row |= {f"{target}:{name}": max(scores[name] for scores in found) for name in found[0]}
        inside = [clipped[case.stored_organs[organ]] for organ in organs]
        if len(inside) == 2:
            row[f"{target}:sides median"] = abs(_median(inside[0]) - _median(inside[1]))
            row[f"{target}:sides spread"] = abs(float(inside[0].std() - inside[1].std()))
    return row


def _organ_scores(
    clipped: Image, whole: list[Image], mask: Mask, spec: PhantomSpec
) -> Iterator[tuple[str, float]]:
    voxels = clipped[mask]
    yield "spread sd", float(voxels.std())
    yield "spread 5-95", float(np.subtract(*np.percentile(voxels, (95, 5))))
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    inside, median = mask[box], _median(voxels)
    eroded = ndimage.binary_erosion(inside)
    regions = {"full": inside, "eroded": eroded if eroded.any() else inside}
    filled = _levels(np.where(inside, clipped[box] - median, 0), spec.grid.spacing_mm, "constant")
    for image, levels in (("raw", [level[box] - median for level in whole]), ("filled", filled)):
        steps = [(a - b) / (_SCALE_STEP - 1) for a, b in pairwise(levels)]
        for operator, responses in (("dog", steps), ("smooth", levels)):
            for region, where in regions.items():
                yield from _extremes(f"{image} {operator} {region}", [r[where] for r in responses])


def _extremes(name: str, responses: list[np.ndarray]) -> Iterator[tuple[str, float]]:
    bright, dark = [float(r.max()) for r in responses], [float(-r.min()) for r in responses]
    both = [max(pair) for pair in zip(bright, dark, strict=True)]
    for polarity, values in (("bright", bright), ("dark", dark), ("both", both)):
        yield f"{name} {polarity} any", max(values)
        for scale, value in zip(SCALES_MM, values, strict=False):
            yield f"{name} {polarity} {scale:.0f} mm", value


def _levels(image: Image, spacing_mm: tuple[float, float, float], mode: str) -> list[Image]:
    """Smooth at every scale; beyond the border lies the edge's value (`nearest`) or 0 (`constant`)."""
    return [
        ndimage.gaussian_filter(image, [scale / s for s in spacing_mm], truncate=3.0, mode=mode)
        for scale in SCALES_MM
    ]
