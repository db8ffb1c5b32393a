"""The Ball Loss: each reported tumor must be found, with its volume and diameter (§2.2)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from rsuper.losses.geometry import Box, Spacing, binary_ball, bounding_box, correlate, gaussian_ball
from rsuper.losses.segmentation import batch_dice

Index = tuple[int, int, int]
Status = Literal["assigned", "truncated", "no_room"]

# Sums this close (relative to the peak) are candidates after the float32 pass, whose error is about 3e-7 ...
_CANDIDATE = 1e-5
# ... and ties after the float64 pass, whose error is below 1e-13.
_TIE = 1e-10


@dataclass(frozen=True, eq=False)
class ReportedTumor:
    """One tumor of a report: where it may be, and how large it is.

    Raises:
        ValueError: The volume or the diameter is not a positive finite number.
    """

    region: Bool[Tensor, "x y z"]
    volume_mm3: float
    diameter_mm: float

    def __post_init__(self) -> None:
        _check_positive("volume_mm3", self.volume_mm3)
        _check_positive("diameter_mm", self.diameter_mm)


@dataclass(frozen=True, eq=False)
class Assignment:
    """The mask that a report and a probability map make together.

    `labels`: 0 background, k the k-th tumor given (from 1). `weight`: of each tumor voxel in the
    cross-entropy, mean 1 per tumor, 0 elsewhere. `border`: unassigned voxels that no loss may penalize.
    `statuses`, one per tumor given: assigned (all its voxels found room), truncated (fewer were free in ball
    and region), no_room (none was free). `centers`: of each tumor's ball, None where there was no room.
    """

    labels: Int[Tensor, "x y z"]
    weight: Float[Tensor, "x y z"]
    border: Bool[Tensor, "x y z"]
    statuses: tuple[Status, ...]
    centers: tuple[Index | None, ...]


@dataclass(frozen=True, eq=False)
class BallTerms:
    """The parts of the Ball Loss: `cross_entropy` per case, `dice` over the batch, and what they rest on."""

    cross_entropy: Float[Tensor, " b"]
    dice: Float[Tensor, ""]
    assignments: tuple[Assignment, ...]


def ball_kernel(diameter_mm: float, spacing_mm: Spacing) -> Float[Tensor, "i j k"]:
    """Make the weighted ball: 1 at the center, Gaussian inside, exactly 0 outside.

    The standard deviation is 0.75 times the diameter. Sides are odd; below the voxel size it is one voxel.

    Args:
        diameter_mm: Of the ball, margin included.
        spacing_mm: Voxel size (x, y, z).

    Returns:
        float64 on the CPU, symmetric, a voxel belonging to the ball where its center does.

    Raises:
        ValueError: The diameter or a spacing is not a positive finite number.

    Source: §2.2, footnote 9.
    """
    _check_positive("diameter_mm", diameter_mm)
    for step in spacing_mm:
        _check_positive("spacing_mm", step)
    return gaussian_ball(float(diameter_mm), _as_spacing(spacing_mm)).clone()


def locate_ball(
    probability: Float[Tensor, "x y z"],
    diameter_mm: float,
    spacing_mm: Spacing,
    *,
    region: Bool[Tensor, "x y z"] | None = None,
) -> Index:
    """Find the center of the ball that holds most tumor probability.

    Probabilities outside `region` count as zero and the center lies inside it; stride 1, zero padding. Sums
    come from a real FFT on the region's bounding box; candidates within 1e-5 of the peak are summed again in
    float64, and among equal sums (to 1e-10) the lowest index in C order wins, as on a flat or zero map.

    Args:
        probability: Tumor probabilities; no gradient flows through the location.
        diameter_mm: Of the ball, margin included.
        spacing_mm: Voxel size (x, y, z).
        region: Where the tumor may be; None: anywhere.

    Returns:
        Voxel index (i, j, k).

    Raises:
        ValueError: The region is empty, a probability in it is not finite, or as `ball_kernel`.

    Source: §2.2.
    """
    _check_positive("diameter_mm", diameter_mm)
    allowed = torch.ones_like(probability, dtype=torch.bool) if region is None else region
    box = bounding_box(allowed)
    if box is None:
        raise ValueError("region is empty: a ball needs at least one voxel for its center")
    kernel = gaussian_ball(float(diameter_mm), _as_spacing(spacing_mm))
    inside = allowed[box]
    masked = probability.detach()[box].masked_fill(~inside, 0.0)
    response = correlate(masked.float(), kernel).masked_fill(~inside, -math.inf)
    peak = response.max()
    candidates = response >= peak - _CANDIDATE * peak.abs()
    found = candidates.flatten().nonzero()
    if len(found) == 0:
        raise ValueError("probability must be finite inside the region")
    if len(found) > 1:
        exact = correlate(masked.double(), kernel).masked_fill(~candidates, -math.inf)
        found = (exact >= exact.max() * (1 - _TIE)).flatten().nonzero()
    return _global_index(int(found[0]), inside.shape, box)


def assign_tumors(
    probability: Float[Tensor, "x y z"],
    tumors: Sequence[ReportedTumor],
    spacing_mm: Spacing,
    *,
    margin_mm: float = 2.0,
    border_mm: float = 3.0,
    last_weight: float = 0.5,
) -> Assignment:
    """Turn a probability map into a mask that agrees with the report.

    Largest volume first, each tumor takes the N most probable free voxels of its region inside its
    highest-probability ball, centered on a free voxel; N = round(volume / voxel volume), at least 1. Equal
    probabilities go by index in C order; tumors of equal volume by diameter, then by region, so that the
    input order changes the label numbers only. No tumors: an empty mask.

    Args:
        probability: Tumor probabilities of one case.
        tumors: What the report states, each with its own region; regions may overlap.
        spacing_mm: Voxel size (x, y, z).
        margin_mm: Added to a tumor's diameter for its ball, at least one voxel of the coarsest axis, so that
            the ball can hold N. The paper says "a small margin".
        border_mm: Unassigned voxels this close (center to center) to a tumor are border; below the voxel
            size there is none. The paper says "a small margin".
        last_weight: Weight of a tumor's least probable voxel relative to its most probable one, falling
            exponentially with rank. The paper gives no curve.

    Returns:
        The mask, its weights and border, and what happened to each tumor.

    Raises:
        ValueError: A shape differs from the map's, a length is negative, or `last_weight` not in (0, 1].

    Source: §2.2.
    """
    _check_assignment(probability, tumors, margin_mm, border_mm, last_weight)
    spacing = _as_spacing(spacing_mm)
    labels = torch.zeros(probability.shape, dtype=torch.int32, device=probability.device)
    weight = torch.zeros_like(probability, dtype=torch.float32, requires_grad=False)
    statuses: list[Status] = ["no_room"] * len(tumors)
    centers: list[Index | None] = [None] * len(tumors)
    for k in _largest_first(tumors):
        free = tumors[k].region & (labels == 0)
        if not bool(free.any()):
            continue
        diameter_mm = tumors[k].diameter_mm + max(margin_mm, *spacing)
        center = locate_ball(probability, diameter_mm, spacing, region=free)
        count = max(1, round(tumors[k].volume_mm3 / math.prod(spacing)))
        taken = _most_probable(probability.detach(), free, center, gaussian_ball(diameter_mm, spacing), count)
        labels[taken] = k + 1
        weight[taken] = _rank_weights(len(taken[0]), last_weight, probability.device)
        statuses[k] = "assigned" if len(taken[0]) == count else "truncated"
        centers[k] = center
    border = _border(labels > 0, border_mm, spacing)
    return Assignment(labels, weight, border, tuple(statuses), tuple(centers))


def ball_loss(
    logits: Float[Tensor, "b x y z"],
    tumors: Sequence[Sequence[ReportedTumor]],
    penalized_background: Bool[Tensor, "b x y z"],
    spacing_mm: Spacing,
    *,
    margin_mm: float = 2.0,
    border_mm: float = 3.0,
    last_weight: float = 0.5,
    positive_weight: float = 1.0,
) -> BallTerms:
    """Compare a prediction with the mask that it makes together with the report.

    The voxels that count are the assigned ones, as tumor, and those of `penalized_background` that are
    neither assigned nor border, as background; everything else gets no gradient. Cross-entropy is the mean
    over a case's counting voxels, a tumor voxel times its weight (`assign_tumors`) and `positive_weight`.
    Dice is one value over the batch: per case it would drown tumors in tumor-free patches. A case where
    nothing counts contributes exactly 0 to both; a batch without assigned voxel has a Dice term of 0.
    Computed in float32, whatever autocast says; the localization gets no gradient.

    Args:
        logits: Of one target, final output.
        tumors: The report's tumors per case; empty: none.
        penalized_background: Voxels that are free of tumor unless assigned: certainly tumor-free tissue, and
            regions all of whose reported tumors are in `tumors`.
        spacing_mm: Voxel size (x, y, z), the same for the batch.
        margin_mm: As in `assign_tumors`.
        border_mm: As in `assign_tumors`.
        last_weight: As in `assign_tumors`.
        positive_weight: Weight of tumor voxels in the cross-entropy, as in `segmentation_loss`.

    Returns:
        Cross-entropy per case, Dice of the batch (1 minus the coefficient), and the assignments.

    Raises:
        ValueError: Shapes or lengths differ, a logit is not finite (names the case), or as `assign_tumors`.

    Source: §2.2.
    """
    _check_batch(logits, tumors, penalized_background, positive_weight)
    logits = logits.float()
    probability = torch.sigmoid(logits)
    assignments = tuple(
        assign_tumors(
            case, found, spacing_mm, margin_mm=margin_mm, border_mm=border_mm, last_weight=last_weight
        )
        for case, found in zip(probability.detach(), tumors, strict=True)
    )
    tumor = torch.stack([each.labels > 0 for each in assignments])
    border = torch.stack([each.border for each in assignments])
    background = (penalized_background & ~tumor & ~border).float()
    weight = positive_weight * torch.stack([each.weight for each in assignments]) + background
    truth, counted = tumor.float(), tumor + background
    per_voxel = F.binary_cross_entropy_with_logits(logits, truth, weight=weight, reduction="none")
    cross_entropy = per_voxel.sum((1, 2, 3)) / counted.sum((1, 2, 3)).clamp_min(1.0)
    dice = batch_dice((probability * counted)[:, None], truth[:, None])
    return BallTerms(cross_entropy, dice, assignments)


def _global_index(flat: int, shape: torch.Size, box: Box) -> Index:
    rest, k = divmod(flat, shape[2])
    i, j = divmod(rest, shape[1])
    return box[0].start + i, box[1].start + j, box[2].start + k


def _most_probable(
    probability: Tensor, free: Tensor, center: Index, kernel: Tensor, count: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of the `count` most probable free voxels in the ball, most probable first."""
    window, part = [], []
    for middle, side, taps in zip(center, free.shape, kernel.shape, strict=True):
        half = taps // 2
        start, stop = max(0, middle - half), min(side, middle + half + 1)
        window.append(slice(start, stop))
        part.append(slice(start - middle + half, stop - middle + half))
    eligible = free[tuple(window)] & (kernel[tuple(part)] > 0).to(free.device)
    voxels = eligible.nonzero()
    order = torch.sort(probability[tuple(window)][eligible], descending=True, stable=True).indices[:count]
    first, second, third = voxels[order].unbind(1)
    return first + window[0].start, second + window[1].start, third + window[2].start


