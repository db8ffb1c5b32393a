"""A folder that breaks the contract: what its author reads names the place and says what to change."""

import re

import numpy as np
import pytest

from rsuper.errors import ConfigError, MethodError
from rsuper.methods import available, find, with_upstream
from rsuper.predictions import store_predictions
from tests.methods import contract

CARD = """\
label: Broken
version: 1
citation: nobody
uses: {all_images: false, masks: false, reports: none}
table1:
  uses_unannotated_cts: false
  uses_reports: false
  uses_detailed_report_info: false
  reports_optimize_segmentation: false
  reports_penalize_fp_fn: false
variants: {high: {level: 0.9}}
deviations: ["A map of one number."]
"""
CODE = """\
import json

import numpy as np
from pydantic import BaseModel, ConfigDict

from rsuper.task import Prediction


class Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    level: float = 0.5


def fit(task, config):
    rng = np.random.default_rng([task.seed, 99])
    log = task.workdir / "model" / "log.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(json.dumps({"loss": config.level + rng.random()}))


def predict(task, volumes):
    for volume in volumes:
        map_ = np.full(volume.native_shape, 0.5, np.float32)
        yield Prediction(volume.case_id, {target: map_ for target in task.targets})
"""


@pytest.fixture
def folder(tmp_path):
    """A folder of methods with one that is broken by the test."""
    path = tmp_path / "methods" / "broken"
    path.mkdir(parents=True)
    (path / "method.yaml").write_text(CARD)
    (path / "method.py").write_text(CODE)
    return path


@pytest.fixture
def runs(folder, task_for, tmp_path):
    return contract.Runs(task_for, tmp_path / "runs", folder.parent)


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def held_to_the_contract(runs, collection, tmp_path):
    """All that `make test-method` asks of a folder."""
    method = runs.find("broken")
    contract.check_card(method)
    contract.check_config(method)
    contract.check_variant(runs.find("broken-high"))
    cohort = runs.task_for("broken", tmp_path, root=runs.root).cohort
    contract.check_sees_what_it_declares(method, cohort)
    contract.check_maps(runs, "broken", collection, tmp_path / "maps")
    contract.check_second_fit(runs, "broken")
    contract.check_same_losses(runs, "broken", tmp_path / "again")


def test_a_whole_folder_passes(runs, collection, tmp_path):
    held_to_the_contract(runs, collection, tmp_path)


