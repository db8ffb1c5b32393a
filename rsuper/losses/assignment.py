"""From a probability map and a report to a mask that agrees with the report (§2.2)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from rsuper.losses.checks import check_mask, sent
from rsuper.losses.geometry import Box, Spacing, ball_offsets, binary_ball, bounding_box, correlate
from rsuper.losses.localization import Index, as_spacing, best_center, check_positive

Status = Literal["assigned", "truncated", "no_room"]
VoxelRule = Literal["volume", "ball"]

# The released code labels this share of the voxels that it takes out of the map.
_RELEASED_CORE = 0.8


@dataclass(frozen=True, eq=False)
class ReportedTumor:
    """One tumor of a report: where it may be, and how large it is.

    `box` is the region's bounding box, where the caller knows it (slices with start and stop): on a GPU that
    saves a transfer per tumor. It may be larger than needed, but must hold the region.

    Raises:
        ValueError: The volume or the diameter is not a positive finite number, the region is not bool, or
            the box does not fit it (whether it holds the region is checked on the CPU alone).
    """

    region: Bool[Tensor, "x y z"]
    volume_mm3: float
    diameter_mm: float
    box: Box | None = None

    def __post_init__(self) -> None:
        check_positive("volume_mm3", self.volume_mm3)
        check_positive("diameter_mm", self.diameter_mm)
        check_mask("region", self.region, self.region.shape)
        if self.box is not None:
            _check_box(self.box, self.region)

    @cached_property
    def bounds(self) -> Box | None:
        """The region's bounding box; None: the region is empty."""
        if self.box is None:
            return bounding_box(self.region)
        return self.box if all(side.start < side.stop for side in self.box) else None


@dataclass(frozen=True, eq=False)
class Assignment:
    """The mask that a report and a probability map make together.

    `labels`: 0 background, k the k-th tumor given (from 1). `weight`: of each tumor voxel in the
    cross-entropy, mean 1 per tumor, 0 elsewhere. `border`: unassigned voxels that no loss may penalize.
    Per tumor given: `requested` and `assigned` numbers of voxels, `center` and diameter of its ball (margin
    included).
    """

    labels: Int[Tensor, "x y z"]
    weight: Float[Tensor, "x y z"]
    border: Bool[Tensor, "x y z"]
    requested: tuple[int, ...]
    assigned: Int[Tensor, " t"]
    center: Int[Tensor, "t 3"]
    diameters_mm: tuple[float, ...]

    @property
    def statuses(self) -> tuple[Status, ...]:
        """Per tumor: assigned (all its voxels found room), truncated (fewer were free) or no_room."""
        return tuple(
            "no_room" if got == 0 else "assigned" if got == wanted else "truncated"
            for got, wanted in zip(self.assigned.tolist(), self.requested, strict=True)
        )

    @property
    def centers(self) -> tuple[Index | None, ...]:
        """Voxel index of each tumor's ball; None where there was no room."""
        found = zip(self.center.tolist(), self.assigned.tolist(), strict=True)
        return tuple((i, j, k) if got else None for (i, j, k), got in found)


def assign_tumors(
    probability: Float[Tensor, "x y z"],
    tumors: Sequence[ReportedTumor],
    spacing_mm: Spacing,
    *,
    margin_mm: float = 2.0,
    border_mm: float = 3.0,
    last_weight: float = 0.5,
    voxels_from: VoxelRule = "volume",
) -> Assignment:
    """Turn a probability map into a mask that agrees with the report.

    Largest volume first, each tumor takes the N most probable free voxels of its region inside its
    highest-probability ball, centered on a free voxel; N = round(volume / voxel volume), at least 1. Fewer
    only if fewer are free there. Equal probabilities go by index in C order; tumors of equal volume by
    diameter, then by region, so that the input order changes the label numbers only. No tumors: an empty
    mask. On a GPU nothing waits for the device if every tumor brings its `box`.

    Args:
        probability: Tumor probabilities of one case.
        tumors: What the report states, each with its own region; regions may overlap.
        spacing_mm: Voxel size (x, y, z).
        margin_mm: Added to a tumor's diameter for its ball, at least one voxel of the coarsest axis, so that
            the ball can hold N (a volume beyond the diameter's widens the ball). The paper says "a small
            margin".
        border_mm: Unassigned voxels this close (center to center) to a tumor are border; below the voxel
            size there is none. The paper says "a small margin".
        last_weight: Weight of a tumor's least probable voxel relative to its most probable one, falling
            exponentially with rank. The paper gives no curve.
        voxels_from: "volume" is the paper's N. "ball" is the released code's: the voxels of a ball with the
            largest diameter (rounded up to an odd number of voxels) but one, whatever the volume; the most
            probable 80 % are labeled, the others are border and no other tumor's.

    Returns:
        The mask, its weights and border, and what happened to each tumor.

    Raises:
        ValueError: A shape differs from the map's, a length is negative, `last_weight` not in (0, 1], or
            `voxels_from` unknown.

    Source: §2.2.
    """
    spacing = as_spacing(spacing_mm)
    _check(probability, tumors, margin_mm, border_mm, last_weight, voxels_from)
    canvas = _Canvas(probability.detach(), spacing, last_weight, len(tumors))
    requested = [0] * len(tumors)
    diameters_mm = [_ball_diameter_mm(tumor, max(margin_mm, *spacing)) for tumor in tumors]
    for k in _largest_first(tumors):
        taken, requested[k] = _voxel_counts(tumors[k], spacing, voxels_from)
        canvas.place(k, tumors[k], diameters_mm[k], taken, requested[k])
    labels, weight = canvas.labels, canvas.weight
    border = _border(labels > 0, canvas.reserved, _union(tumors), border_mm, spacing)
    found = canvas.assigned, canvas.center
    return Assignment(labels, weight, border, tuple(requested), *found, tuple(diameters_mm))


