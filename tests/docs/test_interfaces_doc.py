"""docs/interfaces.md: its examples are true, and what it says of the package is so."""

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rsuper
from rsuper.interface import NAMES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "interfaces.md").read_text(encoding="utf-8")


def test_every_example_is_true(monkeypatch):
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    script = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "interfaces.md", "interfaces.md", 0)
    said = []
    results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(script, out=said.append)
    assert results.failed == 0, "".join(said)
    assert results.attempted > 30


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_what_its_module_has_and_says_what_it_does(name):
    found = getattr(rsuper, name)
    assert found is getattr(importlib.import_module(NAMES[name]), name)
    assert found.__doc__
    assert name in dir(rsuper)


def test_a_name_that_is_not_there_is_told_what_there_is():
    with pytest.raises(AttributeError, match="no attribute 'volume_los': there are volume_loss, ball_loss"):
        _ = rsuper.volume_los
    with pytest.raises(ImportError, match="cannot import name 'volume_los'"):
        exec("from rsuper import volume_los")


def test_nothing_is_loaded_before_it_is_asked_for():
    code = (
        "import sys, rsuper\n"
        "heavy = {'torch', 'numpy', 'pandas', 'pydantic'}\n"
        "assert not heavy & set(sys.modules)\n"
        "rsuper.dsc, rsuper.nsd, rsuper.holm, rsuper.delong_test, rsuper.extract\n"
        "assert 'torch' not in sys.modules\n"
        "from rsuper import session\n"  # modules are found as ever
        "assert session.__name__ == 'rsuper.session'\n"
        "rsuper.volume_loss\n"
        "assert 'torch' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_what_the_page_shows_is_the_example():
    blocks = re.findall(r'```snakemake title="(.*?)"\n(.*?)```', TEXT, flags=re.DOTALL)
    assert len(blocks) == 1
    for file, block in blocks:
        assert block in (ROOT / file).read_text(encoding="utf-8")
    for file in re.findall(r"`((?:examples|workflow)/[\w/.]+)`", TEXT):
        assert (ROOT / file).exists(), file
