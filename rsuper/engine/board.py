"""The log's lines for TensorBoard, where it is wanted and installed."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rsuper.engine import distributed
from rsuper.errors import ConfigError

FOLDER = "tensorboard"


class Board:
    """Writes numbers to the folder `tensorboard` of a stage; a context, so that the file is closed.

    Args:
        out: folder of the stage.
        step: that training continues from; what an interrupted run wrote past it is hidden.
        wanted: else nothing is written, and nothing imported.

    Raises:
        ConfigError: wanted, and the package is not installed.
    """

    def __init__(self, out: Path, step: int, wanted: bool) -> None:
        self._writer: Any = None
        if wanted and distributed.is_leader():
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise ConfigError(
                    "section 'engine' of the experiment: tensorboard is asked for and not installed; "
                    "`pip install tensorboard`, or leave it out: log.jsonl has the same numbers"
                ) from None
            self._writer = SummaryWriter(str(out / FOLDER), purge_step=step + 1)

    def add(self, line: Mapping[str, int | float]) -> None:
        """Write the numbers of a log line at its step."""
        if self._writer is not None:
            for name, value in line.items():
                if name != "step":
                    self._writer.add_scalar(name, value, line["step"])

    def __enter__(self) -> "Board":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
