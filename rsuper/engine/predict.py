"""Sliding-window inference over a whole volume, in torch alone."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Shape = tuple[int, int, int]
Window = tuple[slice, slice, slice]
# Of the Gaussian: its standard deviation over a window's side, and the least weight. MONAI's defaults.
_SIGMA, _LEAST_WEIGHT = 0.125, 1e-3


@runtime_checkable
class Windows(Protocol):
    """How a volume is covered with windows."""

    @property
    def overlap(self) -> float:
        """Share of a window's side that the next one covers again."""

    @property
    def blend(self) -> str:
        """Weights of a window's voxels: `constant` or `gaussian`."""

    @property
    def batch(self) -> int:
        """Number of windows at once."""


@torch.no_grad()
def probability_map(
    logits: Callable[[Tensor], Tensor],
    image: Float[np.ndarray, "i x y z"],
    patch: Shape,
    settings: Windows,
    device: str,
) -> Float[np.ndarray, "c x y z"]:
    """Return tumor probabilities for a volume: sigmoid of logits, averaged where windows overlap.

    Windows, weights and padding are those of MONAI 1.6's `sliding_window_inference`. The volume stays on the
    host; the device holds one batch of windows, and the sums of a slab as thick as a window.

    Args:
        logits: patch batch (b i x y z) -> logits (b c x y z); the model must be in eval mode.
        image: network input of the whole volume; smaller than the patch is padded on both sides with the
            lowest value of its first channel, the CT.
        patch: window size, that of training.
        settings: overlap, weights of a window's voxels, and number of windows at once.
        device: where the windows are computed, and their average.

    Raises:
        ValueError: the image has not four axes, a side of the patch is not positive, or the logits do not
            lie on the grid of their windows.
    """
    if image.ndim != 4 or len(patch) != 3 or min(patch) < 1:
        raise ValueError(
            "expected an image (channels, x, y, z) and a patch of three positive sides, "
            f"got an image of shape {image.shape} and the patch {tuple(patch)}"
        )
    volume, inside = _padded(torch.from_numpy(image), patch)
    size = (volume.shape[1], volume.shape[2], volume.shape[3])
    weight = importance_map(patch, settings.blend, device)
    windows = window_places(size, patch, settings.overlap)
    slab = _Slab(size, patch[0], device)
    for first in range(0, len(windows), settings.batch):
        places = windows[first : first + settings.batch]
        output = logits(torch.stack([volume[:, *place] for place in places]).to(device))
        if output.ndim != 5 or len(output) != len(places) or output.shape[2:] != patch:
            raise ValueError(f"{len(places)} windows of {patch} gave logits of shape {tuple(output.shape)}")
        for place, probabilities in zip(places, torch.sigmoid(output.float()) * weight, strict=True):
            slab.add(place, probabilities, weight)
    return slab.finished()[:, *inside]


class _Slab:
    """Sums over windows that come with x ascending: what lies before a window's start gets no more of them.

    Args:
        size: of the volume.
        thickness: of a window, along x.
        device: of the sums.
    """

    def __init__(self, size: Shape, thickness: int, device: str) -> None:
        self.size, self.thickness, self.device = size, thickness, device
        self.start = 0
        self.weights = torch.zeros(thickness, *size[1:], device=device)
        self.total: Tensor | None = None
        self.whole: Float[np.ndarray, "c x y z"] | None = None

    def add(
        self, place: Window, probabilities: Float[Tensor, "c x y z"], weight: Float[Tensor, "x y z"]
    ) -> None:
        """Add a window's weighted probabilities."""
        if self.total is None:
            channels = len(probabilities)
            self.total = torch.zeros(channels, self.thickness, *self.size[1:], device=self.device)
            self.whole = np.empty((channels, *self.size), dtype=np.float32)
        self._move(place[0].start)
        self.total[:, :, *place[1:]] += probabilities
        self.weights[:, *place[1:]] += weight

    def finished(self) -> Float[np.ndarray, "c x y z"]:
        """Return the averages of the whole volume, on the host."""
        self._move(self.size[0])
        assert self.whole is not None
        return self.whole

    def _move(self, start: int) -> None:
        """Average and bring home what lies before a place along x; what lies after moves up."""
        done = min(start - self.start, self.thickness)
        if done == 0:
            return
        assert self.total is not None
        assert self.whole is not None
        # Rounding may leave a mean just above 1.
        means = (self.total[:, :done] / self.weights[:done]).clamp(0.0, 1.0)
        self.whole[:, self.start : self.start + done] = means.cpu().numpy()
        for sums in (self.total, self.weights[None]):
            kept = sums[:, done:].clone()
            sums[:, : self.thickness - done] = kept
            sums[:, self.thickness - done :] = 0
        self.start = start


def window_places(size: Shape, patch: Shape, overlap: float) -> list[Window]:
    """Place windows over a volume, x slowest; the last along an axis ends with the volume.

    Args:
        size: of the volume (x, y, z), nowhere less than the patch.
        patch: size of a window.
        overlap: share of a window's side that the next one covers again, rounded up to whole voxels.
    """
    axes = [_starts(whole, side, overlap) for whole, side in zip(size, patch, strict=True)]
    return [
        (slice(x, x + patch[0]), slice(y, y + patch[1]), slice(z, z + patch[2])) for x, y, z in product(*axes)
    ]


def _starts(whole: int, side: int, overlap: float) -> Sequence[int]:
    step = max(int(side * (1 - overlap)), 1)
    last = whole - side
    return [*range(0, last, step), last]


@lru_cache(maxsize=8)  # the same for every volume; nobody may change it
def importance_map(patch: Shape, blend: str, device: str) -> Float[Tensor, "x y z"]:
    """Weigh a window's voxels: all alike ("constant"), or less towards its borders ("gaussian").

    The Gaussian is centered, has a standard deviation of an eighth of the window's side along each axis,
    and weighs no voxel less than a thousandth.
    """
    if blend == "constant":
        return torch.ones(patch, device=device)
    x, y, z = (
        torch.exp((torch.arange(side, device=device) - (side - 1) / 2) ** 2 / (-2 * (_SIGMA * side) ** 2))
        for side in patch
    )
    return (x[:, None, None] * y[:, None] * z).clamp(min=_LEAST_WEIGHT)


def _padded(image: Tensor, patch: Shape) -> tuple[Tensor, Window]:
    """Pad an image (i x y z) to at least the patch, by halves on both sides; give also where it lies then."""
    missing = [max(side - whole, 0) for whole, side in zip(image.shape[1:], patch, strict=True)]
    before = [lack // 2 for lack in missing]
    x, y, z = (slice(a, a + whole) for a, whole in zip(before, image.shape[1:], strict=True))
    if any(missing):
        ends = [(a, lack - a) for a, lack in zip(before, missing, strict=True)]
        amounts = [amount for axis in reversed(ends) for amount in axis]  # torch wants the last axis first
        image = F.pad(image, amounts, value=float(image[0].min()))
    return image, (x, y, z)
