"""Control: the floor. Never predicts a tumor."""

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
    """Return probability zero everywhere."""
    for volume in volumes:
        zero = np.zeros(volume.native_shape, dtype=np.float32)
        yield Prediction(volume.case_id, dict.fromkeys(task.targets, zero))
