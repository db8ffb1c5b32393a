"""Surfel NSD and HD95 on real masks, against the same surfaces and distances by MONAI's sub-voxel mode."""

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.metrics import compute_surface_dice
from monai.metrics.utils import get_edge_surface_distance
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from rsuper.metrics.surface import hd95, nsd

pytestmark = pytest.mark.real
# Folder, case, labels of the structure. The masks have 2 mm voxels; every second one is thinned to slices of
# 4 or 6 mm along one axis.
STRUCTURES = [
    ("kits19_2mm", "case_00014", (2,), None),
    ("kits19_2mm", "case_00054", (2,), (2, 2)),
    ("kits19_2mm", "case_00063", (1, 2), (0, 3)),
    ("panorama_2mm", 0, (1,), None),
    ("panorama_2mm", 1, (1, 4, 5), (2, 3)),
    ("kits23_multitumor_2mm", 0, tuple(range(11, 21)), (1, 2)),
]
CHANGES = ("shift", "erode", "dilate", "noise", "other")


@pytest.fixture(scope="module")
def masks(real):
    """Mask and spacing of each structure, cut to its box."""
    return [_read(real, *structure) for structure in STRUCTURES]


def _read(real, folder, case, labels, thin):
    files = sorted((real / folder / "masks").glob("*.nii.gz"))
    path = files[case] if isinstance(case, int) else real / folder / "masks" / f"{case}.nii.gz"
    mask = np.isin(np.asanyarray(nib.load(path).dataobj), labels)
    spacing_mm = [2.0, 2.0, 2.0]
    if thin is not None:
        axis, step = thin
        mask = np.take(mask, range(0, mask.shape[axis], step), axis)
        spacing_mm[axis] *= step
    low, high = np.argwhere(mask).min(axis=0), np.argwhere(mask).max(axis=0) + 1
    return np.pad(mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], 4), tuple(spacing_mm)


def changed(mask, change, other):
    """A prediction made of a mask: moved, shrunk, grown, with holes and false pieces, or another case's."""
    if change == "shift":
        return np.roll(mask, (2, -1, 1), (0, 1, 2))
    if change == "erode":
        eroded = binary_erosion(mask)
        return eroded if eroded.any() else mask & (np.cumsum(mask).reshape(mask.shape) % 2 == 0)
    if change == "dilate":
        return binary_dilation(mask)
    if change == "noise":
        noise = gaussian_filter(np.random.default_rng(0).standard_normal(mask.shape), 1.0)
        return mask ^ (noise > np.quantile(noise, 0.96))
    made = np.zeros_like(mask)
    sizes = [(a, b, min(a, b)) for a, b in zip(mask.shape, other.shape, strict=True)]
    into = tuple(slice((a - n) // 2, (a - n) // 2 + n) for a, _, n in sizes)
    made[into] = other[tuple(slice((b - n) // 2, (b - n) // 2 + n) for _, b, n in sizes)]
    return made


def monai_hd95(gt, pred, spacing_mm):
    """Smallest distance that covers 95 % of the area, the larger of both directions."""
    edges, distances, areas = get_edge_surface_distance(
        torch.as_tensor(pred), torch.as_tensor(gt), spacing=spacing_mm, use_subvoxels=True, symmetric=True
    )
    covering = []
    for edge, distance, area in zip(edges, distances, areas, strict=True):
        order = torch.argsort(distance)
        covered = torch.cumsum(area[edge][order].double(), 0) / area[edge].double().sum()
        covering.append(float(distance[order][int((covered < 0.95).sum())]))
    return max(covering)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("index", range(len(STRUCTURES)))
def test_equals_monai_with_subvoxels(masks, index, change):
    gt, spacing_mm = masks[index]
    pred = changed(gt, change, masks[(index + 1) % len(masks)][0])
    assert gt.any()
    assert pred.any()
    as_batch = [torch.as_tensor(np.stack([~m, m]))[None] for m in (pred, gt)]
    for tolerance_mm in (2.0, 3.0):
        theirs = compute_surface_dice(*as_batch, [tolerance_mm], spacing=list(spacing_mm), use_subvoxels=True)
        assert nsd(gt, pred, spacing_mm, tolerance_mm) == pytest.approx(theirs.item(), abs=1e-6)
    # MONAI's distances are float32: 95.184032 mm reads 95.184029 there.
    assert np.float32(hd95(gt, pred, spacing_mm)) == pytest.approx(monai_hd95(gt, pred, spacing_mm), abs=1e-6)
