"""A hash of the code that a rule or a method runs, so that editing a loss re-trains the methods that use it.

The hash covers the file itself and every module of this project that it imports, directly or not, found by
reading the import statements (nothing is executed). Comments, docstrings and layout do not count.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from rsuper.errors import MethodError

PACKAGE = "rsuper"


def fingerprint(files: Iterable[Path], root: Path) -> str:
    """Return 16 hex digits for these files and all project modules they import.

    Args:
        files: Python files, and others (such as method.yaml) that count byte by byte.
        root: folder that holds the package `rsuper`.

    Raises:
        MethodError: a file is missing or is not Python.
    """
    return content_hash(closure(files, root), root)


def content_hash(files: Iterable[Path], root: Path) -> str:
    """Return 16 hex digits for these files alone, whatever they import.

    Raises:
        MethodError: a file is missing or is not Python.
    """
    digest = hashlib.sha256()
    root = root.resolve()
    for path in sorted(file.resolve() for file in files):
        digest.update(f"{path.relative_to(root) if path.is_relative_to(root) else path.name}\n".encode())
        digest.update(_content(path))
    return digest.hexdigest()[:16]


def closure(files: Iterable[Path], root: Path) -> set[Path]:
    """Return the files and all project modules that they import, directly or not."""
    found: set[Path] = set()
    pending = [path.resolve() for path in files]
    while pending:
        path = pending.pop()
        if path in found:
            continue
        found.add(path)
        if path.suffix == ".py":
            pending += [module for module in imported_files(path, root.resolve()) if module not in found]
    return found


@cache  # every rule and every method asks about much the same files
def imported_files(path: Path, root: Path) -> tuple[Path, ...]:
    """Return the project files that a Python file imports by name."""
    names = _imported_names(_parse(path))
    return tuple(dict.fromkeys(file for name in names if (file := _module_file(name, root)) is not None))


def _imported_names(tree: ast.Module) -> Iterator[str]:
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a module and all its statements, at any depth; expressions, most of a tree, are passed over."""
    yield node
    for blocks in ("body", "handlers", "orelse", "finalbody", "cases"):
        for child in getattr(node, blocks, ()):
            yield from _statements(child)


def _module_file(name: str, root: Path) -> Path | None:
    if name.split(".")[0] != PACKAGE:
        return None
    path = root.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except FileNotFoundError:
        raise MethodError(f"{path}: no such file") from None
    except SyntaxError as error:
        raise MethodError(f"{path}: not valid Python: {error}") from None


@cache
def _content(path: Path) -> bytes:
    if path.suffix != ".py":
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise MethodError(f"{path}: no such file") from None
    tree = _parse(path)
    for node in list(_statements(tree)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _drop_docstring(node)
    return ast.dump(tree).encode()


def _drop_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:]
