"""Training batches. A step's batch depends on the seed and the step alone: a resumed run sees the same."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rsuper.config.experiment import Network, Preprocess, Schedule
from rsuper.data.cohort import TARGET_ORGANS
from rsuper.data.patches import (
    flip_axes,
    flipped,
    network_input,
    normalized,
    perturbed,
    start_around,
    start_covering,
)
from rsuper.data.regions import PatchRegion, PatchTumor, on_available_masks, supervise
from rsuper.data.store import TUMOR_LABELS, Box, StoredCase
from rsuper.data.volumes import Shape, Spacing
from rsuper.errors import DataError
from rsuper.reports.findings import ReportFindings
from rsuper.reports.supervision import Region, State
from rsuper.reports.supervision import regions as regions_of

MASK_STREAM, REPORT_STREAM = 10, 11


@dataclass(frozen=True)
class MaskBatch:
    """Patches with tumor masks."""

    case_ids: tuple[str, ...]
    image: Float[Tensor, "b i x y z"]
    tumor: Bool[Tensor, "b c x y z"]
    known: Bool[Tensor, "b c x y z"]


@dataclass(frozen=True)
class BatchTumor:
    """A reported tumor in a patch of a batch."""

    region: Bool[Tensor, "x y z"]
    volume_mm3: float
    diameter_mm: float


@dataclass(frozen=True)
class BatchRegion:
    """A supervised region: row and channel of the batch, its mask, its reported volume and tumors."""

    row: int
    channel: int
    mask: Bool[Tensor, "x y z"]
    volume_mm3: float
    tumors: tuple[BatchTumor, ...]


@dataclass(frozen=True)
class ReportBatch:
    """Patches with report supervision; each fully covers one organ."""

    case_ids: tuple[str, ...]
    image: Float[Tensor, "b i x y z"]
    outside: Bool[Tensor, "b c x y z"]  # voxels certainly free of tumor, per target
    regions: tuple[BatchRegion, ...]
    spacing_mm: Spacing
    counts: Mapping[str, int]  # how many regions counted, and why others did not


@dataclass(frozen=True)
class Batch:
    """What one optimizer step sees."""

    masks: MaskBatch | None = None
    reports: ReportBatch | None = None

    @property
    def case_ids(self) -> tuple[str, ...]:
        """Cases of the batch, for error messages."""
        parts = [part.case_ids for part in (self.masks, self.reports) if part is not None]
        return tuple(case for part in parts for case in part)

    @property
    def mask_patches(self) -> int:
        """Number of CT-Mask patches."""
        return len(self.masks.case_ids) if self.masks is not None else 0

    @property
    def report_patches(self) -> int:
        """Number of CT-Report patches."""
        return len(self.reports.case_ids) if self.reports is not None else 0

    @property
    def counts(self) -> Mapping[str, int]:
        """How many regions of reports counted, and why others did not."""
        return self.reports.counts if self.reports is not None else {}


@dataclass(frozen=True)
class PatchSource:
    """What mask and report samplers share."""

    targets: tuple[str, ...]
    preprocess: Preprocess
    network: Network
    schedule: Schedule
    seed: int
    device: str = "cpu"

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

    def tensor(self, arrays: Sequence[np.ndarray]) -> Tensor:
        """Stack arrays into a tensor on the training device."""
        return torch.from_numpy(np.stack(arrays)).to(self.device, non_blocking=True)


def organ_boxes(case: StoredCase, target: str) -> dict[str, Box]:
    """Boxes of the organs that can bear a target's tumor; the whole pancreas includes its segments."""
    boxes = {}
    for organ in TARGET_ORGANS[target]:
        parts = [box for name, box in case.index.boxes.items() if name.startswith(organ)]
        if parts:
            low = np.min([box[0] for box in parts], axis=0)
            high = np.max([box[1] for box in parts], axis=0)
            boxes[organ] = (
                (int(low[0]), int(low[1]), int(low[2])),
                (int(high[0]), int(high[1]), int(high[2])),
            )
    return boxes


