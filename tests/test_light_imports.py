"""Jobs are many and short: what trains, predicts and scores imports only what it needs."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = ("fit", "predict", "cases")
HEAVY = {"monai", "sklearn", "transformers", "matplotlib", "snakemake", "scipy.stats"}


def imports_of(script):
    """The import statements of a workflow script; the rest of it would run."""
    tree = ast.parse((ROOT / "workflow" / "scripts" / f"{script}.py").read_text(encoding="utf-8"))
    return [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]


def test_short_jobs_load_no_heavy_package():
    code = "\n".join(
        [
            "import importlib, pkgutil, sys",
            *(line for script in SCRIPTS for line in imports_of(script)),
            "import rsuper.networks",
            "from rsuper.methods import available, find",
            # nnU-Net's package has imports of its own, which nobody else pays for.
            "for name in set(available()) - {'nnunet'}:",
            "    find(name).module",
            # These are imported when an experiment names them.
            "for inner in pkgutil.iter_modules(rsuper.networks.__path__, 'rsuper.networks.'):",
            "    importlib.import_module(inner.name)",
            f"print(sorted({HEAVY!r} & set(sys.modules)))",
        ]
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "[]\n"


def test_what_the_tests_compare_with_is_imported_nowhere_else():
    wrong = [
        str(path.relative_to(ROOT))
        for folder in ("rsuper", "methods", "workflow")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module])
        if (name or "").split(".")[0] == "monai"
    ]
    assert wrong == []
