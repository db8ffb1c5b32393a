"""Bad experiment files: every one is named with the key, the nearest right one, and what was expected."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from rsuper.config.load import load_experiment
from rsuper.methods import refuse_unknown, with_upstream
from rsuper.segmenter import new_network
from tests.bad_input.refused import kinds, refused

ROOT = Path(__file__).resolve().parents[2]
MICRO = (ROOT / "config" / "micro.yaml").read_text(encoding="utf-8")


def put(value: object, *place: str | int) -> Callable[[dict], None]:
    """Set a value at a place of the file; "rename:new" gives the key another name."""

    def change(content: dict) -> None:
        holder = content
        for key in place[:-1]:
            holder = holder[key] if isinstance(holder, list) else holder.setdefault(key, {})
        holder[place[-1]] = value

    return change


def drop(*place: str) -> Callable[[dict], None]:
    def change(content: dict) -> None:
        holder = content
        for key in place[:-1]:
            holder = holder[key]
        del holder[place[-1]]

    return change


def both(*changes: Callable[[dict], None]) -> Callable[[dict], None]:
    return lambda content: [change(content) for change in changes]


TABLE = {"source": "table", "root": "x"}
SEGMENTER = {"command": "seg {ct} {folder}"}
HYPOTHESIS = {"id": "h", "statement": "s", "budget": "full", "other": "segmentation", "metrics": ["auc"]}
CASES = ("phantom", "hospitals", "phantom_masks", "cases", 0)
UNKNOWN = {
    "misspelled section": (put({}, "shedule"), "key 'shedule' is not known; do you mean 'schedule'"),
    "misspelled key": (put(1, "network", "pacth"), "key 'network.pacth' is not known; do you mean 'patch'"),
    "key in capitals": (put(1, "network", "Patch"), "key 'network.Patch' is .*; do you mean 'patch'"),
    "misspelled key of a data set": (
        put("x", "datasets", "phantom_masks", "sorce"),
        "key 'datasets.phantom_masks.sorce' is not known; do you mean 'source'",
    ),
    "misspelled key of a hospital": (
        put([1, 2], "phantom", "hospitals", "phantom_masks", "noise"),
        "key 'phantom.hospitals.phantom_masks.noise' is not known; do you mean 'noise_hu'",
    ),
    "misspelled key in a list": (
        put(1, *CASES, "kidny"),
        r"cases.0.kidny' is not known; do you mean 'kidney'",
    ),
    "misspelled key of the engine": (put("bf16", "engine", "precison"), "do you mean 'precision'"),
    "misspelled key of augmentation": (
        put(0.1, "schedule", "augment", "device", "shares"),
        "key 'schedule.augment.device.shares' is not known; do you mean 'share'",
    ),
    "misspelled extends": (put("phantom.yaml", "extend"), "key 'extend' is not known; do you mean 'extends'"),
    "key like no other": (
        put(1, "network", "zzz"),
        "key 'network.zzz' is not known; there are inputs, name, opt",
    ),
    "key of another section": (put(1, "preprocess", "batch"), "key 'preprocess.batch' is not known"),
}
TYPES = {
    "missing section": (drop("schedule"), "key 'schedule' is missing"),
    "missing key": (drop("schedule", "steps"), "key 'schedule.steps' is missing"),
    "words for a number": (put("many", "schedule", "steps"), r"'schedule.steps': .*integer.* \(got 'many'\)"),
    "fraction for a whole number": (put(1.5, "schedule", "steps"), "'schedule.steps': .*integer"),
    "list for a number": (put([1], "data_seed"), "key 'data_seed'"),
    "number for a list": (put(3, "seeds"), "key 'seeds'"),
    "number for a section": (put(3, "network"), "key 'network'"),
    "nothing for a section": (put(None, "schedule"), "key 'schedule'"),
    "word for yes or no": (put("perhaps", "engine", "compile"), "key 'engine.compile'"),
    "two sides of a patch": (put([16, 16], "network", "patch"), "key 'network.patch.2' is missing"),
    "no target": (put([], "targets"), "key 'targets'"),
    "unknown target": (put(["liver"], "targets"), r"'targets.0': .*'pancreas' or 'kidney' \(got 'liver'\)"),
    "unknown source": (
        put({"source": "kits", "root": "x"}, "datasets", "own"),
        "'datasets.own.source'.*'kits23'",
    ),
    "unknown policy": (put("cosine", "schedule", "policy"), "key 'schedule.policy'.*'one_cycle'"),
    "unknown axis to flip": (put(["w"], "schedule", "augment", "flips"), "key 'schedule.augment.flips.0'"),
}
RANGES = {
    "side of 0": (put([0, 16, 16], "network", "patch"), "'network.patch.0': .*greater than or equal to 1"),
    "spacing of 0": (
        put([0, 1, 1], "preprocess", "spacing_mm"),
        "'preprocess.spacing_mm.0': .*greater than 0",
    ),
    "spacing below 0": (put([1, -1, 1], "preprocess", "spacing_mm"), "'preprocess.spacing_mm.1'"),
    "spacing that is no number": (
        put([1, float("nan"), 1], "preprocess", "spacing_mm"),
        "spacing_mm.1': .*finite",
    ),
    "HU in the wrong order": (put([200, -40], "preprocess", "clip_hu"), "clip_hu': .*the lower first"),
    "infinite HU": (put([0, float("inf")], "preprocess", "clip_hu"), "key 'preprocess.clip_hu.1': .*finite"),
    "learning rate of 0": (put(0, "schedule", "learning_rate"), "'schedule.learning_rate': .*greater than 0"),
    "infinite learning rate": (put(float("inf"), "schedule", "learning_rate"), "learning_rate': .*finite"),
    "weight decay below 0": (put(-1, "schedule", "weight_decay"), "key 'schedule.weight_decay'"),
    "everything held out": (put(1, "validation", "share"), "key 'validation.share': .*less than 1"),
    "windows without overlap's end": (put(1, "predict", "overlap"), "key 'predict.overlap'"),
    "tolerance of 0": (put([0], "evaluation", "nsd_tolerances_mm"), "nsd_tolerances_mm.0': .*greater than 0"),
    "seed below 0": (put([-1], "seeds"), "key 'seeds.0': .*greater than or equal to 0"),
    "data seed below 0": (put(-1, "data_seed"), "key 'data_seed'"),
    "fewer masks than none": (put(-1, "budgets", "few", "kidney"), "key 'budgets.few.kidney'"),
    "no memory for a job": (put(0, "resources", "fit", "mem_mb"), "key 'resources.fit.mem_mb'"),
    "shares above 1": (
        put(
            {"plain": 0.5, "arterial": 0.5, "venous": 0.5}, "phantom", "hospitals", "phantom_masks", "phases"
        ),
        "PhaseShares must sum to 1",
    ),
}
TOGETHER = {
    "seed twice": (put([1, 1], "seeds"), "key 'seeds': .*1 stands there more than once"),
    "target twice": (put(["kidney", "kidney"], "targets"), "key 'targets': .*'kidney' stands there more"),
    "row twice": (put(["segmentation"] * 2, "budgets", "few", "methods"), "'segmentation' stands there more"),
    "row and control": (
        put(["segmentation"], "budgets", "few", "controls"),
        "'segmentation' stands there more",
    ),
    "hypothesis twice": (put([HYPOTHESIS] * 2, "hypotheses"), "'h' stands there more than once"),
    "hypothesis of a row that is not there": (
        put([{**HYPOTHESIS, "other": "nnunet"}], "hypotheses"),
        r"hypothesis 'h' compares rows \['nnunet'\] that budget 'full' does not have",
    ),
    "best without validation": (put("best", "engine", "keep"), "keep: best needs validate_every"),
    "phantoms without their section": (drop("phantom"), "the section 'phantom' is missing"),
    "organs without a segmenter": (
        put({**TABLE, "segment_organs": True}, "datasets", "own"),
        "the section 'organ_segmenter' is missing",
    ),
    "no root": (put({"source": "kits23"}, "datasets", "own"), "source kits23 needs 'root'"),
    "role and splits": (
        put({"source": "pants", "root": "x", "role": "r", "splits": {"train": "s"}}, "datasets", "own"),
        "choose one of them",
    ),
    "split that the source has not": (
        put({"source": "pants", "root": "x", "splits": {"val": "s"}}, "datasets", "own"),
        r"splits \['val'\]: source pants has",
    ),
    "links of a source without paths": (
        put({"source": "kits23", "root": "x", "follow_links": True}, "datasets", "own"),
        "'follow_links' says nothing",
    ),
    "one role for both trainings": (
        put({"mask_train": "train", "report_train": "train"}, "roles"),
        "mask_train and report_train must be different roles",
    ),
    "half of the roles": (put({"mask_train": "train"}, "roles"), "roles needs both"),
    "test set of training cases": (
        put("report_train", "test_sets", "internal", "role"),
        "test set 'internal' has the role 'report_train' of training",
    ),
    "test set called validation": (
        put({"role": "r", "label": "l"}, "test_sets", "validation"),
        "'validation': that is what the held-out",
    ),
    "model without a server": (
        put({"extractor": "llm"}, "extraction"),
        "extractor llm needs 'server' and 'model'",
    ),
    "table without its extractor": (
        put({"table": "x.csv"}, "extraction"),
        "key 'table' belongs to extractor table",
    ),
    "encoder without a model": (put({"encoder": "hugging_face"}, "report_vectors"), "key 'model' belongs to"),
    "placeholder that is not known": (
        put({"command": "seg {image} {folder}"}, "organ_segmenter"),
        "placeholder {image} is not known",
    ),
    "command without a CT": (
        put({"command": "seg {folder}"}, "organ_segmenter"),
        "expected {folder}, and {ct}",
    ),
    "mask out of the folder": (
        put({**SEGMENTER, "structures": {"pancreas": "../p.nii.gz"}}, "organ_segmenter"),
        "expected a file below {folder}",
    ),
    "kidneys beside a kidney": (
        put({**SEGMENTER, "structures": {"kidneys": "a.nii", "kidney_left": "b.nii"}}, "organ_segmenter"),
        "'kidneys' .* stands beside",
    ),
    "key of a server in its address": (
        put({"extractor": "llm", "model": "m", "server": "https://me:secret@host/v1"}, "extraction"),
        "server must hold no password or key, .* RSUPER_LLM_KEY",
    ),
    "server without a machine": (
        put({"extractor": "llm", "model": "m", "server": "http://"}, "extraction"),
        "server must name a machine",
    ),
    "server by another protocol": (
        put({"extractor": "llm", "model": "m", "server": "ftp://host/v1"}, "extraction"),
        "server must begin with http",
    ),
}
NAMES = {
    "data set out of the folder": (
        put(TABLE, "datasets", "../x"),
        r"datasets.../x.*: .*a folder is called so",
    ),
    "budget with a slash": (put({"methods": []}, "budgets", "a/b"), "budgets.a/b.*: .*a folder is called so"),
    "test set with a blank": (put({"role": "r", "label": "l"}, "test_sets", "a b"), "a folder is called so"),
    "absolute name": (put(TABLE, "datasets", "/etc"), "a folder is called so"),
    "hidden name": (put({"methods": []}, "budgets", ".few"), "a folder is called so"),
    "name of an experiment with a slash": (put("../x", "name"), "key 'name'"),
}
CHANGED = UNKNOWN | TYPES | RANGES | TOGETHER | NAMES


@pytest.mark.parametrize("name", kinds("config", CHANGED))
def test_a_changed_file(name, tmp_path):
    change, says = CHANGED[name]
    content = yaml.safe_load(MICRO)
    change(content)
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(content))
    refused(lambda: load_experiment(path), f"own.yaml: .*{says}")


TEXTS: dict[str, tuple[bytes, str]] = {
    "not YAML": (b"a: [1", "not readable as YAML: .*line 1"),
    "tabs": (b"a:\n\tb: 1\n", "not readable as YAML: .*line 2"),
    "not in UTF-8": ("name: Köln".encode("latin-1"), "not readable as YAML"),
    "empty": (b"", "expected a mapping of keys, got NoneType"),
    "a list": (b"- a\n", "expected a mapping of keys, got list"),
    "a text": (b"phantom", "expected a mapping of keys, got str"),
    "binary": (bytes(range(256)), "not readable as YAML"),
    "a key twice": (MICRO.encode() + b"\nname: other\n", "key 'name' stands there more than once"),
    "a nested key twice": (
        MICRO.replace("  log_every: 2\n", "  log_every: 2\n  log_every: 3\n").encode(),
        "key 'log_every' stands there more than once",
    ),
    "a date that is none": (b"name: 2020-13-45\n", "not readable as YAML"),
    "a number of 5,000 digits": (b"data_seed: " + b"9" * 5000, "not readable as YAML"),
    "an object of Python": (b"name: !!python/object/apply:os.system ['id']\n", "not readable as YAML"),
    "an alias of nothing": (b"name: *other\n", "not readable as YAML"),
    "nested without end": (b"[" * 5000, "not readable as YAML"),
    "extends nothing": (b"extends: none.yaml\n", "none.yaml: no such file"),
    "extends itself": (b"extends: own.yaml\n", "key 'extends' leads back to"),
    "extends a number": (b"extends: 3\n", "key 'extends' must be the name of a file"),
    "extends a name that no file has": (b'extends: "a\\0b"\n', "must be the name of a file beside it"),
}


@pytest.mark.parametrize("name", kinds("config", TEXTS))
def test_a_file_of_other_bytes(name, tmp_path):
    content, says = TEXTS[name]
    path = tmp_path / "own.yaml"
    path.write_bytes(content)
    refused(lambda: load_experiment(path), says)


@pytest.mark.parametrize("name", kinds("config", ["no file", "a folder"]))
def test_no_file(name, tmp_path):
    path = tmp_path if name == "a folder" else tmp_path / "none.yaml"
    refused(lambda: load_experiment(path), f"{path.name}: (no such file|cannot be read: Is a directory)")


ROWS = {
    "misspelled method": (["r_supre"], "unknown method 'r_supre': .*do you mean 'r_super'"),
    "misspelled variant": (["r_super-sizes_onyl"], "unknown variant 'r_super-sizes_onyl'; "),
    "method out of its folder": (["../x"], "unknown method"),
}


@pytest.mark.parametrize("name", kinds("config", ROWS))
def test_a_row_that_is_not_there(name):
    methods, says = ROWS[name]
    refused(lambda: with_upstream(methods), says)


@pytest.mark.parametrize("name", kinds("config", ["settings of a misspelled method"]))
def test_settings_of_a_method_that_is_not_there(name):
    refused(
        lambda: refuse_unknown(["r_supre"], Path("own.yaml")),
        "own.yaml: key 'methods.r_supre': there is no such method folder; do you mean 'r_super'",
    )


NETWORKS = {
    "unknown network": ({"name": "vnet"}, "unknown network 'vnet'; known: medformer, unet"),
    "unknown option of the network": ({"options": {"chanels": [4, 8, 8, 8]}}, "chanels"),
    "wrong option of the network": ({"options": {"channels": [4]}}, "channels"),
    "patch that the network cannot halve": ({"patch": (17, 16, 16)}, "17"),
}


@pytest.mark.parametrize("name", kinds("config", NETWORKS))
def test_a_network_that_cannot_be(name, task_for, tmp_path):
    changes, says = NETWORKS[name]
    task = task_for("segmentation", tmp_path)
    object.__setattr__(task, "network", task.network.model_copy(update=changes))
    refused(lambda: new_network(task), f"section 'network' of the experiment.*{says}")


def test_of_many_errors_the_first_are_named_and_the_others_counted(tmp_path):
    content = yaml.safe_load(MICRO) | {f"wrong_{number}": 1 for number in range(25)}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(content))
    message = refused(
        lambda: load_experiment(tmp_path / "own.yaml"), r"own.yaml: key 'wrong_0' .*\(and 15 more\)"
    )
    assert message.count(" is not known") == 10
