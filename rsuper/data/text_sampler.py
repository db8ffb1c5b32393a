"""Patches of report cases with vectors of their reports: what a contrast of images and texts learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float
from torch import Tensor

from rsuper.changes import Change, changed_images
from rsuper.data.batches import PatchSource, organ_boxes
from rsuper.data.patches import in_patch, start_covering
from rsuper.data.store import Box, StoredCase
from rsuper.data.volumes import Shape
from rsuper.errors import DataError

TEXT_STREAM = 17


@dataclass(frozen=True)
class TextBatch:
    """Patches on one and the same organ of different cases, and the vectors of their reports."""

    case_ids: tuple[str, ...]
    image: Float[Tensor, "b i x y z"]
    text: Float[Tensor, "b e"]
    changes: tuple[Change, ...] = ()  # still to be made, one per patch, or none is
    mask_patches: int = 0
    report_patches: int = 0

    def augmented(self) -> "TextBatch":
        """Return the batch with its changes made."""
        if not self.changes:
            return self
        return replace(self, image=changed_images(self.image, self.changes), changes=())

    @property
    def counts(self) -> Mapping[str, int]:
        """How many patches there are."""
        return {"text_patches": len(self.case_ids)}


@dataclass(frozen=True)
class _Candidate:
    case: StoredCase
    vector: Float[np.ndarray, " e"]
    box: Box


@dataclass(frozen=True)
class TextSampler:
    """Patches that each cover one organ, the same in all of a step's cases: they differ in findings.

    A step's batch depends on the seed and the step alone.
    """

    source: PatchSource
    cases: Sequence[tuple[StoredCase, Float[np.ndarray, " e"]]]
    patches: int

    def __post_init__(self) -> None:
        if self.patches < 2:
            raise DataError(f"a contrast needs two patches per step at least, got {self.patches}")
        if not self._pools:
            raise DataError(
                f"no organ fits the patch in two of {len(self.cases)} report cases with a vector: "
                "there is nothing to contrast"
            )

    @cached_property
    def _pools(self) -> list[list[list[_Candidate]]]:
        """Per target and organ, the cases in which a patch can cover it: at least two."""
        pools = [self._organs(target) for target in self.source.targets]
        return [organs for organs in pools if organs]

    def _organs(self, target: str) -> list[list[_Candidate]]:
        organs: dict[str, list[_Candidate]] = {}
        for case, vector in self.cases:
            for organ, box in organ_boxes(case, target).items():
                if all(b - a <= width for a, b, width in zip(*box, self.source.size, strict=True)):
                    organs.setdefault(organ, []).append(_Candidate(case, vector, box))
        return [found for found in organs.values() if len(found) > 1]

    def __call__(self, step: int) -> TextBatch:
        """Return the patches of a step: fewer than asked for where the cohort has no more cases."""
        rng = np.random.default_rng([self.source.seed, TEXT_STREAM, step])
        organs = self._pools[int(rng.integers(len(self._pools)))]
        pool = organs[int(rng.integers(len(organs)))]
        drawn = [pool[index] for index in rng.permutation(len(pool))[: self.patches]]

        def start_of(each: _Candidate) -> Shape:
            start = start_covering(each.box, self.source.size, each.case.index.shape, rng)
            assert start is not None  # organs larger than the patch are no candidates
            return start

        def pass_over(each: _Candidate) -> None:
            start_of(each)
            self.source.pass_over(rng)

        own = list(self.source.own(drawn, pass_over))
        images, kept = [], []
        for each in own:
            start = start_of(each)
            image, axes = self.source.read(each.case, start, rng)
            images.append(image)
            kept.append([in_patch(each.box, start, self.source.size, axes)])
        return TextBatch(
            case_ids=tuple(each.case.case_id for each in own),
            image=self.source.tensor(images),
            text=self.source.tensor([each.vector for each in own]),
            changes=self.source.changes(TEXT_STREAM, step, kept, len(drawn)),
        )
