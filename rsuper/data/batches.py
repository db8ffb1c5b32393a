"""Training batches, and what the samplers that fill them share."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rsuper.changes import Change, Matrix, box_after, changed_images, turned_mask, turned_masks
from rsuper.config.experiment import Network, Preprocess, Schedule
from rsuper.data.augment import DEVICE_STREAM, drawn_change
from rsuper.data.cohort import TARGET_ORGANS
from rsuper.data.patches import (
    flip_axes,
    flipped,
    network_input,
    normalized,
    perturbed,
)
from rsuper.data.store import Box, StoredCase
from rsuper.data.volumes import Shape, Spacing
from rsuper.errors import ConfigError

Candidate = TypeVar("Candidate")


@dataclass(frozen=True)
class MaskBatch:
    """Patches with tumor masks; `changes` are still to be made, one per patch, or none is."""

    case_ids: tuple[str, ...]
    image: Float[Tensor, "b i x y z"]
    tumor: Bool[Tensor, "b c x y z"]
    known: Bool[Tensor, "b c x y z"]
    changes: tuple[Change, ...] = ()

    def augmented(self) -> "MaskBatch":
        """Return the batch with its changes made; what comes from outside a patch is not known."""
        if not self.changes:
            return self
        return replace(
            self,
            image=changed_images(self.image, self.changes),
            tumor=turned_masks(self.tumor, self.changes),
            known=turned_masks(self.known, self.changes),
            changes=(),
        )


@dataclass(frozen=True)
class BatchTumor:
    """A reported tumor in a patch of a batch; `box` holds its region, so that no GPU is asked for it."""

    region: Bool[Tensor, "x y z"]
    volume_mm3: float
    diameter_mm: float
    box: tuple[slice, slice, slice]

    def turned(self, turn: Matrix) -> "BatchTumor":
        """Return it in the turned patch."""
        x, y, z = self.region.shape
        low, high = zip(*((side.start, side.stop) for side in self.box), strict=True)
        if any(a >= b for a, b in zip(low, high, strict=True)):
            return self  # no voxel of the region is in the patch
        bounds = zip(*box_after((low, high), turn, (x, y, z)), strict=True)
        first, second, third = (slice(a, b) for a, b in bounds)
        region = turned_mask(self.region[None], turn)[0]
        return replace(self, region=region, box=(first, second, third))


@dataclass(frozen=True)
class BatchRegion:
    """A supervised region: row and channel of the batch, its mask, its reported volume and tumors.

    `structures` grown by `grown_mm` are the mask.
    """

    row: int
    channel: int
    mask: Bool[Tensor, "x y z"]
    volume_mm3: float
    tumors: tuple[BatchTumor, ...]
    structures: tuple[str, ...]
    grown_mm: float

    def turned(self, turn: Matrix) -> "BatchRegion":
        """Return it in the turned patch."""
        tumors = tuple(tumor.turned(turn) for tumor in self.tumors)
        return replace(self, mask=turned_mask(self.mask[None], turn)[0], tumors=tumors)


@dataclass(frozen=True)
class PatchPlace:
    """Where a patch was read in its stored volume, along which axes it was mirrored then, and how turned."""

    start: Shape
    mirrored: tuple[int, ...]
    volume: Shape  # of the stored volume
    turn: Matrix | None = None


@dataclass(frozen=True)
class ReportBatch:
    """Patches with report supervision; each fully covers one organ."""

    step: int
    case_ids: tuple[str, ...]
    image: Float[Tensor, "b i x y z"]
    outside: Bool[Tensor, "b c x y z"]  # voxels certainly free of tumor, per target
    regions: tuple[BatchRegion, ...]
    places: tuple[PatchPlace, ...]  # per patch
    spacing_mm: Spacing
    counts: Mapping[str, int]  # how many regions counted, and why others did not
    changes: tuple[Change, ...] = ()  # still to be made, one per patch, or none is

    def augmented(self) -> "ReportBatch":
        """Return the batch with its changes made: regions and what is known turn with the CT."""
        if not self.changes:
            return self
        turns = [change.turn for change in self.changes]

        def region_of(region: BatchRegion) -> BatchRegion:
            turn = turns[region.row]
            return region if turn is None else region.turned(turn)

        return replace(
            self,
            image=changed_images(self.image, self.changes),
            outside=turned_masks(self.outside, self.changes),
            regions=tuple(region_of(region) for region in self.regions),
            places=tuple(replace(each, turn=turn) for each, turn in zip(self.places, turns, strict=True)),
            changes=(),
        )


@dataclass(frozen=True)
class Batch:
    """What one optimizer step sees."""

    masks: MaskBatch | None = None
    reports: ReportBatch | None = None
    pseudo: MaskBatch | None = None  # patches of report cases with pseudo-masks

    @property
    def case_ids(self) -> tuple[str, ...]:
        """Cases of the batch, for error messages."""
        parts = [part.case_ids for part in (self.masks, self.reports, self.pseudo) if part is not None]
        return tuple(case for part in parts for case in part)

    @property
    def mask_patches(self) -> int:
        """Number of CT-Mask patches."""
        return len(self.masks.case_ids) if self.masks is not None else 0

    @property
    def report_patches(self) -> int:
        """Number of CT-Report patches."""
        return sum(len(part.case_ids) for part in (self.reports, self.pseudo) if part is not None)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many regions of reports counted, and why others did not."""
        return self.reports.counts if self.reports is not None else {}


