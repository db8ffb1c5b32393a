"""The schema that editors read says what the loader says."""

import copy
import json

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from rsuper.config.experiment import Experiment
from rsuper.config.load import read_yaml
from rsuper.config.organ_segmenter import OrganSegmenter
from rsuper.publish.config_schema import FOLDER, SCHEMAS, card_schema, experiment_schema, text_of
from rsuper.publish.phantom_keys import KEYS

FILES = sorted(FOLDER.glob("*.yaml"))
SCHEMA = experiment_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
MICRO = read_yaml(FOLDER / "micro.yaml")
SEGMENTER = {"command": "seg {ct} {folder}", "structures": {"pancreas": "p.nii.gz"}}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_committed_schema_is_the_models(name):
    assert (FOLDER / name).read_text(encoding="utf-8") == text_of(SCHEMAS[name]()), "stale: run `make docs`"
    Draft202012Validator.check_schema(SCHEMAS[name]())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_experiment_file_is_valid_and_names_its_schema(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=experiment.schema.json\n")
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize("path", sorted((FOLDER.parent / "methods").glob("*/method.yaml")), ids=str)
def test_every_card_is_valid(path):
    validator = Draft202012Validator(card_schema())
    content = read_yaml(path)
    assert [error.message for error in validator.iter_errors(content)] == []
    assert not validator.is_valid(content | {"lable": "x"})
    assert not validator.is_valid(content | {"name": "x"})


@pytest.mark.parametrize("schema", [SCHEMA, card_schema()], ids=["experiment", "card"])
def test_every_key_is_explained(schema):
    silent = [
        f"{name}.{key}"
        for name, section in {"": schema, **schema["$defs"]}.items()
        for part in [section, *section.get("anyOf", ())]
        for key, value in part.get("properties", {}).items()
        if len(value.get("description", "")) < 6
    ]
    assert silent == []
    assert '"title"' not in json.dumps(schema)


def test_the_table_of_the_phantoms_keys_is_of_its_models():
    sections = SCHEMA["$defs"]
    for name, keys in KEYS.items():
        assert set(keys) <= set(sections[name]["properties"]), name
        if name != "RealHospital":
            assert set(keys) == set(sections[name]["properties"]), name


def places(node, path=()):
    """Every key and item of a file."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        yield (*path, key)
        yield from places(value, (*path, key))


def changed(content, path, change):
    copied = copy.deepcopy(content)
    node = copied
    for key in path[:-1]:
        node = node[key]
    change(node, path[-1])
    return copied


def misspell(node, key):
    node[f"{key}x"] = node.pop(key)


def replace_by(value):
    def change(node, key):
        node[key] = value

    return change


def complaints(content):
    try:
        Experiment.model_validate(content)
    except ValidationError as error:
        return {item["type"] for item in error.errors()}
    return set()


RICH = MICRO | {
    "organ_segmenter": SEGMENTER | {"timeout_s": 3},
    "extraction": {"concurrency": 3, "failed": "unknown"},
    "resources": {"fit": {"mem_mb": 300}, "metrics": {"mem_mb": 300, "runtime": 1}},
    "engine": {"precision": "bf16", "ema": 0.9},
    "roles": {"mask_train": "mask_train", "report_train": "report_train"},
    "hypotheses": [
        {"id": "a", "statement": "b", "budget": "full", "other": "segmentation", "metrics": ["auc"]}
    ],
}


def test_what_is_mutated_below_is_right():
    assert complaints(RICH) == set()
    assert list(VALIDATOR.iter_errors(RICH)) == []


@pytest.mark.parametrize(
    "path",
    [path for path in places(RICH) if isinstance(path[-1], str)],
    ids=lambda path: ".".join(map(str, path)),
)
def test_a_misspelled_key_is_refused_wherever_the_loader_refuses_it(path):
    content = changed(RICH, path, misspell)
    # A name that the file gives itself, and what stands below `options` and `methods`, is anything.
    if complaints(content) & {"extra_forbidden", "missing", "literal_error"}:
        assert not VALIDATOR.is_valid(content)
    else:
        assert VALIDATOR.is_valid(content)


@pytest.mark.parametrize("wrong", [{"no": "such"}, [["a"]], True, -7.5], ids=str)
def test_a_value_of_another_type_is_refused_wherever_the_loader_refuses_it(wrong):
    said = {"value_error"}  # what two keys say together, and names: no schema tells
    for path in places(RICH):
        content = changed(RICH, path, replace_by(wrong))
        found = complaints(content)
        if found - said:
            assert not VALIDATOR.is_valid(content), path


def test_what_extends_another_file_may_leave_keys_out():
    assert VALIDATOR.is_valid({"extends": "phantom.yaml", "name": "x"})
    assert not VALIDATOR.is_valid({"extends": "phantom.yaml", "nmae": "x"})
    # A section stands as a whole in the place of the other's.
    assert not VALIDATOR.is_valid({"extends": "phantom.yaml", "schedule": {"steps": 3}})
    missing = [error.message for error in VALIDATOR.iter_errors({"name": "x"})]
    assert "'targets' is a required property" in missing
    assert not VALIDATOR.is_valid({"extends": 3})


@pytest.mark.parametrize("mask", ["p.nii.gz", {"file": "p.nii.gz", "labels": [1]}])
@pytest.mark.parametrize("command", ["seg {ct} {folder}", ["seg", "{ct}", "{folder}"]])
def test_what_the_organ_segmenter_takes(mask, command):
    section = {"command": command, "structures": {"pancreas": mask}}
    OrganSegmenter.model_validate(section)
    assert VALIDATOR.is_valid(MICRO | {"organ_segmenter": section})
    assert not VALIDATOR.is_valid(MICRO | {"organ_segmenter": section | {"structures": {"spleen": mask}}})
    assert not VALIDATOR.is_valid(MICRO | {"organ_segmenter": section | {"command": 3}})
