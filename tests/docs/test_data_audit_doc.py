"""docs/data_audit.md names every check, and no other."""

import re
from pathlib import Path

from rsuper.data.audit.registry import CHECKS

DOCUMENT = Path(__file__).parents[2] / "docs" / "data_audit.md"


def test_every_check_is_explained():
    rows = re.findall(r"^\| `(\w+)` \|", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert rows == [check.__name__ for check in CHECKS]
