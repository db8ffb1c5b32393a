"""design.md, section 2: a file imports only from lower lines. Read from the import statements."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = sorted((ROOT / "rsuper").rglob("*.py"))
METHODS = sorted((ROOT / "methods").glob("*/**/*.py"))
SCRIPTS = sorted((ROOT / "workflow" / "scripts").glob("*.py"))
SOURCES = [*PACKAGE, *METHODS, *SCRIPTS]

# Part of the package -> its line, ground to top. Parts of lines 2 and 3 never import one another.
LINES = {
    "errors": 1,
    "config": 2,
    "reports": 2,
    "metrics": 2,
    "stats": 2,
    "losses": 2,
    "changes": 2,
    "interface": 2,
    "networks": 2,
    "schemas": 2,
    "files": 2,
    "artifacts": 3,
    "locks": 3,
    "progress": 3,
    "refusals": 3,
    "fingerprint": 3,
    "installation": 3,
    "public": 3,
    "devices": 4,
    "profiles": 4,
    "failures": 4,
    "session": 4,
    "data": 4,
    "engine": 4,
    "method_code": 5,
    "methods": 5,
    "task": 5,
    "collection": 5,
    "runs": 5,
    "held_out": 5,
    "fitting": 5,
    "predictions": 5,
    "nnunet": 5,
    "extraction": 5,
    "extraction_report": 5,
    "report_guard": 5,
    "records": 5,
    "provenance": 5,
    "job": 5,
    "segmenter": 5,
    "report_terms": 5,
    "landing": 5,
    "locate": 5,
    "pseudo_labels": 5,
    "scaffold": 5,
    "doctor": 5,
    "evaluate": 5,
    "publish": 5,
}
TORCH = {"torch", "monai", "torchvision"}
# What reads or writes files, or talks to anybody.
FILES = {
    "pathlib",
    "os",
    "io",
    "shutil",
    "tempfile",
    "glob",
    "nibabel",
    "blosc2",
    "pandas",
    "yaml",
    "logging",
}
FILES |= {"subprocess", "urllib", "requests", "tqdm", "snakemake", "pickle", "csv", "sqlite3"}
FORBIDDEN = {
    "config": TORCH | (FILES - {"pathlib", "yaml"}),  # reads the experiment file, and nothing else
    "reports": TORCH | FILES,
    "metrics": TORCH | FILES,
    "stats": TORCH | FILES,
    "losses": FILES,
    "changes": FILES,
    "interface": TORCH | FILES,
    "networks": FILES,
    "schemas": TORCH | FILES,
    "files": TORCH | {"pandas", "nibabel", "blosc2", "yaml"},
    "artifacts": TORCH,
    "fingerprint": TORCH,
    "methods": TORCH,
    "method_code": TORCH,
    "scaffold": TORCH,
    "doctor": TORCH,
    "installation": TORCH,
    "public": TORCH,
    "provenance": TORCH,
    "evaluate": TORCH,
    "extraction_report": TORCH,
    "publish": TORCH,
}
# Exceptions to "a line may import all lower lines".
NEVER = {"engine": {"losses", "networks"}, "data": {"losses", "networks", "engine"}}
# Deep in the package, torch stays where tensors are: everything else must be quick to import.
TORCH_FREE = (
    "rsuper.interface",
    "rsuper.config.load",
    "rsuper.methods",
    "rsuper.fingerprint",
    "rsuper.artifacts",
    "rsuper.job",
    "rsuper.scaffold",
    "rsuper.doctor",
    "rsuper.provenance",
    "rsuper.metrics",
    "rsuper.stats",
    "rsuper.reports",
    "rsuper.evaluate",
    "rsuper.extraction_report",
    "rsuper.publish",
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> frozenset[str]:
    """Every name that a file imports, `from a import b` as a and a.b."""
    names = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def part_of(path: Path) -> str:
    return path.relative_to(ROOT / "rsuper").parts[0].removesuffix(".py")


def parts_imported(path: Path) -> set[str]:
    """Parts of the package that a file imports."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("rsuper.")}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_every_part_has_its_line():
    parts = {part_of(path) for path in PACKAGE} - {"__init__"}
    assert parts <= set(LINES), "a new part of the package needs a line in design.md and here"


