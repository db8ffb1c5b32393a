"""Bad method folders: each is named with its file and what the contract asks for."""

import shutil

import pytest
import yaml

from rsuper.methods import METHODS, find, read_card, with_upstream
from tests.bad_input.refused import kinds, refused
from tests.bad_input.test_config import drop, put

CARDS = {
    "no label": (drop("label"), "key 'label' is missing"),
    "misspelled key of a card": (put("x", "lable"), "key 'lable' is not known; do you mean 'label'"),
    "misspelled key of uses": (
        put(True, "uses", "mask"),
        "key 'uses.mask' is not known; do you mean 'masks'",
    ),
    "version 0": (put(0, "version"), "key 'version': .*greater than or equal to 1"),
    "version in words": (put("first", "version"), "key 'version'"),
    "no uses": (drop("uses"), "key 'uses' is missing"),
    "reports of a kind there is not": (put("some", "uses", "reports"), "'uses.reports': .*'presence'"),
    "half of a row of Table 1": (drop("table1", "uses_reports"), "key 'table1.uses_reports' is missing"),
    "control of a kind there is not": (put("roof", "control"), "key 'control': .*'ceiling' or 'floor'"),
    "a text for a list of needs": (put("segmentation", "needs"), "key 'needs'"),
    "a list for variants": (put(["a"], "variants"), "key 'variants'"),
    "GPUs below 0": (put(-1, "resources", "gpu"), "key 'resources.gpu'"),
    "no time for a job": (put(0, "resources", "runtime"), "key 'resources.runtime'"),
    "label of a variant that is not there": (
        put({"stage2": "x"}, "variant_labels"),
        "variant_labels names 'stage2', .* do you mean 'stage1'",
    ),
    "needs of a variant that is not there": (put({"zzz": []}, "variant_needs"), "variant_needs names 'zzz'"),
}


@pytest.fixture
def root(tmp_path):
    """A folder of one sound method."""
    shutil.copytree(METHODS / "segmentation", tmp_path / "methods" / "own")
    return tmp_path / "methods"


@pytest.mark.parametrize("name", kinds("cards", CARDS))
def test_a_changed_card(name, root):
    change, says = CARDS[name]
    path = root / "own" / "method.yaml"
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))
    refused(lambda: read_card(root / "own"), f"own/method.yaml: .*{says}")


BYTES = {
    "card that is not YAML": (b"label: [", "not readable as YAML"),
    "empty card": (b"", "expected a mapping"),
    "card with a key twice": (b"label: a\nlabel: b\n", "key 'label' stands there more than once"),
    "card not in UTF-8": (b"label: \xff\n", "not readable as YAML"),
}


@pytest.mark.parametrize("name", kinds("cards", BYTES))
def test_a_card_of_other_bytes(name, root):
    content, says = BYTES[name]
    (root / "own" / "method.yaml").write_bytes(content)
    refused(lambda: find("own", root), f"own/method.yaml: .*{says}")


@pytest.mark.parametrize("name", kinds("cards", ["method.yaml", "method.py"]))
def test_half_of_a_folder(name, root):
    (root / "own" / name).unlink()
    refused(lambda: find("own", root), rf"methods/own.*{name}")


CODE = {
    "code that is no Python": ("def fit(:", "cannot be imported"),
    "code that imports what is not there": ("import rsuper_none", "cannot be imported: No module named"),
    "code that fails when it is imported": ("raise OSError('no license')", "cannot be imported: no license"),
    "code that divides by nothing": ("1 / 0", "cannot be imported"),
    "code without fit": ("class Config: ...\ndef predict(): ...", r"missing: \['fit'\]"),
    "Config that is none": ("Config = {}\ndef fit(): ...\ndef predict(): ...", "Config must be a class"),
    "fit that is none": (
        "from pydantic import BaseModel, ConfigDict\n"
        "class Config(BaseModel): model_config = ConfigDict(frozen=True, extra='forbid')\nfit = predict = 1",
        "fit and predict must be functions",
    ),
}


@pytest.mark.parametrize("name", kinds("cards", CODE))
def test_code_that_breaks_the_contract(name, root):
    code, says = CODE[name]
    (root / "own" / "method.py").write_text(code)
    refused(lambda: find("own", root).module, f"own/method.py: .*{says}")


CONFIGS = {
    "misspelled setting": ({"stag": 1}, {}, "config of own: key 'stag' is not known; do you mean 'stage'"),
    "wrong setting": ({"stage": "third"}, {}, "config of own: key 'stage'"),
    "misspelled setting of a variant": ({}, {"stag": 1}, "variant 'own': key 'stag' is not known"),
}


@pytest.mark.parametrize("name", kinds("cards", CONFIGS))
def test_settings_of_a_method(name, root):
    values, variant, says = CONFIGS[name]
    path = root / "own" / "method.yaml"
    content = yaml.safe_load(path.read_text()) | {"variants": {"own": variant}, "variant_labels": {}}
    path.write_text(yaml.safe_dump(content | {"variant_needs": {}}))
    code = (
        "from typing import Literal\nfrom pydantic import BaseModel, ConfigDict\nclass Config(BaseModel):\n"
        "    model_config = ConfigDict(frozen=True, extra='forbid')\n"
        "    stage: Literal['first', 'second'] = 'first'\n"
        "def fit(task, config): ...\ndef predict(task, volumes): ...\n"
    )
    (root / "own" / "method.py").write_text(code)
    refused(lambda: find("own-own" if variant else "own", root).config(values), says)


NEEDS = {
    "method that needs itself": (["own"], "method 'own' needs itself: own needs own"),
    "method that needs what is not there": (["stage1"], "unknown method 'stage1'"),
}


@pytest.mark.parametrize("name", kinds("cards", NEEDS))
def test_needs(name, root):
    needs, says = NEEDS[name]
    path = root / "own" / "method.yaml"
    content = yaml.safe_load(path.read_text()) | {"needs": needs}
    path.write_text(yaml.safe_dump(content))
    refused(lambda: with_upstream(["own"], root), says)