# ------------------------------------------------------------------------------------------ CT-Mask pairs


@dataclass(frozen=True)
class MaskSampler:
    """Patches of CT-Mask pairs: a share on tumors, the rest anywhere around the organs."""

    source: PatchSource
    cases: Sequence[StoredCase]

    def __post_init__(self) -> None:
        if not self.cases:
            raise DataError("no CT-Mask pair to train on: the cohort of this budget is empty")
        if not self._pools:
            raise DataError(
                f"no CT-Mask pair is annotated for any of the targets {list(self.source.targets)}"
            )

    @cached_property
    def _pools(self) -> dict[str, tuple[list[StoredCase], list[StoredCase]]]:
        """Per target: cases with such a tumor, and all whose tumors are annotated and whose organ is known.

        The second hold tumor cases too: a network that saw organs only whole, or with a tumor in the middle,
        takes the cut end of an organ at a window's edge for a tumor.
        """
        pools = {}
        for target in self.source.targets:
            annotated = [case for case in self.cases if target in case.index.tumor_voxels]
            tumor = [case for case in annotated if case.index.tumor_voxels[target]]
            placed = [case for case in annotated if organ_boxes(case, target)]
            if tumor or placed:
                pools[target] = (tumor, placed)
        return pools

    def __call__(self, step: int) -> MaskBatch:
        """Return the mask patches of a step."""
        rng = np.random.default_rng([self.source.seed, MASK_STREAM, step])
        drawn = [self._draw(rng) for _ in range(self.source.schedule.mask_patches)]
        images, tumors, known = zip(*(self._patch(case, start, rng) for case, start in drawn), strict=True)
        return MaskBatch(
            case_ids=tuple(case.case_id for case, _ in drawn),
            image=self.source.tensor(images),
            tumor=self.source.tensor(tumors),
            known=self.source.tensor(known),
        )

    def _draw(self, rng: np.random.Generator) -> tuple[StoredCase, Shape]:
        targets = list(self._pools)
        target = targets[rng.integers(len(targets))]
        tumor, placed = self._pools[target]
        if tumor and (not placed or rng.random() < self.source.schedule.tumor_share):
            case = tumor[rng.integers(len(tumor))]
            voxels = case.index.tumor_voxels[target]
            voxel = voxels[int(rng.integers(len(voxels)))]
        else:
            case = placed[rng.integers(len(placed))]
            boxes = list(organ_boxes(case, target).values())
            x, y, z = (int(v) for v in rng.integers(*boxes[rng.integers(len(boxes))]))
            voxel = (x, y, z)
        return case, start_around(voxel, self.source.size, case.index.shape, rng)

    def _patch(
        self, case: StoredCase, start: Shape, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        image, axes = self.source.read(case, start, rng)
        labels = flipped(case.tumors(start, self.source.size), axes)
        tumor = np.stack([labels == TUMOR_LABELS[target] for target in self.source.targets])
        annotated = [target in case.index.tumor_voxels for target in self.source.targets]
        known = np.broadcast_to(np.array(annotated)[:, None, None, None], tumor.shape)
        return image, tumor, known.copy()


# ---------------------------------------------------------------------------------------- CT-Report pairs


@dataclass(frozen=True)
class _Candidate:
    """An organ of a report case that a patch can fully cover."""

    case: StoredCase
    regions: tuple[Region, ...]
    box: Box


@dataclass(frozen=True)
class ReportSampler:
    """Patches of CT-Report pairs, each covering one organ: a share with a sized tumor, the rest free."""

    source: PatchSource
    cases: Sequence[tuple[StoredCase, ReportFindings]]
    unusable: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if not any(positive or negative for positive, negative in self._pools.values()):
            raise DataError(f"no report can supervise a patch: {dict(self.unusable) or 'there is no report'}")

    @cached_property
    def _pools(self) -> dict[str, tuple[list[_Candidate], list[_Candidate]]]:
        """Per target: organs with a sized tumor, and organs said to be free of it."""
        pools: dict[str, tuple[list[_Candidate], list[_Candidate]]] = {}
        for target in self.source.targets:
            positive: list[_Candidate] = []
            negative: list[_Candidate] = []
            for case, findings in self.cases:
                fitted = on_available_masks(regions_of(findings), list(case.index.boxes))
                for organ, box in organ_boxes(case, target).items():
                    state = self._state(fitted, target, organ, box)
                    if state == "positive":
                        positive.append(_Candidate(case, fitted, box))
                    elif state == "negative":
                        negative.append(_Candidate(case, fitted, box))
                    else:
                        self.unusable[f"{target}: {state}"] += 1
            pools[target] = (positive, negative)
        return {target: pool for target, pool in pools.items() if pool[0] or pool[1]}

    def _state(self, regions: Sequence[Region], target: str, organ: str, box: Box) -> str:
        if any(high - low > width for low, high, width in zip(*box, self.source.size, strict=True)):
            return "organ larger than the patch"
        own = [r for r in regions if r.target == target and any(s.startswith(organ) for s in r.structures)]
        states = {region.state for region in own}
        if State.POSITIVE_SIZED in states:
            # A tumor whose side is not said may be in either kidney, and no patch covers both.
            whole = all(s.startswith(organ) for r in own for s in r.structures)
            return "positive" if whole else "side not said"
        if states == {State.NEGATIVE}:
            return "negative"
        return "no size" if State.POSITIVE_UNSIZED in states else "unknown"

    def __call__(self, step: int) -> ReportBatch:
        """Return the report patches of a step."""
        rng = np.random.default_rng([self.source.seed, REPORT_STREAM, step])
        drawn = [self._draw(rng) for _ in range(self.source.schedule.report_patches)]
        images, outside, regions = [], [], []
        counts: Counter[str] = Counter()
        for row, candidate in enumerate(drawn):
            start = start_covering(candidate.box, self.source.size, candidate.case.index.shape, rng)
            assert start is not None  # organs larger than the patch are no candidates
            image, axes = self.source.read(candidate.case, start, rng)
            organs = candidate.case.organs(start, self.source.size)
            supervision = supervise(
                candidate.regions,
                candidate.case.index.boxes,
                organs,
                start,
                self.source.size,
                self.source.targets,
            )
            images.append(image)
            outside.append(np.stack([flipped(supervision.outside[t], axes) for t in self.source.targets]))
            regions += [self._region(region, row, axes) for region in supervision.regions]
            counts.update(supervision.counts)
        return ReportBatch(
            case_ids=tuple(candidate.case.case_id for candidate in drawn),
            image=self.source.tensor(images),
            outside=self.source.tensor(outside),
            regions=tuple(regions),
            spacing_mm=self.source.preprocess.spacing_mm,
            counts=counts,
        )

    def _draw(self, rng: np.random.Generator) -> _Candidate:
        targets = list(self._pools)
        positive, negative = self._pools[targets[rng.integers(len(targets))]]
        wants_tumor = rng.random() < self.source.schedule.tumor_share
        pool = positive if positive and (wants_tumor or not negative) else negative
        return pool[rng.integers(len(pool))]

    def _region(self, region: PatchRegion, row: int, axes: tuple[int, ...]) -> BatchRegion:
        def tumor(item: PatchTumor) -> BatchTumor:
            return BatchTumor(self._mask(item.mask, axes), item.volume_mm3, item.diameter_mm)

        return BatchRegion(
            row=row,
            channel=self.source.targets.index(region.target),
            mask=self._mask(region.mask, axes),
            volume_mm3=region.volume_mm3,
            tumors=tuple(tumor(item) for item in region.tumors),
        )

    def _mask(self, mask: Bool[np.ndarray, "x y z"], axes: tuple[int, ...]) -> Bool[Tensor, "x y z"]:
        return torch.from_numpy(flipped(mask, axes)).to(self.source.device, non_blocking=True)
