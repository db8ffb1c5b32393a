"""The resolved experiment as YAML, each value with where it is from: `python -m rsuper.config.show FILE`."""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from rsuper.config.load import load_experiment
from rsuper.errors import RsuperError

COLUMN = 48  # where origins begin, if what they stand beside is no longer


def shown(path: Path) -> str:
    """Return a YAML text that says what an experiment file says, with nothing left to defaults.

    Comments tell file and line that each value is from: the experiment file, one that it extends, or the
    model whose default it is.

    Raises:
        ConfigError: as `load_experiment`.
    """
    experiment = load_experiment(path)
    nodes = _keys_of_the_file(path)
    head = f"# The experiment of {path}, with every default"
    return "\n".join([head, *_section(experiment, nodes, "", "")]) + "\n"


class _Node:
    """A value in a file: its YAML node, and where its key stands."""

    def __init__(self, node: yaml.Node, place: str, file: Path) -> None:
        self.node, self.place, self.file = node, place, file

    def keys(self) -> "dict[str, _Node]":
        """What a mapping holds, by key; another node holds nothing."""
        pairs = self.node.value if isinstance(self.node, yaml.MappingNode) else ()
        return {key.value: _Node(value, _line(self.file, key), self.file) for key, value in pairs}

    def items(self) -> "list[_Node]":
        """What a sequence holds."""
        items = self.node.value if isinstance(self.node, yaml.SequenceNode) else ()
        return [_Node(item, _line(self.file, item), self.file) for item in items]


def _line(file: Path, node: yaml.Node) -> str:
    return f"{file}:{node.start_mark.line + 1}"


def _keys_of_the_file(path: Path) -> dict[str, _Node]:
    """Top-level keys of a file and of those that it extends."""
    loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
    root = loader.get_single_node()
    assert root is not None  # the file was read before
    _merge(loader, root)
    own = _Node(root, "", path).keys()
    other = own.pop("extends", None)
    return own if other is None else _keys_of_the_file(path.parent / str(other.node.value)) | own


def _merge(loader: yaml.SafeLoader, node: yaml.Node) -> None:
    """Put what `<<` names in its place, everywhere; what stands beside it comes last, and wins."""
    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        for each in child if isinstance(child, tuple) else (child,):
            _merge(loader, each)


def _section(section: BaseModel, nodes: Mapping[str, _Node], indent: str, above: str) -> Iterator[str]:
    """Lines of a section; `above`: where what is not in `nodes` is from, if not from a default of its own."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        node = nodes.get(name)
        own = _declared(type(section), name)
        default = own if not above or (not field.is_required() and value == _default(field)) else above
        yield from _value(name, value, node, indent, node.place if node else default)


def _default(field: Any) -> object:
    return field.get_default(call_default_factory=True, validated_data={})


def _value(name: object, value: Any, node: _Node | None, indent: str, place: str) -> Iterator[str]:
    """Lines of a key and what it holds."""
    inner = indent + "  "
    keys = node.keys() if node else {}
    if isinstance(value, BaseModel):
        yield f"{indent}{_plain(name)}:"
        yield from _section(value, keys, inner, place)
    elif isinstance(value, Mapping) and value:
        yield f"{indent}{_plain(name)}:"
        for key, item in value.items():
            child = keys.get(str(key))
            yield from _value(key, item, child, inner, child.place if child else place)
    elif isinstance(value, Sequence) and value and all(isinstance(item, BaseModel) for item in value):
        yield f"{indent}{_plain(name)}:"
        items = node.items() if node else []
        for number, item in enumerate(value):
            there = items[number] if number < len(items) else None
            lines = list(
                _section(item, there.keys() if there else {}, inner + "  ", there.place if there else place)
            )
            yield f"{inner}- {lines[0].lstrip()}"
            yield from lines[1:]
    else:
        text = f"{indent}{_plain(name)}: {_plain(value)}"
        yield f"{text:{COLUMN}}  # {place}"


def _plain(value: object) -> str:
    """A scalar, or a sequence of such, on one line of YAML."""
    value = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(value, default_flow_style=True, width=10**9, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _declared(model: type[BaseModel], name: str) -> str:
    """File and line that declare a field: that of the class, or of the one that it inherits it from."""
    for each in model.__mro__:
        lines = _fields(each.__module__).get(each.__name__, {}) if issubclass(each, BaseModel) else {}
        if name in lines:
            return f"default, {each.__module__.replace('.', '/')}.py:{lines[name]}"
    raise LookupError(f"{model.__name__} has no field {name}")


@cache
def _fields(module: str) -> dict[str, dict[str, int]]:
    """Line of every field of every class of a module."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {
        node.name: {
            each.target.id: each.lineno
            for each in node.body
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def main(arguments: Sequence[str]) -> int:
    """Print an experiment; 1: its file cannot be read."""
    try:
        sys.stdout.write(shown(Path(arguments[0] if arguments else "config/phantom.yaml")))
    except RsuperError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
