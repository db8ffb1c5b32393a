"""Full-size truths and predictions made of real structures; part of `benchmarks/metrics.py`."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from rsuper.data.volumes import read_volume
from rsuper.metrics.boxes import bounding_box

Mask = Bool[np.ndarray, "x y z"]
Spacing = tuple[float, float, float]
IN_PLANE = 512


@dataclass(frozen=True)
class Scene:
    """A structure of a KiTS19 case, its volume, and the grid that it is put on."""

    name: str
    case: str
    labels: tuple[int, ...]
    volume_ml: float
    slices: int
    spacing_mm: Spacing
    predictions: tuple[str, ...] = ("moved", "rough")


TUMOR, KIDNEY = (2,), (1, 2)
SCENES = (
    Scene("tumor", "case_00031", TUMOR, 5, 90, (0.71, 0.71, 5.0), ("moved", "rough", "scattered")),
    Scene("tumor", "case_00066", TUMOR, 35, 261, (0.94, 0.94, 1.0)),
    Scene("tumor", "case_00054", TUMOR, 8, 611, (0.92, 0.92, 0.5)),
    Scene("kidney", "case_00014", KIDNEY, 170, 611, (0.85, 0.85, 0.5)),
    Scene("tumor", "case_00056", TUMOR, 260, 1059, (0.81, 0.81, 0.5)),
)


def truth_mask(scene: Scene, real: Path) -> Mask:
    """Put the largest piece of a real structure on a full-size grid, scaled to its volume."""
    stored = read_volume(real / "kits19_2mm" / "masks" / f"{scene.case}.nii.gz")
    pieces, _ = ndimage.label(np.isin(stored.array, scene.labels))
    largest = pieces == np.bincount(pieces[pieces > 0]).argmax()
    box = bounding_box(largest)
    assert box is not None
    piece = np.pad(largest[tuple(slice(low, high) for low, high in box)], 4)
    own_ml = piece.sum() * math.prod(stored.spacing_mm) / 1000
    scale = (scene.volume_ml / own_ml) ** (1 / 3)
    zoom = [scale * old / new for old, new in zip(stored.spacing_mm, scene.spacing_mm, strict=True)]
    shape = ndimage.zoom(ndimage.gaussian_filter(piece.astype(np.float32), 0.7), zoom, order=1) > 0.5
    whole = np.full((IN_PLANE, IN_PLANE, scene.slices), False, order="F")
    low = [(n - k) // 2 for n, k in zip(whole.shape, shape.shape, strict=True)]
    whole[tuple(slice(a, a + k) for a, k in zip(low, shape.shape, strict=True))] = shape
    return whole


def predicted_mask(truth: Mask, kind: str, generator: np.random.Generator) -> Mask:
    """Make a prediction of a truth: `moved`, `rough` or `scattered`; see the module."""
    if kind == "rough":
        box = bounding_box(truth)
        assert box is not None
        window = tuple(slice(low - 8, high + 8) for low, high in box)
        soft = ndimage.gaussian_filter(truth[window].astype(np.float32), 2.0)
        noise = ndimage.gaussian_filter(generator.standard_normal(soft.shape), 3.0)
        made = np.full(truth.shape, False, order="F")
        made[window] = soft + 0.2 * noise / noise.std() > 0.5
        return made
    made = np.full(truth.shape, False, order="F")
    made[3:, 3:, 2:] = truth[:-3, :-3, :-2]
    if kind == "scattered":
        for corner in generator.integers(10, np.array(truth.shape) - 20, (8, 3)):
            made[tuple(slice(low, low + 6) for low in corner)] = True
    return made
