"""Control: the ceiling. Predicts the truth, so that every table cell must be 1.0."""

from collections.abc import Iterable, Iterator

import numpy as np
from pydantic import BaseModel, ConfigDict

from rsuper.task import Prediction, Task, TestVolume


class Config(BaseModel):
    """Nothing to set."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def fit(task: Task, config: Config) -> None:
    """Learn nothing."""


def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Return each test mask as a probability; zero where a target is not annotated."""
    for volume in volumes:
        truth = task.cohort.truth(volume.case_id)
        empty = np.zeros(volume.native_shape, dtype=np.float32)
        yield Prediction(
            volume.case_id,
            {t: truth[t].astype(np.float32) if t in truth else empty for t in task.targets},
        )
