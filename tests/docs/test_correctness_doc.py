"""docs/correctness.md: every example is true, and no public loss, metric or test is without one."""

import ast
import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "correctness.md").read_text(encoding="utf-8")
# Parts of what is shown: boxes, balls as arrays, checks, sums over processes.
PARTS = {
    "losses": {"geometry", "checks", "totals"},
    "metrics": {"boxes", "dilation", "nearest", "surfels"},
    "stats": {"samples"},
}
PARTS_OF_MODULES = {
    "best_center",
    "as_spacing",
    "check_positive",
    "check_same_grid",
    "check_masks",
    "check_level",
}
PARTS_OF_MODULES |= {"search_region", "search_window"}


def public(package):
    """Public functions of a package that are no mere parts."""
    for path in sorted((ROOT / "rsuper" / package).glob("*.py")):
        if path.stem not in PARTS[package]:
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                    yield node.name


def test_every_example_is_true():
    blocks = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    script = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "correctness.md", "correctness.md", 0)
    said = []
    results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(script, out=said.append)
    assert results.failed == 0, "".join(said)
    assert results.attempted > 100


@pytest.mark.parametrize("package", PARTS)
def test_every_public_function_has_an_example(package):
    shown = re.findall(r"^>>> (?!from).*", TEXT, flags=re.MULTILINE)
    names = [name for name in public(package) if name not in PARTS_OF_MODULES]
    assert len(names) > 8
    without = [name for name in names if not any(re.search(rf"\b{name}\(", example) for example in shown)]
    assert without == []
