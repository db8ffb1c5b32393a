"""Patches of CTs without any label, and deformed twins of them: what Models Genesis is pre-trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from rsuper.data.batches import PatchSource
from rsuper.data.genesis import Genesis, training_pair
from rsuper.data.store import StoredCase
from rsuper.data.volumes import Shape
from rsuper.errors import DataError

IMAGE_STREAM = 16


@dataclass(frozen=True)
class ImageBatch:
    """Deformed patches and what they were; other channels than the CT's are left as they are."""

    case_ids: tuple[str, ...]
    image: Float[Tensor, "b i x y z"]
    original: Float[Tensor, "b 1 x y z"]
    mask_patches: int = 0
    report_patches: int = 0

    @property
    def counts(self) -> Mapping[str, int]:
        """How many patches there are."""
        return {"image_patches": len(self.case_ids)}


@dataclass(frozen=True)
class ImageSampler:
    """Patches from anywhere in any CT; a step's batch depends on the seed and the step alone."""

    source: PatchSource
    cases: Sequence[StoredCase]
    patches: int
    settings: Genesis

    def __post_init__(self) -> None:
        if not self.cases:
            raise DataError("no CT to be pre-trained on: the cohort of this budget is empty")

    def __call__(self, step: int) -> ImageBatch:
        """Return the patches of a step."""
        rng = np.random.default_rng([self.source.seed, IMAGE_STREAM, step])
        drawn = [self.cases[int(rng.integers(len(self.cases)))] for _ in range(self.patches)]

        def pair(case: StoredCase) -> tuple[np.ndarray, np.ndarray]:
            image, _ = self.source.read(case, self._start(case, rng), rng)
            changed, original = training_pair(image[0], self.settings, rng)
            return np.concatenate([changed[None], image[1:]]), original[None]

        # What a pair draws depends on its image: to pass over one is to make it.
        own = list(self.source.own(drawn, pair))
        images, originals = zip(*(pair(case) for case in own), strict=True)
        return ImageBatch(
            case_ids=tuple(case.case_id for case in own),
            image=self.source.tensor(images),
            original=self.source.tensor(originals),
        )

    def _start(self, case: StoredCase, rng: np.random.Generator) -> Shape:
        x, y, z = (
            int(rng.integers(0, max(side - width, 0) + 1))
            for side, width in zip(case.index.shape, self.source.size, strict=True)
        )
        return x, y, z
