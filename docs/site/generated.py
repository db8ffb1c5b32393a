"""What stands on a page and nobody writes: the place of `<!-- generated: name arguments -->`.

Everything is read from the code when the site is built, so it cannot go stale.
"""

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from rsuper.methods import METHODS, find
from rsuper.publish.config_schema import SCHEMAS

ROOT = Path(__file__).parents[2]
MARK = re.compile(r"^<!-- generated: (?P<name>\w+)(?P<arguments>[^>]*?) -->$", re.MULTILINE)
# A page named as code, and the README of a run that is kept: both lead to their place in the site.
PAGE = re.compile(r"(?<![\[`])`docs/(?P<page>(?!deviations_head)\w[\w-]*)\.md`(?!`)")
README = re.compile(r"\]\([./]*results/reference/(?P<run>\w+)/README\.md\)")
Schema = dict[str, Any]


def fill(app: object, document: str, source: list[str]) -> None:
    """Put what is generated in the place of a page's marks; Sphinx calls it for each page that it reads.

    Pages that are named as `docs/page.md` become links. READMEs of kept runs lie outside of docs/: links
    to them go to the page that shows them all.
    """
    text = MARK.sub(lambda mark: "\n".join(MAKERS[mark["name"]](*mark["arguments"].split())), source[0])
    text = PAGE.sub(r"[docs/\g<page>.md](/\g<page>.md)", text)
    source[0] = README.sub(r"](/reference/runs.md#\g<run>)", text)


def head(*cells: str) -> str:
    """Return the head of a Markdown table."""
    return row(*cells) + "\n" + row(*["---"] * len(cells))


def row(*cells: object) -> str:
    """Return a line of a Markdown table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def api(package: str) -> Iterator[str]:
    """Public functions and classes of a package, module by module."""
    for path in sorted((ROOT / Path(*package.split("."))).glob("*.py")):
        if not path.stem.startswith("_") and _says_anything(path):
            module = f"{package}.{path.stem}"
            yield f"## {path.stem}\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```\n"


def _says_anything(path: Path) -> bool:
    kinds = (ast.FunctionDef, ast.ClassDef)
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, kinds) and not node.name.startswith("_") for node in nodes)


def included(name: str) -> Iterator[str]:
    """A page of the repository's root, with its links as docs/ sees them."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
    yield text.replace("](CHANGELOG.md", "](changelog.md")