@dataclass(frozen=True)
class Shard:
    """Which of a step's patches this process makes, of several that train together: each has its own rows."""

    rank: int = 0
    processes: int = 1

    def rows(self, patches: int) -> range:
        """Return the rows of a step's patches that are this process's; all processes have all, each once.

        Raises:
            ConfigError: there are fewer patches than processes.
        """
        if patches < self.processes:
            raise ConfigError(
                f"{self.processes} processes cannot share {patches} patches of a kind: let fewer processes "
                "train together, or raise the patches per step in section 'schedule' (all methods alike)"
            )
        return range(self.rank * patches // self.processes, (self.rank + 1) * patches // self.processes)


@dataclass(frozen=True)
class PatchSource:
    """What mask and report samplers share; patches are made on the CPU."""

    targets: tuple[str, ...]
    preprocess: Preprocess
    network: Network
    schedule: Schedule
    seed: int
    shard: Shard = Shard()

    @property
    def size(self) -> Shape:
        """Patch size in voxels."""
        return self.network.patch

    def read(
        self, case: StoredCase, start: Shape, rng: np.random.Generator
    ) -> tuple[Float[np.ndarray, "i x y z"], tuple[int, ...]]:
        """Read, normalize and augment one patch; return the network input and the mirrored axes."""
        axes = flip_axes(self.schedule.augment, rng)
        image = normalized(flipped(case.ct(start, self.size), axes), case.index, self.preprocess)
        image = perturbed(image, self.schedule.augment, rng)
        return network_input(image, flipped(case.organs(start, self.size), axes), self.network), axes

    def changes(
        self, stream: int, step: int, kept: Sequence[Sequence[Box] | None], patches: int
    ) -> tuple[Change, ...]:
        """Draw what the training device does to this process's patches of a step; nothing: an empty tuple.

        Args:
            stream: of the sampler.
            step: number of the batch.
            kept: per patch the boxes, in its voxels, that must stay inside; see `drawn_change`.
            patches: of this kind in the step, of all processes.
        """
        settings, spacing_mm = self.schedule.augment.device, self.preprocess.spacing_mm
        if not settings.changes_anything:
            return ()
        streams = ([self.seed, DEVICE_STREAM, stream, step, row] for row in self.shard.rows(patches))
        return tuple(
            drawn_change(settings, np.random.default_rng(each), self.size, spacing_mm, kept=boxes)
            for each, boxes in zip(streams, kept, strict=True)
        )

    def pass_over(self, rng: np.random.Generator) -> None:
        """Draw what `read` draws, and read nothing: another process has this patch, and the next is ours."""
        flip_axes(self.schedule.augment, rng)
        perturbed(np.zeros(self.size, dtype=np.float32), self.schedule.augment, rng)

    def own(
        self, drawn: Sequence[Candidate], pass_over: Callable[[Candidate], object]
    ) -> Iterator[Candidate]:
        """Yield those of a step's drawn patches that this process makes; it passes over those before them.

        Args:
            drawn: all of a step's, in their order.
            pass_over: draws from the step's generator what making the patch would draw.
        """
        rows = self.shard.rows(len(drawn))
        for item in drawn[: rows.start]:
            pass_over(item)
        yield from drawn[rows.start : rows.stop]

    def tensor(self, arrays: Sequence[np.ndarray]) -> Tensor:
        """Stack arrays into a tensor."""
        return torch.from_numpy(np.stack(arrays))


def joined(*batches: MaskBatch) -> MaskBatch:
    """Make one batch of the patches of several, in their order."""
    return MaskBatch(
        case_ids=tuple(case for batch in batches for case in batch.case_ids),
        image=torch.cat([batch.image for batch in batches]),
        tumor=torch.cat([batch.tumor for batch in batches]),
        known=torch.cat([batch.known for batch in batches]),
    )


def drawn_candidate(
    pools: Mapping[str, tuple[Sequence[Candidate], Sequence[Candidate]]],
    tumor_share: float,
    rng: np.random.Generator,
) -> Candidate:
    """Draw a target, then one of its candidates: with a tumor for a share of draws, else without.

    Args:
        pools: per target the candidates with a tumor and those without, at least one in all.
        tumor_share: share of draws that want a tumor; where one kind is missing the other is drawn.
        rng: drawn from three times.
    """
    targets = list(pools)
    positive, negative = pools[targets[int(rng.integers(len(targets)))]]
    wants_tumor = rng.random() < tumor_share
    pool = positive if positive and (wants_tumor or not negative) else negative
    return pool[int(rng.integers(len(pool)))]


def organ_boxes(case: StoredCase, target: str) -> dict[str, Box]:
    """Boxes of the organs that can bear a target's tumor; the whole pancreas includes its segments."""
    boxes = {}
    for organ in TARGET_ORGANS[target]:
        parts = [box for name, box in case.index.boxes.items() if name.startswith(organ)]
        if parts:
            boxes[organ] = united(parts)
    return boxes


def united(boxes: Sequence[Box]) -> Box:
    """Return the smallest box around others."""
    low = np.min([box[0] for box in boxes], axis=0)
    high = np.max([box[1] for box in boxes], axis=0)
    return (int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2]))
