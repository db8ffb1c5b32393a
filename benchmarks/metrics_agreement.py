"""Surface metrics of real mask pairs by every implementation; part of `benchmarks/metrics.py`.

Structures of three data sets (2 mm voxels, most of them thinned to slices of 4 or 6 mm along an axis), each
against itself moved, eroded, dilated, with smooth noise, and against the next structure.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks.metrics_scenes import Mask, Spacing
from rsuper.data.volumes import read_volume
from rsuper.metrics.boxes import bounding_box, union_window

# Folder, place in the sorted list of masks, labels of the structure, axis and step of thinning.
STRUCTURES: tuple[tuple[str, int, tuple[int, ...], tuple[int, int] | None], ...] = (
    ("kits19_2mm", 0, (2,), None),
    ("kits19_2mm", 3, (2,), (2, 3)),
    ("kits19_2mm", 5, (1, 2), (2, 2)),
    ("panorama_2mm", 0, (1,), None),
    ("panorama_2mm", 2, (1, 4, 5), (2, 3)),
    ("kits23_multitumor_2mm", 0, tuple(range(11, 21)), (1, 2)),
)
Numbers = Callable[[Mask, Mask, Spacing], list[float]]


def structure(
    real: Path, folder: str, place: int, labels: tuple[int, ...], thin: tuple[int, int] | None
) -> tuple[Mask, Spacing]:
    """Read a structure, thin it, and cut it to its box and some room."""
    stored = read_volume(sorted((real / folder / "masks").glob("*.nii.gz"))[place])
    mask, spacing_mm = np.isin(stored.array, labels), list(stored.spacing_mm)
    if thin is not None:
        axis, step = thin
        mask = mask.take(range(0, mask.shape[axis], step), axis)
        spacing_mm[axis] *= step
    cut = np.pad(mask[union_window([bounding_box(mask)])], 4)
    return cut, (spacing_mm[0], spacing_mm[1], spacing_mm[2])


def predictions(truth: Mask, other: Mask) -> dict[str, Mask]:
    """Make five predictions of a truth."""
    noise = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(truth.shape), 1.0)
    elsewhere = np.zeros_like(truth)
    shared = tuple(slice(min(a, b)) for a, b in zip(truth.shape, other.shape, strict=True))
    elsewhere[shared] = other[shared]
    return {
        "moved": np.roll(truth, (2, -1, 1), (0, 1, 2)),
        "eroded": ndimage.binary_erosion(truth),
        "dilated": ndimage.binary_dilation(truth),
        "noisy": truth ^ (noise > np.quantile(noise, 0.96)),
        "other": elsewhere,
    }


def agreement_rows(real: Path, ours: Numbers, others: dict[str, Numbers]) -> Iterator[dict[str, object]]:
    """One row per pair with an empty mask nowhere: the largest gap to each other implementation.

    An implementation may give fewer numbers than ours; then the first ones are compared.
    """
    masks = [structure(real, *each) for each in STRUCTURES]
    for index, (truth, spacing_mm) in enumerate(masks):
        for change, predicted in predictions(truth, masks[(index + 1) % len(masks)][0]).items():
            if not predicted.any():
                continue
            values = ours(truth, predicted, spacing_mm)
            folder = STRUCTURES[index][0]
            row: dict[str, object] = {
                "structure": f"{folder} {index}",
                "change": change,
                "nsd_2mm": values[1],
            }
            for name, numbers in others.items():
                theirs = numbers(truth, predicted, spacing_mm)
                row[f"gap_{name}"] = float(np.abs(np.subtract(theirs, values[: len(theirs)])).max())
            yield row
