"""JSON Schemas of experiment files and method cards, so that editors complete and explain keys.

`make docs` writes them beside the experiment files. What a schema cannot say (a role that no data set has, a
hypothesis about a row that is none) is checked on reading.
"""

import json
from pathlib import Path
from typing import Any

from rsuper.artifacts import write_atomically
from rsuper.config.experiment import Experiment
from rsuper.methods import Card
from rsuper.publish.phantom_keys import KEYS

FOLDER = Path(__file__).resolve().parent.parent.parent / "config"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
EXTENDS = {
    "type": "string",
    "description": "a file beside this one: every top-level key that is not given here is that file's",
}


def experiment_schema() -> Schema:
    """Give the schema of an experiment file; one that extends another may leave any top-level key out."""
    schema = _tuned(Experiment.model_json_schema())
    # As their `before` validators read them.
    file = schema["$defs"]["LeftMask"]
    schema["$defs"]["LeftMask"] = {"anyOf": [{"type": "string"}, file], "description": file["description"]}
    words = schema["$defs"]["OrganSegmenter"]["properties"]["command"]
    words["anyOf"] = [{"type": "string"}, {"type": words.pop("type"), "items": words.pop("items")}]
    required = schema.pop("required")
    schema["properties"] = {"extends": EXTENDS} | schema["properties"]
    return {"$schema": DIALECT, **schema, "if": {"required": ["extends"]}, "else": {"required": required}}


def card_schema() -> Schema:
    """Give the schema of a method.yaml."""
    schema = _tuned(Card.model_json_schema())
    del schema["properties"]["name"]
    return {"$schema": DIALECT, **schema}


def _tuned(schema: Schema) -> Schema:
    """Explain every key: by its own description, the table of the phantom's, or that of its section."""
    sections: dict[str, Schema] = schema["$defs"]
    for section in (schema, *sections.values()):
        known = KEYS.get(section["title"], {})
        for name, key in section.get("properties", {}).items():
            section_of = _reference(key)
            about = sections[section_of]["description"] if section_of else ""
            key.setdefault("description", known.get(name, about.partition("\n\n")[0]))
            if section_of:
                key.pop("default", None)  # its keys have theirs
    _drop_titles(schema)
    return schema


def _reference(key: Schema) -> str:
    """Name of the section that a key holds; blank where it holds none."""
    places = [key, *key.get("anyOf", ())]
    return next((place["$ref"].rpartition("/")[2] for place in places if "$ref" in place), "")


def _drop_titles(node: object) -> None:
    """Take away what pydantic derives from names, which editors show in the place of the key itself."""
    if isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        for each in node.values():
            _drop_titles(each)
    elif isinstance(node, list):
        for each in node:
            _drop_titles(each)


SCHEMAS = {"experiment.schema.json": experiment_schema, "method.schema.json": card_schema}


def text_of(schema: Schema) -> str:
    """The schema as its file has it."""
    return json.dumps(schema, indent=1) + "\n"


def main() -> None:
    """Write config/experiment.schema.json and config/method.schema.json anew."""
    for name, make in SCHEMAS.items():
        _write(FOLDER / name, text_of(make()))


def _write(path: Path, text: str) -> None:
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


if __name__ == "__main__":
    main()