def _rank_weights(count: int, last_weight: float, device: torch.device) -> Tensor:
    weights = last_weight ** torch.linspace(0.0, 1.0, count, device=device)
    return weights / weights.mean()


def _border(assigned: Tensor, border_mm: float, spacing_mm: Spacing) -> Tensor:
    """Unassigned voxels within `border_mm` of an assigned one."""
    border = torch.zeros_like(assigned)
    box = bounding_box(assigned)
    if box is None or border_mm < min(spacing_mm):
        return border
    ball = binary_ball(border_mm, spacing_mm)
    grown = tuple(
        slice(max(0, side.start - taps // 2), min(limit, side.stop + taps // 2))
        for side, taps, limit in zip(box, ball.shape, assigned.shape, strict=True)
    )
    # Sums are whole numbers up to rounding: half separates none from one.
    border[grown] = (correlate(assigned[grown].float(), ball) > 0.5) & ~assigned[grown]
    return border


def _largest_first(tumors: Sequence[ReportedTumor]) -> list[int]:
    sizes = [(-tumor.volume_mm3, -tumor.diameter_mm) for tumor in tumors]
    if len(set(sizes)) == len(sizes):
        return sorted(range(len(tumors)), key=sizes.__getitem__)
    # Regions are compared only where sizes tie: copying them from a GPU is slow.
    return sorted(range(len(tumors)), key=lambda k: (*sizes[k], tumors[k].region.cpu().numpy().tobytes()))


def _as_spacing(spacing_mm: Sequence[float]) -> Spacing:
    x, y, z = (float(step) for step in spacing_mm)
    return x, y, z


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be positive and finite, got {value}")


def _check_assignment(
    probability: Tensor,
    tumors: Sequence[ReportedTumor],
    margin_mm: float,
    border_mm: float,
    last_weight: float,
) -> None:
    for k, tumor in enumerate(tumors):
        if tumor.region.shape != probability.shape:
            got = tuple(tumor.region.shape)
            raise ValueError(f"region of tumor {k} must have shape {tuple(probability.shape)}, got {got}")
    if margin_mm < 0 or border_mm < 0:
        raise ValueError(f"margin_mm and border_mm must be at least 0, got {margin_mm}, {border_mm}")
    if not 0 < last_weight <= 1:
        raise ValueError(f"last_weight must be above 0 and at most 1, got {last_weight}")


def _check_batch(
    logits: Tensor,
    tumors: Sequence[Sequence[ReportedTumor]],
    penalized_background: Tensor,
    positive_weight: float,
) -> None:
    if logits.ndim != 4 or penalized_background.shape != logits.shape:
        shapes = tuple(logits.shape), tuple(penalized_background.shape)
        raise ValueError(f"logits and penalized_background need one shape (b x y z), got {shapes}")
    if len(tumors) != len(logits):
        raise ValueError(f"tumors needs one list per case ({len(logits)}), got {len(tumors)}")
    if not positive_weight > 0:
        raise ValueError(f"positive_weight must be positive, got {positive_weight}")
    finite = torch.isfinite(logits).flatten(1).all(1).tolist()
    if not all(finite):
        raise ValueError(f"logits of case {finite.index(False)} are not finite")
