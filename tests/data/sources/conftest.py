"""Small bodies in the layouts of public data sets: the boxes of tests/conftest.py, on its grid."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rsuper.config.dataset import Dataset
from rsuper.config.load import parse
from rsuper.data.cohort import cohort_frame
from rsuper.data.sources.raw_case import Origin
from rsuper.data.sources.registry import read_cases

SHAPE = (40, 32, 32)
KIDNEYS = ("kidney_left", "kidney_right")


@dataclass(frozen=True)
class Body:
    """Writes CTs, binary masks and label maps of one small body."""

    boxes: Mapping[str, tuple[tuple[int, int, int], tuple[int, int, int]]]
    save: Callable[..., None]

    def array(self, *names: str) -> np.ndarray:
        """Union of boxes, RAS+."""
        mask = np.zeros(SHAPE, np.uint8)
        for name in names:
            mask[tuple(slice(low, high) for low, high in zip(*self.boxes[name], strict=True))] = 1
        return mask

    def ct(self, path: Path, axes: str = "RAS") -> None:
        """A CT of the body."""
        self.save(np.full(SHAPE, 30, np.int16), path, axes)

    def mask(self, path: Path, *names: str, axes: str = "RAS") -> None:
        """A binary mask; empty without names."""
        self.save(self.array(*names), path, axes)

    def labels(
        self, path: Path, parts: Mapping[int, tuple[str, ...]], axes: str = "RAS", dtype: type = np.uint8
    ) -> None:
        """A label map; later values win."""
        labels = np.zeros(SHAPE, dtype)
        for value, names in parts.items():
            labels[self.array(*names) > 0] = value
        self.save(labels, path, axes)


@pytest.fixture(scope="session")
def body(boxes, save_nifti) -> Body:
    return Body({**boxes, "cyst": ((31, 19, 11), (33, 21, 13))}, save_nifti)


@pytest.fixture(scope="session")
def origin_at() -> Callable[..., Origin]:
    """`origin_at(root, source, **keys)`: a data set called `own`, as an experiment file would give it."""

    def factory(root: Path, source: str, **keys: object) -> Origin:
        return Origin("own", root, parse(Dataset, {"source": source, "root": str(root), **keys}, "own.yaml"))

    return factory


@pytest.fixture(scope="session")
def listed() -> Callable[[Origin], pd.DataFrame]:
    """`listed(origin)`: its cohort table, by case id."""

    def rows(origin: Origin) -> pd.DataFrame:
        frame = cohort_frame(read_cases(origin), {}, "mask_train", strict=False)
        return frame.set_index("case_id", drop=False)

    return rows
