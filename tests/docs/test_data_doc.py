"""docs/data.md: its example lines are valid, every source has some, and the table's columns are known."""

import re
from pathlib import Path
from typing import get_args

import yaml

from rsuper.config.dataset import MADE, Dataset, Source
from rsuper.config.load import parse
from rsuper.data.sources.table import NEEDED, OPTIONAL

TEXT = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:^ {4,}\S.*\n)+", re.MULTILINE)


def blocks():
    for match in BLOCK.finditer(TEXT):
        indent = len(match.group()) - len(match.group().lstrip(" "))
        yield "".join(line[indent:] for line in match.group().splitlines(keepends=True))


def test_example_lines_are_valid_and_cover_every_source():
    shown = set()
    for block in blocks():
        if "source:" not in block:
            continue
        content = yaml.safe_load(block)
        for name, settings in content.get("datasets", content).items():
            shown.add(parse(Dataset, settings, f"docs/data.md, {name}").source)
    assert shown == set(get_args(Source)) - set(MADE)


def test_columns_of_the_table_are_named():
    (header,) = (block.splitlines()[0] for block in blocks() if block.startswith("case_id"))
    assert set(header.split(",")) <= {*NEEDED, *OPTIONAL}
    described = set(
        re.findall(r"`(\w+)`", TEXT[TEXT.index("| column | what |") : TEXT.index("5. **The exp")])
    )
    assert {*NEEDED, *OPTIONAL} <= described