def runs() -> Iterator[str]:
    """READMEs of the runs that are kept, a level lower."""
    for path in sorted((ROOT / "results" / "reference").glob("*/README.md")):
        name = path.parent.name
        text = re.sub(r"^#", "##", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        title, _, rest = text.partition("\n")
        yield f"({name})=\n{title} (`{name}`)\n{rest}"


def targets() -> Iterator[str]:
    """Targets of the Makefile with what they do."""
    yield head("target", "what")
    for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines():
        match = re.match(r"(?P<names>[a-z0-9_ -]+):[^#]*## (?P<text>.*)", line)
        if match:
            yield row(", ".join(f"`make {name}`" for name in match["names"].split()), match["text"])


def programs(folder: str) -> Iterator[str]:
    """Scripts of a folder, or modules of the package with a command line, by their first line."""
    yield head("command", "what")
    for path in sorted((ROOT / folder).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if '__name__ == "__main__"' in text or path.name == "__main__.py":
            name = path.relative_to(ROOT)
            module = ".".join(name.with_suffix("").parts).removesuffix(".__main__")
            command = f"python -m {module}" if folder == "rsuper" else f"python {name}"
            yield row(f"`{command}`", _first_line(text))


def _first_line(text: str) -> str:
    return (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]


def experiments() -> Iterator[str]:
    """Experiment files by what they say about themselves."""
    yield head("file", "what")
    for path in sorted((ROOT / "config").glob("*.yaml")):
        about = yaml.safe_load(path.read_text(encoding="utf-8")).get("about", "")
        yield row(f"`config/{path.name}`", " ".join(about.split()))


def columns() -> Iterator[str]:
    """Every table of rsuper/schemas.py: columns, what cells hold, and the comment beside each."""
    text = (ROOT / "rsuper" / "schemas.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            name, cells = (ast.literal_eval(node.value.args[0]), node.value.args[1])
            assert isinstance(cells, ast.Dict)
            yield f"\n### {name}\n\n" + head("column", "cells", "what")
            for key, kind in zip(cells.keys, cells.values, strict=True):
                comment = lines[kind.lineno - 1].partition("  # ")[2]
                yield row(f"`{ast.literal_eval(key or kind)}`", ast.unparse(kind).lower(), comment)


def keys(name: str) -> Iterator[str]:
    """Every key of an experiment file or a method's card, and of the sections below it."""
    yield from _of_schema(SCHEMAS[name](), name.partition(".")[0])


def method_keys() -> Iterator[str]:
    """Keys of every method's Config that has any."""
    for folder in sorted(path.parent for path in METHODS.glob("*/method.yaml")):
        config = find(folder.name).module.Config
        if config.model_fields:
            yield f"\n### {folder.name}\n"
            yield from _of_schema(config.model_json_schema(), folder.name)


def _of_schema(schema: Schema, name: str) -> Iterator[str]:
    waiting = [("", schema)]
    for path, section in waiting:  # grows while it is read
        if path:
            yield f"\n({_anchor(name, path)})=\n### `{path}`\n"
            yield section.get("description", "") + "\n"
        yield head("key", "what", "type", "default")
        required = section.get("required", section.get("else", {}).get("required", ()))
        for key, value in section["properties"].items():
            below = [(f"{path}.{key}{suffix}".lstrip("."), part) for suffix, part in _sections(value, schema)]
            waiting += below
            what = value.get("description") or " ".join(part.get("description", "") for _, part in below)
            link = f"[section](#{_anchor(name, below[0][0])})" if below else ""
            default = "needed" if key in required else _default(value)
            yield row(f"`{key}`", what, _kind(value).replace("section", link), default)


def _anchor(name: str, path: str) -> str:
    return f"{name}-{path}".lower().translate(str.maketrans("._<>[]", "------"))


def _sections(value: Schema, schema: Schema, suffix: str = "") -> Iterator[tuple[str, Schema]]:
    if "$ref" in value:
        value = schema["$defs"][value["$ref"].rpartition("/")[2]]
    if "properties" in value:
        yield suffix, value
    for part in value.get("anyOf", ()):
        yield from _sections(part, schema, suffix)
    for key, step in (("additionalProperties", ".<name>"), ("items", "[]")):
        if isinstance(value.get(key), dict):
            yield from _sections(value[key], schema, suffix + step)


def _default(value: Schema) -> str:
    if "$ref" in value:
        return "see below"
    if "default" not in value and value.get("type") not in {"object", None}:
        return ""
    default = value.get("default", {} if value.get("type") == "object" else None)
    return f"`{json.dumps(default, ensure_ascii=False)}`"


_LIMITS = {
    "minimum": "from {}",
    "exclusiveMinimum": "above {}",
    "maximum": "to {}",
    "exclusiveMaximum": "below {}",
}
_NAMES = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
}


def _kind(value: Schema) -> str:
    if "$ref" in value:
        return "section"
    if "anyOf" in value:
        return " or ".join(_kind(part) for part in value["anyOf"])
    if "enum" in value:
        return ", ".join(f"`{item}`" for item in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if value.get("type") == "array":
        if "prefixItems" in value:
            return "list of " + ", ".join(_kind(item) for item in value["prefixItems"])
        return f"list of {_kind(value.get('items', {}))}"
    if value.get("type") == "object":
        inner = value.get("additionalProperties")
        return f"name: {_kind(inner)}" if isinstance(inner, dict) and inner else "keys and values"
    name = _NAMES.get(str(value.get("type")), "anything")
    limits = [text.format(value[key]) for key, text in _LIMITS.items() if key in value]
    return " ".join([name, *limits])


def extras() -> Iterator[str]:
    """Optional sets of packages."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    yield head("extra", "packages")
    for name, packages in project["optional-dependencies"].items():
        yield row(f"`{name}`", ", ".join(f"`{package}`" for package in packages))


MAKERS: dict[str, Callable[..., Iterator[str]]] = {
    maker.__name__: maker
    for maker in (api, included, runs, targets, programs, experiments, columns, keys, method_keys, extras)
}
