"""Random scenes for the Ball Loss, and a brute force in float64 (loops over voxels, no transform)."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from rsuper.losses.ball import ReportedTumor

SPACINGS = [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (1.0, 1.5, 3.0)]
KINDS = ["random", "levels", "blobs", "flat"]


@dataclass(frozen=True)
class Scene:
    """A probability map with tumors and their regions."""

    probability: np.ndarray
    region: np.ndarray
    tumors: list[ReportedTumor]
    spacing_mm: tuple[float, float, float]
    diameter_mm: float
    margin_mm: float
    border_mm: float

    @property
    def map(self) -> torch.Tensor:
        return torch.from_numpy(self.probability)


@st.composite
def scenes(draw, fewest=0, most=3, longest_side=6):
    """Draw a scene: small, so that the brute force stays quick; regions overlap and may be in pieces."""
    shape = tuple(draw(st.integers(1, longest_side)) for _ in range(3))
    spacing = draw(st.sampled_from(SPACINGS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    region = rng.random(shape) < rng.choice([0.2, 0.6, 1.0])
    region[tuple(rng.integers(side) for side in shape)] = True
    return Scene(
        probability=random_map(rng, draw(st.sampled_from(KINDS)), shape),
        region=region,
        tumors=random_tumors(rng, shape, spacing, draw(st.integers(fewest, most))),
        spacing_mm=spacing,
        diameter_mm=float(rng.uniform(0.5, 10)),
        margin_mm=float(rng.choice([0.0, 1.0, 3.0])),
        border_mm=float(rng.choice([0.0, 1.0, 2.5, 4.0])),
    )


def random_map(rng, kind, shape):
    if kind == "flat":
        return np.full(shape, rng.choice([0.0, 0.3, 1.0]), dtype=np.float32)
    if kind == "levels":  # many equal voxels
        return rng.choice([0.0, 0.25, 0.5], size=shape, p=[0.7, 0.15, 0.15]).astype(np.float32)
    if kind == "blobs":  # equal blobs: several balls hold the same sum
        values = np.zeros(shape, dtype=np.float32)
        for _ in range(int(rng.integers(1, 4))):
            start = [int(rng.integers(side)) for side in shape]
            values[tuple(slice(s, s + 2) for s in start)] = 0.8
        return values
    return rng.random(shape, dtype=np.float32)


def random_tumors(rng, shape, spacing, how_many):
    tumors = []
    for _ in range(how_many):
        region = rng.random(shape) < 0.7
        region[tuple(rng.integers(side) for side in shape)] = True
        diameter = float(rng.uniform(1, 3.5)) * min(spacing)
        volume = math.pi / 6 * diameter**3 * float(rng.uniform(0.4, 1))
        tumors.append(ReportedTumor(torch.from_numpy(region), volume, diameter))
    return tumors


def brute_locate(probability, diameter_mm, spacing_mm, region):
    """Weighted sum at each voxel by loops over pairs of voxels; the lowest index among equals."""
    where = np.argwhere(region)
    values = probability[region].astype(np.float64)
    position = where * np.array(spacing_mm)
    sums = []
    for center in position:
        square = ((position - center) ** 2).sum(1)
        inside = square <= (diameter_mm / 2 * (1 + 1e-9)) ** 2
        sums.append(math.fsum(values[inside] * np.exp(-square[inside] / (2 * (0.75 * diameter_mm) ** 2))))
    first = next(i for i, total in enumerate(sums) if total >= max(sums) * (1 - 1e-10))
    return tuple(int(i) for i in where[first])


def brute_assign(probability, tumors, spacing_mm, margin_mm):
    """Labels voxel by voxel, for tumors of different volumes."""
    labels = np.zeros(probability.shape, dtype=int)
    for k in sorted(range(len(tumors)), key=lambda i: -tumors[i].volume_mm3):
        free = tumors[k].region.numpy() & (labels == 0)
        if not free.any():
            continue
        diameter_mm = tumors[k].diameter_mm + max(margin_mm, *spacing_mm)
        center = brute_locate(probability, diameter_mm, spacing_mm, free)
        reach = diameter_mm / 2 * (1 + 1e-9)
        away = [
            math.dist(np.multiply(v, spacing_mm), np.multiply(center, spacing_mm)) for v in np.argwhere(free)
        ]
        ball = [tuple(v) for v, d in zip(np.argwhere(free), away, strict=True) if d <= reach]
        ball.sort(key=lambda v: (-probability[v], v))
        for voxel in ball[: max(1, round(tumors[k].volume_mm3 / math.prod(spacing_mm)))]:
            labels[voxel] = k + 1
    return labels


def brute_border(labels, border_mm, spacing_mm):
    """Unlabeled voxels within reach of a labeled one; none where the reach is below the voxel size."""
    border = np.zeros(labels.shape, dtype=bool)
    tumor = np.argwhere(labels > 0) * np.array(spacing_mm)
    if border_mm < min(spacing_mm) or len(tumor) == 0:
        return border
    for voxel in np.argwhere(labels == 0):
        square = ((tumor - voxel * np.array(spacing_mm)) ** 2).sum(1).min()
        border[tuple(voxel)] = square <= (border_mm * (1 + 1e-9)) ** 2
    return border


def whole(shape):
    return torch.ones(shape, dtype=torch.bool)


def hill(side):
    """Probabilities that fall from the middle of a cube."""
    axis = (torch.arange(side) - side // 2) ** 2
    return torch.exp(-(axis[:, None, None] + axis[:, None] + axis) / side**2)


def devices():
    """CPU, and a GPU: skipped where there is none."""
    return ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
