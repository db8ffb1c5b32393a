from pathlib import Path

import pytest
import yaml

from rsuper.config.experiment import Experiment
from rsuper.config.load import load_experiment
from rsuper.config.removed import REMOVED
from rsuper.errors import ConfigError

MICRO = Path(__file__).resolve().parents[2] / "config" / "micro.yaml"


def written(folder, place, value):
    content = yaml.safe_load(MICRO.read_text(encoding="utf-8"))
    section = content
    for key in place[:-1]:
        section = section.setdefault(key, {})
    section[place[-1]] = value
    path = folder / "old.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("key", "instead"),
    [
        ("phantom.distractors.pancreas_mean", "'pancreas: {cyst: 0.2, fat: 0.15}'"),
        ("phantom.distractors.kidney_mean", "'kidney: {cyst: 0.3, fat: 0.1}'"),
        ("phantom.distractors.pancreas_kinds", "'pancreas: {cyst: 0.2, vessel: 0.15}'"),
        ("phantom.distractors.kidney_kinds", "'kidney: {cyst: 0.3, vessel: 0.1}'"),
        ("phantom.distractors.cleft_mm", "write 'fat_mm'"),
    ],
)
def test_a_removed_key_says_what_to_write(tmp_path, key, instead):
    place = tuple(key.split("."))
    assert place in REMOVED
    with pytest.raises(ConfigError) as error:
        load_experiment(written(tmp_path, place, 0.5))
    assert f"key '{key}' is no more: " in str(error.value)
    assert instead in str(error.value)


def test_every_line_of_the_table_is_tested_and_of_a_key_that_is_gone(tmp_path):
    assert len(REMOVED) == 5
    for place in REMOVED:
        path = written(tmp_path, place, None)
        with pytest.raises(ConfigError, match="is no more"):
            load_experiment(path)


def test_what_to_write_is_what_is_taken(tmp_path):
    distractors = {
        "pancreas": {"cyst": 0.2, "fat": 0.15},
        "kidney": {"cyst": 0.3, "vessel": 0.1},
        "fat_mm": [9, 20],
    }
    experiment = load_experiment(written(tmp_path, ("phantom", "distractors"), distractors))
    assert isinstance(experiment, Experiment)
    assert experiment.phantom is not None
    assert experiment.phantom.distractors.kidney.vessel == 0.1