TRAINS_AGAIN = 'log.write_text(log.read_text() + "{}" if log.exists() else "{}")'
READS_REPORTS = "task.cohort.reports"
# What is broken, in which file: what stands there -> what the author made of it; what the author reads.
BROKEN = {
    "no label": ("yaml", "label: Broken", 'label: ""', "method.yaml: key 'label' is blank"),
    "no citation": ("yaml", "nobody", '""', "method.yaml: key 'citation' is blank"),
    "no deviations": ("yaml", 'deviations: ["A map of one number."]', "", "key 'deviations' is empty: say"),
    "ticks that are not true": (
        "yaml",
        "  uses_reports: false",
        "  uses_reports: true",
        r"table1\.uses_reports is True, but from 'uses' follows False; correct one",
    ),
    "needs what is not there": (
        "yaml",
        "label: Broken",
        "label: Broken\nneeds: [segmentation-stage9]",
        "unknown variant 'segmentation-stage9'; do you mean 'segmentation-stage1'",
    ),
    "a variant of a key that Config lacks": (
        "yaml",
        "level: 0.9",
        "levle: 0.9",
        "'levle' is not known; do you mean 'level'",
    ),
    "a variant of a wrong value": ("yaml", "level: 0.9", "level: much", "variant 'high': key 'level'"),
    "a variant that changes nothing": (
        "yaml",
        "{level: 0.9}",
        "{}",
        "variant 'high' changes nothing: give it a value",
    ),
    "Config without a default": ("py", "level: float = 0.5", "level: float", "key 'level' is missing"),
    "reads reports undeclared": (
        "py",
        "    rng =",
        f"    {READS_REPORTS}\n    rng =",
        r"declare: uses\.reports: details\. Declare it in methods/broken/method\.yaml.*or do without",
    ),
    "no prediction at all": (
        "py",
        "    for volume in volumes:",
        "    return None\n    for volume in []:",
        "no prediction",
    ),
    "returns nothing": (
        "py",
        "        yield Prediction(",
        "        _ = (",
        "predict gave None: per volume, yield Prediction",
    ),
    "yields arrays": (
        "py",
        "yield Prediction(volume.case_id, {target: map_ for target in task.targets})",
        "yield map_",
        "predict gave a ndarray among its predictions: per volume, yield Prediction",
    ),
    "a case too few": (
        "py",
        "in volumes:",
        "in list(volumes)[1:]:",
        "case 'tiny_T1', .*gave no prediction.*For each volume",
    ),
    "a case of its own": (
        "py",
        "(volume.case_id,",
        "('mine',",
        "map of case 'mine', which it was not asked for",
    ),
    "a target too few": (
        "py",
        "in task.targets",
        "in task.targets[1:]",
        "target 'pancreas': the method gave no map",
    ),
    "wrong shape": (
        "py",
        "volume.native_shape",
        "(4, 4, 4)",
        r"has shape \(4, 4, 4\), its CT \(40, 32, 32\).*native_shape",
    ),
    "not a probability": ("py", "0.5, np", "-0.5, np", r"values outside \[0, 1\].*from 0 to 1"),
    "not a number": ("py", "0.5, np", "np.nan, np", r"values outside \[0, 1\].*finite"),
    "trains again": (
        "py",
        'log.write_text(json.dumps({"loss": config.level + rng.random()}))',
        TRAINS_AGAIN,
        r"fit, called again .* changed \['model/log\.jsonl'\].*returns at once",
    ),
    "other losses with the same seed": (
        "py",
        "    log.write_text",
        "    if log.exists():\n        return\n    log.write_text",
        r"other values of \['loss'\] in line 1 .*default_rng\(\[task\.seed",
    ),
    "losses that are not finite": (
        "py",
        "config.level + rng.random()",
        "float('nan') * 0",
        "not finite|other values",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_the_author_reads(kind, folder, runs, collection, tmp_path):
    file, old, new, message = BROKEN[kind]
    change(folder / f"method.{file}", old, new)
    if kind == "other losses with the same seed":
        change(folder / "method.py", "[task.seed, 99]", "None")
    with pytest.raises(pytest.fail.Exception) as failed:
        held_to_the_contract(runs, collection, tmp_path)
    text = str(failed.value)
    assert re.search(message, text), text
    assert "broken" in text or "predict gave" in text
    assert not failed.value.pytrace  # a message alone


UNREADABLE = {
    "no method.py": ("method.py", None, r"method\.py is missing.*make new-method"),
    "no card": ("method.yaml", None, r"method\.yaml is missing.*make new-method"),
    "a card that is no YAML": ("method.yaml", "label: [x", r"method\.yaml: not readable as YAML"),
    "a key too few": (
        "method.yaml",
        CARD.replace("label: Broken\n", ""),
        "key 'label' is missing .*docs/methods.md",
    ),
    "a key too many": ("method.yaml", CARD + "labels: x\n", "'labels' is not known; do you mean 'label'"),
    "a kind of reports there is not": (
        "method.yaml",
        CARD.replace("reports: none", "reports: all"),
        r"key 'uses\.reports': .*'presence'",
    ),
    "version 0": (
        "method.yaml",
        CARD.replace("version: 1", "version: 0"),
        "key 'version': .*than or equal to 1",
    ),
    "no predict": (
        "method.py",
        CODE.replace("def predict", "def forecast"),
        r"missing: \['predict'\]: write `def predict",
    ),
    "no fit": (
        "method.py",
        CODE.replace("def fit", "def train"),
        r"missing: \['fit'\]: write `def fit\(task",
    ),
    "no Config": (
        "method.py",
        CODE.replace("class Config", "class Settings"),
        r"missing: \['Config'\]: write `class Config",
    ),
    "Config that may be changed": (
        "method.py",
        CODE.replace("frozen=True, ", ""),
        "must be frozen: write `class Config",
    ),
    "Config that takes anything": (
        "method.py",
        CODE.replace(', extra="forbid"', ""),
        "must refuse keys .*write `class Config",
    ),
    "Config that is no model": (
        "method.py",
        CODE.replace("(BaseModel)", ""),
        "inherits from pydantic's BaseModel",
    ),
    "fit that is none": ("method.py", CODE + "fit = 1\n", "must be functions: write `def fit"),
    "fit of one argument": (
        "method.py",
        CODE.replace("(task, config)", "(task)"),
        r"fit\(task\) does not take them .*write `def fit",
    ),
    "predict of three": (
        "method.py",
        CODE.replace("(task, volumes)", "(task, config, volumes)"),
        r"predict\(task, config, volumes\) does not",
    ),
    "a package that is not there": (
        "method.py",
        "import no_such_package\n" + CODE,
        r"No module named .*line 1; a package .*\.venv",
    ),
    "no Python": ("method.py", "def fit(:\n", "cannot be imported: invalid syntax"),
    "an error of its own": ("method.py", CODE + "int('x')\n", r"invalid literal .*\(ValueError, line 26\)"),
    "a key of its own": ("method.py", CODE + "{}['x']\n", r"'x' \(KeyError, line 26\)"),
    "no reason": ("method.py", CODE + "assert not Config\n", r"\(AssertionError, line 26\)"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_folder_that_cannot_be_read(kind, folder):
    file, content, message = UNREADABLE[kind]
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content)
    with pytest.raises(MethodError, match=rf"broken.*{message}"):
        _ = find("broken", folder.parent).module


def test_a_folder_that_no_name_can_be_of(folder):
    folder.rename(folder.with_name("My-Idea"))
    with pytest.raises(
        MethodError, match="My-Idea: rename the folder; a method is called a lower-case letter"
    ):
        available(folder.parent)


def test_an_unknown_setting_of_the_experiment(folder):
    with pytest.raises(ConfigError, match="config of broken: key 'levels' is not known; do you mean 'level'"):
        find("broken", folder.parent).config({"levels": 1})


def test_who_needs_what_is_not_there(folder):
    change(folder / "method.yaml", "label: Broken", "label: Broken\nneeds: [brokn]")
    with pytest.raises(
        MethodError, match=r"'broken' needs 'brokn', as its card says: unknown .* mean 'broken'"
    ):
        with_upstream(["broken"], folder.parent)


def test_an_unknown_method_lists_the_known_ones():
    with pytest.raises(MethodError, match=r"unknown method 'rsuper'.*known: \[.*'r_super'.*'segmentation'"):
        find("rsuper")
    with pytest.raises(MethodError, match=r"unknown variant 'r_super-both'.*'r_super-volume_only'"):
        find("r_super-both")


def test_maps_that_cannot_be_used_are_rows_with_a_reason(fitted, collection, tmp_path):
    volumes = collection.test_volumes("internal")
    first, _ = find("oracle").module.predict(fitted("oracle"), volumes)
    wrong = {"pancreas": np.zeros((2, 2, 2), np.float32), "kidney": first.probabilities["kidney"] + 2}
    broken = type(first)(first.case_id, wrong)
    frame = store_predictions([broken], volumes, collection, tmp_path, ("pancreas", "kidney"))
    assert frame["case_id"].tolist() == ["tiny_T1"] * 2 + ["tiny_T2"] * 2
    assert frame["file"].tolist() == [""] * 4
    assert frame["reason"].str.contains("has shape|outside|gave no prediction").all()
    assert list(tmp_path.iterdir()) == []