def tally(assignments: Sequence[Assignment]) -> dict[str, Float[Tensor, ""]]:
    """Count the tumors that found all their voxels, some or none; no wait for a GPU. No tumors: zeros."""
    if not assignments:
        return {f"tumors_{status}": torch.zeros(()) for status in get_args(Status)}
    assigned = torch.cat([each.assigned for each in assignments])
    wanted = assigned.new_tensor([number for each in assignments for number in each.requested])
    some = assigned > 0
    found = {
        "assigned": assigned == wanted,
        "truncated": some & (assigned < wanted),
        "no_room": ~some,
    }
    return {f"tumors_{status}": flags.sum().float() for status, flags in found.items()}


class _Canvas:
    """The mask while it is made; all indices stay on the device.

    The flat maps have one voxel more than the patch: writes that find no room end there.
    """

    def __init__(self, probability: Tensor, spacing_mm: Spacing, last_weight: float, tumors: int) -> None:
        self.probability, self.spacing_mm, self.last_weight = probability, spacing_mm, last_weight
        size, device = probability.numel(), probability.device
        self._labels = torch.zeros(size + 1, dtype=torch.int32, device=device)
        self._weight = torch.zeros(size + 1, dtype=torch.float32, device=device)
        self._taken = torch.zeros(size + 1, dtype=torch.bool, device=device)
        self.assigned = torch.zeros(tumors, dtype=torch.int64, device=device)
        self.center = torch.zeros(tumors, 3, dtype=torch.int64, device=device)

    @property
    def labels(self) -> Tensor:
        return self._labels[:-1].view(self.probability.shape)

    @property
    def weight(self) -> Tensor:
        return self._weight[:-1].view(self.probability.shape)

    @property
    def reserved(self) -> Tensor:
        """Voxels that no other tumor may have."""
        return self._taken[:-1].view(self.probability.shape)

    def place(self, k: int, tumor: ReportedTumor, diameter_mm: float, taken: int, labeled: int) -> None:
        """Give tumor `k` its ball, `taken` voxels of it, and its label to the first `labeled` of these."""
        box = tumor.bounds
        if box is None:
            return
        free = tumor.region[box] & ~self.reserved[box]
        inner = best_center(self.probability[box], free, diameter_mm, self.spacing_mm)
        center = torch.stack([step + side.start for step, side in zip(inner.unbind(), box, strict=True)])
        voxels, eligible = self._ball(tumor.region, center, diameter_mm)
        values = torch.where(eligible, self.probability.flatten()[voxels], -1.0)
        order = values.sort(descending=True, stable=True).indices[:taken]
        # Eligible voxels come first: a voxel that is not has nothing to take.
        chosen = torch.where(eligible[order], voxels[order], self.probability.numel())
        self._taken.index_fill_(0, chosen, True)
        chosen, found = chosen[:labeled], eligible[order[:labeled]]
        self._labels.index_fill_(0, chosen, k + 1)
        self._weight.index_copy_(0, chosen, self._rank_weights(found))
        self.assigned[k], self.center[k] = found.sum(), center

    def _ball(self, region: Tensor, center: Tensor, diameter_mm: float) -> tuple[Tensor, Tensor]:
        """Flat indices of a ball's voxels in C order (clamped to the patch), and which may be taken."""
        x, y, z = (center + sent(ball_offsets(diameter_mm, self.spacing_mm), center)).unbind(1)
        inside = torch.ones_like(x, dtype=torch.bool)
        for place, side in zip((x, y, z), region.shape, strict=True):
            inside &= (place >= 0) & (place < side)
            place.clamp_(0, side - 1)
        voxels = (x * region.shape[1] + y) * region.shape[2] + z
        return voxels, inside & region.flatten()[voxels] & ~self._taken[voxels]

    def _rank_weights(self, found: Bool[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Exponential fall from 1 to `last_weight` over the voxels found, scaled to mean 1."""
        number = found.sum()
        rank = torch.arange(len(found), device=found.device)
        weights = self.last_weight ** (rank / (number - 1).clamp_min(1)) * found
        return weights * number / weights.sum().clamp_min(1e-12)


def _ball_diameter_mm(tumor: ReportedTumor, margin_mm: float) -> float:
    # A ball of the reported volume has the second diameter: never less, or it could not hold N.
    return max(tumor.diameter_mm, (6 * tumor.volume_mm3 / math.pi) ** (1 / 3)) + margin_mm


def _voxel_counts(tumor: ReportedTumor, spacing_mm: Spacing, rule: VoxelRule) -> tuple[int, int]:
    """Voxels that a tumor takes, and how many of them get its label."""
    count = max(1, round(tumor.volume_mm3 / math.prod(spacing_mm)))
    if rule == "volume":
        return count, count
    finest = min(spacing_mm)
    odd = 2 * (round(tumor.diameter_mm / finest) // 2) + 1
    count = max(count, len(ball_offsets(odd * finest, spacing_mm)) - 1)
    return count, max(1, round(_RELEASED_CORE * count))


def _border(
    assigned: Tensor, reserved: Tensor, box: Box | None, border_mm: float, spacing_mm: Spacing
) -> Tensor:
    """Unassigned voxels within `border_mm` of an assigned one, and those reserved without a label."""
    border = reserved & ~assigned
    if box is None or border_mm < min(spacing_mm):
        return border
    ball = binary_ball(border_mm, spacing_mm, assigned.device)
    grown = tuple(
        slice(max(0, side.start - taps // 2), min(limit, side.stop + taps // 2))
        for side, taps, limit in zip(box, ball.shape, assigned.shape, strict=True)
    )
    # Sums are whole numbers up to rounding: half separates none from one.
    border[grown] |= (correlate(assigned[grown].float(), ball) > 0.5) & ~assigned[grown]
    return border


def _union(tumors: Sequence[ReportedTumor]) -> Box | None:
    """Smallest box that holds all tumors' regions."""
    boxes = [tumor.bounds for tumor in tumors if tumor.bounds is not None]
    if not boxes:
        return None
    x, y, z = (
        slice(min(side.start for side in sides), max(side.stop for side in sides))
        for sides in zip(*boxes, strict=True)
    )
    return x, y, z


def _largest_first(tumors: Sequence[ReportedTumor]) -> list[int]:
    sizes = [(-tumor.volume_mm3, -tumor.diameter_mm) for tumor in tumors]
    if len(set(sizes)) == len(sizes):
        return sorted(range(len(tumors)), key=sizes.__getitem__)
    if all(tumor.region is tumors[0].region for tumor in tumors):
        return sorted(range(len(tumors)), key=sizes.__getitem__)  # who of two equals is first is all the same
    # Regions are compared only where sizes tie: copying them from a GPU is slow.
    return sorted(range(len(tumors)), key=lambda k: (*sizes[k], tumors[k].region.cpu().numpy().tobytes()))


def _check_box(box: Box, region: Tensor) -> None:
    for side, limit in zip(box, region.shape, strict=True):
        whole = isinstance(side, slice) and isinstance(side.start, int) and isinstance(side.stop, int)
        if not whole or side.step is not None or not 0 <= side.start <= side.stop <= limit:
            raise ValueError(
                f"box must be slices with start and stop inside {tuple(region.shape)}, got {box}"
            )
    if not region.is_cuda and int(region[box].sum()) < int(region.sum()):
        raise ValueError(f"box {box} does not hold the region")


def _check(
    probability: Tensor,
    tumors: Sequence[ReportedTumor],
    margin_mm: float,
    border_mm: float,
    last_weight: float,
    voxels_from: str,
) -> None:
    for k, tumor in enumerate(tumors):
        check_mask(f"region of tumor {k}", tumor.region, probability.shape)
    if margin_mm < 0 or border_mm < 0:
        raise ValueError(f"margin_mm and border_mm must be at least 0, got {margin_mm}, {border_mm}")
    if not 0 < last_weight <= 1:
        raise ValueError(f"last_weight must be above 0 and at most 1, got {last_weight}")
    if voxels_from not in get_args(VoxelRule):
        raise ValueError(f"voxels_from must be one of {get_args(VoxelRule)}, got {voxels_from!r}")
