"""Which mutants are tried; part of `benchmarks/mutants.py`.

Cosmic Ray's operators make them. A place in the code can be changed in many ways (a plus in eleven), and most
ways fail at once: so places are drawn, each at most once per kind of change, and then one way for each.
"""

import ast
import difflib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.commands.init import _all_work_items
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

Place = tuple[str, tuple[int, int], str]
Way = tuple[str, int]


@dataclass(frozen=True)
class Mutant:
    """One change of one file; `code` is the whole file with it."""

    file: str
    line: int
    operator: str
    before: str
    after: str
    code: str


def sample(root: Path, files: Sequence[str], number: int, seed: int) -> list[Mutant]:
    """Draw mutants of files of `root`, at most one per place and kind of change, in random order."""
    draw = random.Random(seed)
    places = sorted(_places(root, files).items())
    draw.shuffle(places)
    drawn: list[Mutant] = []
    for (file, _, _), ways in places:
        if len(drawn) == number:
            break
        draw.shuffle(ways)
        drawn += list(_working(file, (root / file).read_text("utf-8"), ways))[:1]
    return drawn


def _places(root: Path, files: Sequence[str]) -> dict[Place, list[Way]]:
    """Ways to change each place, by file, position and kind of change."""
    found: dict[Place, list[Way]] = {}
    for file in files:
        for item in _all_work_items([root / file], {}):
            (made,) = item.mutations
            kind = made.operator_name.split("_")[0]
            found.setdefault((file, made.start_pos, kind), []).append((made.operator_name, made.occurrence))
    return found


def _working(file: str, code: str, ways: Sequence[Way]) -> Iterator[Mutant]:
    """Mutants that compile and are no mere change of annotations or of a message's text."""
    for operator, occurrence in ways:
        changed = mutate_code(code, get_operator(operator)(), occurrence)
        if changed is not None and _meaning(changed) not in (None, _meaning(code)):
            line, before, after = _difference(code, changed)
            yield Mutant(file, line, operator.removeprefix("core/"), before, after, changed)


def _meaning(code: str) -> str | None:
    """The code without annotations, docstrings and texts of errors; None: it does not compile."""
    try:
        return ast.dump(_Stripped().visit(ast.parse(code)))
    except SyntaxError:
        return None


class _Stripped(ast.NodeTransformer):
    """Tests do not say how a message is worded, and annotations are not run where nobody checks them."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Name("annotation")
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return _Wordless().visit(self.generic_visit(node))

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return ast.Pass() if isinstance(node.value, ast.Constant) else self.generic_visit(node)


class _Wordless(ast.NodeTransformer):
    """An error without its text."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Constant("text")


def _difference(code: str, changed: str) -> tuple[int, str, str]:
    """Line number of the change, and the lines before and after it."""
    lines, others = code.splitlines(), changed.splitlines()
    matcher = difflib.SequenceMatcher(a=lines, b=others, autojunk=False)
    _, low, high, start, stop = next(op for op in matcher.get_opcodes() if op[0] != "equal")
    return low + 1, "\n".join(lines[low:high]), "\n".join(others[start:stop])
