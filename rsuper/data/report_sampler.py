"""CT-Report patches. A step's batch depends on the seed and the step alone: a resumed run sees the same."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from rsuper.data.batches import (
    BatchRegion,
    BatchTumor,
    PatchPlace,
    PatchSource,
    ReportBatch,
    drawn_candidate,
    organ_boxes,
    united,
)
from rsuper.data.patches import flipped, start_covering
from rsuper.data.regions import PatchRegion, PatchTumor, ReportUse, regions_of, supervise
from rsuper.data.store import Box, StoredCase, bounding_box
from rsuper.data.volumes import Shape
from rsuper.errors import DataError
from rsuper.reports.findings import ReportFindings
from rsuper.reports.supervision import Region, State

REPORT_STREAM = 11


@dataclass(frozen=True)
class _Candidate:
    """An organ of a report case that a patch can fully cover; of a larger one, the segments that fit."""

    case: StoredCase
    regions: tuple[Region, ...]
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class ReportSampler:
    """Patches of CT-Report pairs, each covering one organ: a share with a sized tumor, the rest free.

    Of an organ that is larger than the patch a segment is covered: one with a sized tumor, or a free one of a
    free organ.
    """

    source: PatchSource
    cases: Sequence[tuple[StoredCase, ReportFindings]]
    use: ReportUse = field(default_factory=ReportUse)
    unusable: Counter[str] = field(default_factory=Counter)
    usable: Counter[str] = field(default_factory=Counter)

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
                fitted = regions_of(findings, list(case.index.boxes), self.use)
                for organ, box in organ_boxes(case, target).items():
                    own = [r for r in fitted if r.target == target and _of_organ(r, organ)]
                    state = self._state(own, organ)
                    boxes = (box,) if self._fits(box) else self._parts(own, state, case.index.boxes)
                    if not boxes:
                        state = "organ larger than the patch"
                    if state == "positive":
                        positive.append(_Candidate(case, fitted, boxes))
                    elif state == "negative":
                        negative.append(_Candidate(case, fitted, boxes))
                    counts = self.usable if state in ("positive", "negative") else self.unusable
                    counts[f"{target}: {state}"] += 1
            pools[target] = (positive, negative)
        return {target: pool for target, pool in pools.items() if pool[0] or pool[1]}

    def _fits(self, box: Box) -> bool:
        return all(high - low <= width for low, high, width in zip(*box, self.source.size, strict=True))

    def _parts(self, own: Sequence[Region], state: str, boxes: Mapping[str, Box]) -> tuple[Box, ...]:
        """Boxes of the segments that fit a patch and decide what is known of their organ (§2.2)."""
        deciding = {"positive": State.POSITIVE_SIZED, "negative": State.NEGATIVE}.get(state)
        parts = [
            united([boxes[name] for name in region.structures])
            for region in own
            if region.state == deciding and all(name in boxes for name in region.structures)
        ]
        return tuple(part for part in parts if self._fits(part))

    def _state(self, own: Sequence[Region], organ: str) -> str:
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
        drawn = [
            drawn_candidate(self._pools, self.source.schedule.tumor_share, rng)
            for _ in range(self.source.schedule.report_patches)
        ]

        def start_of(candidate: _Candidate) -> Shape:
            boxes = candidate.boxes
            box = boxes[0] if len(boxes) == 1 else boxes[int(rng.integers(len(boxes)))]
            start = start_covering(box, self.source.size, candidate.case.index.shape, rng)
            assert start is not None  # what is larger than the patch is no candidate
            return start

        def pass_over(candidate: _Candidate) -> None:
            start_of(candidate)
            self.source.pass_over(rng)

        own = list(self.source.own(drawn, pass_over))
        images, outside, regions, places = [], [], [], []
        kept: list[list[Box]] = []
        counts: Counter[str] = Counter()
        for row, candidate in enumerate(own):
            start = start_of(candidate)
            image, axes = self.source.read(candidate.case, start, rng)
            organs = candidate.case.organs(start, self.source.size)
            supervision = supervise(
                candidate.regions,
                candidate.case.index.boxes,
                organs,
                start,
                self.source.size,
                self.source.targets,
                grow_mm=self.use.grow_mm,
                spacing_mm=self.source.preprocess.spacing_mm,
            )
            images.append(image)
            places.append(PatchPlace(start, axes, candidate.case.index.shape))
            outside.append(np.stack([flipped(supervision.outside[t], axes) for t in self.source.targets]))
            regions += [self._region(region, row, axes) for region in supervision.regions]
            kept.append(self._kept(regions, row))
            counts.update(supervision.counts)
        return ReportBatch(
            step=step,
            case_ids=tuple(candidate.case.case_id for candidate in own),
            image=self.source.tensor(images),
            outside=self.source.tensor(outside),
            regions=tuple(regions),
            places=tuple(places),
            spacing_mm=self.source.preprocess.spacing_mm,
            counts=counts,
            changes=self.source.changes(REPORT_STREAM, step, kept, len(drawn)),
        )

    def _kept(self, regions: Sequence[BatchRegion], row: int) -> list[Box]:
        """Boxes of what is supervised in a patch, where it may be turned."""
        if not self.source.schedule.augment.device.changes_anything:
            return []
        boxes = [bounding_box(region.mask.numpy()) for region in regions if region.row == row]
        return [box for box in boxes if box is not None]

    def _region(self, region: PatchRegion, row: int, axes: tuple[int, ...]) -> BatchRegion:
        def tumor(item: PatchTumor) -> BatchTumor:
            mask = flipped(item.mask, axes)
            box = bounding_box(mask) or ((0, 0, 0), (0, 0, 0))
            x, y, z = (slice(low, high) for low, high in zip(*box, strict=True))
            return BatchTumor(self._tensor(mask), item.volume_mm3, item.diameter_mm, (x, y, z))

        return BatchRegion(
            row=row,
            channel=self.source.targets.index(region.target),
            mask=self._tensor(flipped(region.mask, axes)),
            volume_mm3=region.volume_mm3,
            tumors=tuple(tumor(item) for item in region.tumors),
            structures=region.structures,
            grown_mm=region.grown_mm,
        )

    def _tensor(self, mask: Bool[np.ndarray, "x y z"]) -> Bool[Tensor, "x y z"]:
        return torch.from_numpy(mask)


def _of_organ(region: Region, organ: str) -> bool:
    return any(structure.startswith(organ) for structure in region.structures)
