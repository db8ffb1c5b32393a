"""How many kinds of bad input are tested, at which borders: as pytest collects them."""

from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BORDERS = {"config", "cards", "tables", "images", "reports", "checkpoints", "profiles", "command lines"}
FILES = {*Path(__file__).parent.glob("test_*.py"), ROOT / "tests" / "data" / "test_bad_input.py"}
PROMISED = 200


def test_as_many_as_promised_at_every_border(request: pytest.FixtureRequest) -> None:
    items = request.session.items
    if request.config.option.keyword or not {item.path for item in items} >= FILES:
        pytest.skip("only a part of the tests was collected")
    marks = [mark.args[0] for item in items if (mark := item.get_closest_marker("bad_input"))]
    counts = Counter(marks)
    assert set(counts) == BORDERS
    assert min(counts.values()) >= 10, counts
    assert sum(counts.values()) >= PROMISED, counts
