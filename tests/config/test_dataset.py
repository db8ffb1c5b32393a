from typing import get_args

import pytest

from rsuper.config.dataset import MADE, ROOTS, SPLITS, WITH_REPORTS, Dataset, Source
from rsuper.config.load import parse
from rsuper.data.sources.registry import adapter_file
from rsuper.errors import ConfigError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"source": "kits"}, "'kits23'"),
        ({"source": "kits23"}, "source kits23 needs 'root'"),
        ({"source": "kits23", "root": "a", "role": "x", "splits": {}}, ""),
        (
            {"source": "kits23", "root": "a", "splits": {"train": "x"}},
            r"splits \['train'\]: .*kits23 has none",
        ),
        ({"source": "pants", "root": "a", "splits": {"val": "x"}}, r"source pants has \['train', 'test'\]"),
        ({"source": "pants", "root": "a", "splits": {"train": "x"}, "role": "y"}, "choose one of them"),
        ({"source": "abdomenatlas3", "root": "a", "roots": {"cts": "x"}}, r"has \['images', 'masks'\]"),
        ({"source": "kits19", "root": "a", "reports": "r.csv"}, "no texts of reports"),
        ({"source": "phantom", "role": "x"}, "gives its cases roles itself"),
        ({"source": "table", "root": "a", "tabel": "x"}, "'tabel' is not known"),
    ],
)
def test_keys_belong_to_sources(content, message):
    if not message:
        assert parse(Dataset, content, "x.yaml").role == "x"
        return
    with pytest.raises(ConfigError, match=message):
        parse(Dataset, content, "x.yaml")


def test_every_source_has_its_file_and_every_table_of_keys_knows_it():
    sources = set(get_args(Source))
    assert {source for source in sources if not adapter_file(source).is_file()} == set()
    assert set(ROOTS) | set(SPLITS) | set(WITH_REPORTS) | set(MADE) <= sources
    readers = {
        path.stem for path in adapter_file("table").parent.glob("*.py") if "\ndef cases(" in path.read_text()
    }
    assert readers == sources - set(MADE)
