"""The mutation check itself: what is drawn and left out, which tests run, what a fork tells."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import mutants
from benchmarks.mutants_sample import sample

ROOT = Path(__file__).parents[2]
CODE = '''"""A module."""

SIDE: int | None = 3


def area(side: int | None = 3, *, scale: float = 2.0) -> int | None:
    """Return 1 + 2."""
    if side < 0:
        raise ValueError(f"at least {0 + 0}, got {side}")
    return side * scale
'''


def drawn(tmp_path, number=1000, seed=0):
    (tmp_path / "a.py").write_text(CODE)
    return sample(tmp_path, ["a.py"], number, seed)


def test_each_place_once_per_kind_and_nothing_that_is_never_run(tmp_path):
    found = drawn(tmp_path)
    kinds = [(each.line, each.before, each.operator.split("_")[0]) for each in found]
    assert {line for line, _, _ in kinds} == {3, 6, 8, 10}  # no docstring, no text of an error
    assert sum(kind == "NumberReplacer" for _, _, kind in kinds) == 4  # 3, 3, 2.0, 0
    assert sum("Binary" in kind for _, _, kind in kinds) <= 2  # the product, the bare star; no `int | None`
    for each in found:
        compile(each.code, "a.py", "exec")
        assert each.code != CODE


def test_the_same_seed_draws_the_same(tmp_path):
    assert drawn(tmp_path, 4, 1) == drawn(tmp_path, 4, 1)
    assert len(drawn(tmp_path, 4, 1)) == 4
    assert drawn(tmp_path, 4, 1) != drawn(tmp_path, 4, 2)


def test_a_mutant_is_found_again_where_lines_have_moved(tmp_path):
    mutant = next(each for each in drawn(tmp_path) if "return" in each.before)
    (tmp_path / "a.py").write_text("# One more line.\n" + CODE)
    row = mutants.as_row(mutant, "", {"outcome": "survived", "test": "", "seconds": 1.0})
    mutants.write([row], tmp_path / "out" / "m.csv")
    (row,) = csv.DictReader((tmp_path / "out" / "m.csv").read_text().splitlines())
    again = mutants.found_again(tmp_path, row)
    assert (again.line, again.code) == (mutant.line + 1, "# One more line.\n" + mutant.code)
    assert (row["first"], row["outcome"]) == ("survived", "survived")


def test_a_module_meets_its_own_tests_first():
    files = mutants.core(ROOT)
    assert "rsuper/stats/delong.py" in files
    assert {Path(file).parent.name for file in files} == {"losses", "metrics", "stats"}
    tests = mutants.tests_of(ROOT, "rsuper/stats/delong.py")
    assert tests[0] == "tests/stats/test_delong.py"
    assert tests[-1] == "tests/stats/test_calibration.py"
    assert len(tests) == len(list((ROOT / "tests" / "stats").glob("test_*.py")))


@pytest.mark.slow
def test_a_fork_tells_what_survives_what_fails_and_what_never_ends(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    tests = {
        "good": "def test_a():\n    assert True\n",
        "bad": "def test_a():\n    assert False\n",
        "broken": "import nothing_of_the_kind\n",
        "endless": "def test_a():\n    while True:\n        pass\n",
    }
    for name, code in tests.items():
        (tmp_path / f"test_{name}.py").write_text(code)
    program = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from benchmarks import mutants_run
mutants_run.HEAVY, mutants_run.CPU_SECONDS = ["pytest"], 6
root = Path({str(tmp_path)!r})
mutants_run.prepare(root)
for name in {list(tests)!r}:
    print(*mutants_run.run(root, [f"test_{{name}}.py"])[:2], sep="|")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "survived|",
        "killed|test_bad.py::test_a",
        "killed|(does not import)",
        "timeout|",
    ], done.stderr
