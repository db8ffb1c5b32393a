"""Patches of report cases with what a report says of the organs in them: tumor or none, and no more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rsuper.data.batches import MaskBatch, PatchSource, drawn_candidate, organ_boxes
from rsuper.data.cohort import TARGET_ORGANS
from rsuper.data.patches import flipped, in_patch, start_covering
from rsuper.data.regions import covers
from rsuper.data.store import Box, StoredCase, structure_mask
from rsuper.data.volumes import Shape
from rsuper.errors import DataError

PRESENCE_STREAM = 15


@dataclass(frozen=True)
class PresenceBatch:
    """CT-Mask and CT-Report patches with a label per patch and target: is there such a tumor in the patch?

    Of report patches the voxels that are certainly free of tumor are known, and no others.
    """

    masks: MaskBatch
    reports: MaskBatch
    present: Bool[Tensor, "b c"]  # mask patches first
    labelled: Bool[Tensor, "b c"]  # where the label is known

    def augmented(self) -> "PresenceBatch":
        """Return the batch with its changes made: a tumor that a mask patch lost by turning is absent."""
        masks = self.masks.augmented()
        present = torch.cat([masks.tumor.flatten(2).any(dim=2), self.present[self.mask_patches :]])
        return replace(self, masks=masks, reports=self.reports.augmented(), present=present)

    @property
    def case_ids(self) -> tuple[str, ...]:
        """Cases of the batch, for error messages."""
        return (*self.masks.case_ids, *self.reports.case_ids)

    @property
    def mask_patches(self) -> int:
        """Number of CT-Mask patches."""
        return len(self.masks.case_ids)

    @property
    def report_patches(self) -> int:
        """Number of CT-Report patches."""
        return len(self.reports.case_ids)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many labels of report patches are positive, negative and unknown."""
        present, labelled = self.present[self.mask_patches :], self.labelled[self.mask_patches :]
        return {
            "present": int((present & labelled).sum()),
            "absent": int((~present & labelled).sum()),
            "unlabelled": int((~labelled).sum()),
        }


@dataclass(frozen=True)
class _Candidate:
    case: StoredCase
    presence: Mapping[str, bool | None]
    box: Box


@dataclass(frozen=True)
class PresenceSampler:
    """Patches of report cases, each covering one organ: a share with a tumor, the rest free."""

    source: PatchSource
    cases: Sequence[tuple[StoredCase, Mapping[str, bool | None]]]

    def __post_init__(self) -> None:
        if not self._pools:
            raise DataError("no report says of an organ that fits a patch whether it has a tumor")

    @cached_property
    def _pools(self) -> dict[str, tuple[list[_Candidate], list[_Candidate]]]:
        """Per target: organs with a tumor, and organs without."""
        pools: dict[str, tuple[list[_Candidate], list[_Candidate]]] = {}
        for target in self.source.targets:
            pool: tuple[list[_Candidate], list[_Candidate]] = ([], [])
            for case, presence in self.cases:
                for organ, box in organ_boxes(case, target).items():
                    fits = all(b - a <= width for a, b, width in zip(*box, self.source.size, strict=True))
                    if fits and presence[organ] is not None:
                        pool[0 if presence[organ] else 1].append(_Candidate(case, presence, box))
            if any(pool):
                pools[target] = pool
        return pools

    def __call__(self, step: int, masks: MaskBatch) -> PresenceBatch:
        """Return the mask patches with the report patches of a step."""
        rng = np.random.default_rng([self.source.seed, PRESENCE_STREAM, step])
        drawn = [
            drawn_candidate(self._pools, self.source.schedule.tumor_share, rng)
            for _ in range(self.source.schedule.report_patches)
        ]
        own = list(self.source.own(drawn, lambda each: self._pass_over(each, rng)))
        images, free, present, labelled, kept = zip(*(self._patch(each, rng) for each in own), strict=True)
        known = self.source.tensor(free)
        reports = MaskBatch(
            case_ids=tuple(each.case.case_id for each in own),
            image=self.source.tensor(images),
            tumor=torch.zeros_like(known),
            known=known,
            changes=self.source.changes(PRESENCE_STREAM, step, kept, len(drawn)),
        )
        return PresenceBatch(
            masks=masks,
            reports=reports,
            present=torch.cat([masks.tumor.flatten(2).any(dim=2), self.source.tensor(present)]),
            labelled=torch.cat([masks.known.flatten(2).all(dim=2), self.source.tensor(labelled)]),
        )

    def _start(self, drawn: _Candidate, rng: np.random.Generator) -> Shape:
        start = start_covering(drawn.box, self.source.size, drawn.case.index.shape, rng)
        assert start is not None  # organs larger than the patch are no candidates
        return start

    def _pass_over(self, drawn: _Candidate, rng: np.random.Generator) -> None:
        self._start(drawn, rng)
        self.source.pass_over(rng)

    def _patch(
        self, drawn: _Candidate, rng: np.random.Generator
    ) -> tuple[
        Float[np.ndarray, "i x y z"],
        Bool[np.ndarray, "c x y z"],
        Bool[np.ndarray, " c"],
        Bool[np.ndarray, " c"],
        list[Box],
    ]:
        start = self._start(drawn, rng)
        image, axes = self.source.read(drawn.case, start, rng)
        organs = drawn.case.organs(start, self.source.size)
        free, labels = [], []
        for target in self.source.targets:
            unsure = [organ for organ in TARGET_ORGANS[target] if drawn.presence[organ] is not False]
            masked = all(organ in organ_boxes(drawn.case, target) for organ in unsure)
            # A missing organ mask is not an empty one: the tumor may lie anywhere.
            own = ~structure_mask(organs, unsure) if masked else np.zeros(organs.shape, dtype=bool)
            free.append(flipped(own, axes))
            labels.append(self._label(drawn, target, unsure, start))
        present, labelled = (np.array(column) for column in zip(*labels, strict=True))
        return image, np.stack(free), present, labelled, self._kept(drawn, start, axes)

    def _kept(self, drawn: _Candidate, start: Shape, axes: tuple[int, ...]) -> list[Box]:
        """Boxes, in voxels of the patch, of the organs that a label of it tells of."""
        return [
            in_patch(box, start, self.source.size, axes)
            for target in self.source.targets
            for organ, box in organ_boxes(drawn.case, target).items()
            if box == drawn.box or (drawn.presence.get(organ) and covers(start, self.source.size, box))
        ]

    def _label(
        self, drawn: _Candidate, target: str, unsure: Sequence[str], start: Shape
    ) -> tuple[bool, bool]:
        """Say whether a tumor of the target is in the patch, and whether that is known.

        An organ with a tumor counts where the patch covers it; one that the patch cuts leaves the label open.
        """
        boxes = organ_boxes(drawn.case, target)
        for organ in unsure:
            if drawn.presence[organ] and organ in boxes and covers(start, self.source.size, boxes[organ]):
                return True, True
        apart = all(organ in boxes and not _meets(start, self.source.size, boxes[organ]) for organ in unsure)
        return False, apart


def _meets(start: Shape, size: Shape, box: Box) -> bool:
    return all(s < high and low < s + w for s, w, low, high in zip(start, size, *box, strict=True))
