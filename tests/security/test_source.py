"""No line of the product unpickles, evaluates or hands to a shell what a file says."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("rsuper", "methods", "workflow", "profiles", "docs/figures", "docs/site", "benchmarks")
FILES = sorted(path for place in PLACES for path in (ROOT / place).rglob("*.py"))
# Whatever is given to these is run, or may be.
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "marshal.loads", "marshal.load"}
CALLS |= {
    f"{module}.{name}" for module in ("pickle", "dill", "joblib") for name in ("load", "loads", "Unpickler")
}
CALLS |= {"pandas.read_pickle", "pd.read_pickle", "shelve.open", "torch.jit.load", "torch.hub.load"}
CALLS |= {"yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "subprocess.getoutput", "tempfile.mktemp"}
IMPORTS = {"dill", "joblib", "shelve", "marshal", "cloudpickle"}
# Nothing of a user's: a published file, whose hash is known, of the package that is compared with.
ALLOWED = {("benchmarks/metrics_tests.py", "exec"), ("benchmarks/metrics_tests.py", "compile")}


def name_of(function: ast.expr) -> str:
    """`a.b.c` of a call; blank for anything else."""
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute):
        before = name_of(function.value)
        return f"{before}.{function.attr}" if before else ""
    return ""


def value(call: ast.Call, name: str) -> object:
    """A keyword's constant value; None where it is not given or not constant."""
    found = next((word.value for word in call.keywords if word.arg == name), None)
    return found.value if isinstance(found, ast.Constant) else None


def dangers(tree: ast.AST) -> Iterator[str]:
    """What a file does that could run what another file says."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            )
            names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            yield from (module for module in modules if module.split(".")[0] in IMPORTS)
            yield from (
                f"{one.name} as {one.asname}" for one in node.names if one.name == "pickle" and one.asname
            )
            yield from (
                f"from {modules[0]} import {name}" for name in names if f"{modules[0]}.{name}" in CALLS
            )
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node.func)
        if name in CALLS:
            yield name
        if name == "torch.load" and value(node, "weights_only") is not True:
            yield "torch.load without weights_only=True"
        if value(node, "allow_pickle") is True:
            yield f"{name} with allow_pickle=True"
        if value(node, "shell") is True:
            yield f"{name} with shell=True"
        if value(node, "trust_remote_code") is True or value(node, "deserialize") == "unsafe":
            yield f"{name} that runs what it reads"
        if name == "yaml.load" and not (len(node.args) > 1 and name_of(node.args[1]) == "_Loader"):
            yield "yaml.load without the safe loader"
        if (
            name.endswith("from_pretrained")
            and "Tokenizer" not in name
            and value(node, "use_safetensors") is not True
        ):
            yield f"{name} without use_safetensors=True"


def test_nothing_that_is_read_is_run():
    found = {
        (str(path.relative_to(ROOT)), danger)
        for path in FILES
        for danger in dangers(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found - ALLOWED == set()
    assert len(FILES) > 200


def test_no_rule_has_a_shell():
    for path in [ROOT / "Snakefile", *(ROOT / "workflow" / "rules").glob("*.smk")]:
        lines = [line.strip() for line in path.read_text().splitlines()]
        assert not [line for line in lines if line.startswith(("shell:", "shell(", "run:"))], path


@pytest.mark.parametrize(
    "line",
    [
        "import pickle; pickle.load(file)",
        "from pickle import loads",
        "import pickle as p; p.loads(data)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text, yaml.Loader)",
        "yaml.unsafe_load(text)",
        "eval(text)",
        "subprocess.run(text, shell=True)",
        "import joblib",
        "AutoModel.from_pretrained(name)",
        "blosc2.open(path, deserialize='unsafe')",
    ],
)
def test_the_check_sees(line):
    assert list(dangers(ast.parse(line)))
