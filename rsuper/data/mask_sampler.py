"""CT-Mask patches. A step's batch depends on the seed and the step alone: a resumed run sees the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rsuper.data.batches import MaskBatch, PatchSource, organ_boxes
from rsuper.data.patches import flipped, start_around
from rsuper.data.store import TUMOR_LABELS, StoredCase
from rsuper.data.volumes import Shape
from rsuper.errors import DataError

MASK_STREAM = 10


@dataclass(frozen=True)
class MaskSampler:
    """Patches of CT-Mask pairs: a share on tumors, one anywhere in the CT, the rest around the organs."""

    source: PatchSource
    cases: Sequence[StoredCase]
    stream: int = MASK_STREAM  # two samplers of a run draw from two streams

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
        rng = np.random.default_rng([self.source.seed, self.stream, step])
        drawn = [self._draw(rng) for _ in range(self.source.schedule.mask_patches)]
        own = list(self.source.own(drawn, lambda _: self.source.pass_over(rng)))
        images, tumors, known = zip(*(self._patch(case, start, rng) for case, start in own), strict=True)
        return MaskBatch(
            case_ids=tuple(case.case_id for case, _ in own),
            image=self.source.tensor(images),
            tumor=self.source.tensor(tumors),
            known=self.source.tensor(known),
            changes=self.source.changes(self.stream, step, [None] * len(own), len(drawn)),
        )

    def _draw(self, rng: np.random.Generator) -> tuple[StoredCase, Shape]:
        targets = list(self._pools)
        target = targets[rng.integers(len(targets))]
        tumor, placed = self._pools[target]
        if self.source.schedule.background_share and rng.random() < self.source.schedule.background_share:
            case = (placed or tumor)[rng.integers(len(placed or tumor))]
            x, y, z = (int(v) for v in rng.integers(case.index.shape))
            return case, start_around((x, y, z), self.source.size, case.index.shape, rng)
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
