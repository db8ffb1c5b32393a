import sys
import types

import pytest

from rsuper.engine.board import Board
from rsuper.errors import ConfigError


class Writer:
    made = None

    def __init__(self, folder, purge_step):
        self.folder, self.purge_step, self.seen, self.closed = folder, purge_step, [], False
        Writer.made = self

    def add_scalar(self, *numbers):
        self.seen.append(numbers)

    def close(self):
        self.closed = True


def test_a_log_line_is_written_at_its_step(tmp_path, monkeypatch):
    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    with Board(tmp_path, 40, wanted=True) as board:
        board.add({"step": 60, "loss": 0.5, "mask_dice_final": 0.25})
    writer = Writer.made
    assert (writer.folder, writer.purge_step) == (str(tmp_path / "tensorboard"), 41)
    assert writer.seen == [("loss", 0.5, 60), ("mask_dice_final", 0.25, 60)]
    assert writer.closed


def test_without_the_package_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match="tensorboard is asked for and not installed; `pip install"):
        Board(tmp_path, 0, wanted=True)


def test_not_wanted_nothing_is_written(tmp_path):
    with Board(tmp_path, 0, wanted=False) as board:
        board.add({"step": 1, "loss": 1.0})
    assert list(tmp_path.iterdir()) == []
