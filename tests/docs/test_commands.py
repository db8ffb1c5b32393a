"""What a document tells to call, or names as a file, is there."""

import re
from itertools import product

import pytest

from tests.docs.documents import DOCUMENTS, ROOT, code

# Files that readers are told to write, that a run will write, and one that is said not to be there.
ELSEWHERE = {"config/x.yaml", "config/own.yaml", "config/mine.yaml", "results/reference/x"}
ELSEWHERE |= {"results/reference/gpu/steps.csv", "workflow/Snakefile"}
TARGETS = {
    name
    for names in re.findall(r"^([a-z][\w -]*):(?!=)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for name in names.split()
}
FOLDERS = "rsuper|methods|workflow|config|profiles|benchmarks|tests|docs|container|results/reference"
NAMED = re.compile(rf"(?<![\w/.<])(?:{FOLDERS})/[\w./{{}},-]+")


def said(document):
    return "\n".join(code(document.read_text(encoding="utf-8")))


def braces(path):
    """Spell out a/{b,c}.py."""
    parts = re.split(r"\{([^}]*)\}", path)
    choices = [part.split(",") if n % 2 else [part] for n, part in enumerate(parts)]
    return ["".join(choice) for choice in product(*choices)]


def missing_files(text):
    for match in NAMED.finditer(text):
        rest = text[match.end() : match.end() + 1]
        for path in braces(match.group().rstrip(".,")):
            whole = rest not in {"<", "*", "$", "["} and path not in ELSEWHERE
            if whole and not path.startswith("methods/my_") and not (ROOT / path).exists():
                yield path


every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@every_document
def test_make_targets_are_there(document):
    called = set(re.findall(r"(?<![\w-])make ([a-z][\w-]*)", said(document)))
    assert called - TARGETS == set()


@every_document
def test_modules_that_are_called_are_there(document):
    for name in set(re.findall(r"python3? -m (rsuper[\w.]*|tests[\w.]*)", said(document))):
        path = ROOT / name.replace(".", "/")
        file = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
        assert file.exists(), name
        assert "__name__" in file.read_text(encoding="utf-8") or file.name == "__main__.py", name


@every_document
def test_files_that_are_named_are_there(document):
    assert sorted(set(missing_files(said(document)))) == []


def test_documents_say_much():
    everything = "\n".join(said(path) for path in DOCUMENTS)
    assert len(set(re.findall(r"(?<![\w-])make ([a-z][\w-]*)", everything))) > 15
    assert len(set(NAMED.findall(everything))) > 100


def test_a_missing_file_is_seen():
    text = "config/none.yaml benchmarks/{metrics,none}.py results/reference/<x> config/x.yaml README.md"
    assert list(missing_files(text)) == ["config/none.yaml", "benchmarks/none.py"]