def test_a_file_imports_only_from_lower_lines():
    wrong = []
    for path in PACKAGE:
        own = part_of(path)
        if own == "__init__":
            continue
        for other in parts_imported(path) - {own}:
            siblings = LINES[other] == LINES[own] and LINES[own] in (2, 3)
            if LINES[other] > LINES[own] or siblings or other in NEVER.get(own, set()):
                wrong.append(f"{name_of(path)} imports rsuper.{other}")
    assert wrong == []


def test_what_a_part_must_not_import_from_outside():
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in PACKAGE
        for name in sorted(imported(path))
        if name.split(".")[0] in FORBIDDEN.get(part_of(path), set())
    ]
    assert wrong == []


def test_nothing_imports_upward_out_of_the_package():
    upward = {"methods", "workflow", "tests", "benchmarks"}
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in SOURCES
        for name in imported(path)
        if name.split(".")[0] in upward
    ]
    # Method folders never import one another, and scripts reach them through rsuper.methods.
    assert wrong == []


def test_no_relative_import():
    # Fingerprints follow imports by their full name.
    wrong = [
        name_of(path)
        for path in SOURCES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert wrong == []


def test_light_modules_do_not_load_torch():
    code = "\n".join(
        [
            "import importlib, pkgutil, sys",
            f"for name in {TORCH_FREE!r}:",
            "    module = importlib.import_module(name)",
            "    for inner in pkgutil.walk_packages(getattr(module, '__path__', []), name + '.'):",
            "        importlib.import_module(inner.name)",
            f"    loaded = sorted({TORCH!r} & set(sys.modules))",
            "    assert not loaded, f'{name} loads {loaded}'",
        ]
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_no_module_without_a_subject():
    vague = {"utils", "util", "helpers", "helper", "common", "base", "misc", "tools"}
    wrong = [
        name_of(path)
        for path in (*PACKAGE, *METHODS)
        if vague & set(path.relative_to(ROOT).with_suffix("").parts)
    ]
    assert wrong == []


def test_init_files_are_empty():
    # Importing a module of a package would run it, and a fingerprint would follow it.
    wrong = [
        name_of(p)
        for p in PACKAGE
        if p.name == "__init__.py" and p.parent != ROOT / "rsuper" and p.read_text()
    ]
    assert wrong == []
    # The package's own finds its names when they are asked for, and imports nothing of ours.
    assert imported(ROOT / "rsuper" / "__init__.py") == {"importlib", "typing"}


@pytest.mark.parametrize(
    ("files", "limit"), [(PACKAGE, 350), (METHODS, 350), (SCRIPTS, 40)], ids=["package", "methods", "scripts"]
)
def test_files_are_short(files, limit):
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > limit} == {}


def test_a_method_is_short():
    lengths = {
        name_of(p): len(p.read_text(encoding="utf-8").splitlines()) for p in METHODS if p.name == "method.py"
    }
    assert {name: length for name, length in lengths.items() if length > 150} == {}


def test_functions_are_short():
    lengths = {
        f"{name_of(path)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in SOURCES
        for node in functions(path)
    }
    assert {name: length for name, length in lengths.items() if length > 60} == {}


def test_no_path_of_one_machine():
    absolute = re.compile(r"(?<![\w.:/}])(?:/(?:home|root|work|tmp|Users|mnt|opt|srv|scratch)/\w|[A-Z]:\\\w)")
    folders = [ROOT / name for name in ("rsuper", "methods", "workflow", "config", "profiles")]
    suffixes = {".py", ".smk", ".yaml", ".yml", ".rst", ".csv"}
    files = [ROOT / "Snakefile"] + [p for f in folders for p in f.rglob("*") if p.suffix in suffixes]
    wrong = [
        f"{name_of(path)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if absolute.search(line)
    ]
    assert wrong == []


def test_every_script_has_a_rule_and_every_rule_its_script():
    rules = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    used = set(re.findall(r'"\.\./scripts/(\w+\.py)"', rules))
    assert used == {path.name for path in SCRIPTS}


def test_the_walk_sees_imports(tmp_path):
    path = tmp_path / "sample.py"
    path.write_text("import a.b as c\nfrom rsuper.x import y\ndef f():\n    from z import (u,\n        v)\n")
    assert imported(path) == {"a.b", "rsuper.x", "rsuper.x.y", "z", "z.u", "z.v"}
    assert parts_imported(path) == {"x"}
