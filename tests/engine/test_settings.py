from dataclasses import asdict, fields

import pytest

from rsuper.config.experiment import Engine
from rsuper.config.load import parse
from rsuper.engine.settings import Settings
from rsuper.errors import ConfigError


def test_the_experiment_files_section_and_the_engines_settings_are_one():
    assert Engine().model_dump() == asdict(Settings())
    assert list(Engine.model_fields) == [field.name for field in fields(Settings)]
    assert Settings(**Engine(ema=0.99).model_dump()).ema == 0.99


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"precision": "fp16"}, "precision"),
        ({"ema": 1.0}, "ema"),
        ({"accumulate": 0}, "accumulate"),
        ({"keep": "best"}, "keep: best needs validate_every"),
        ({"colour": 1}, "colour"),
    ],
)
def test_what_makes_no_sense_is_named(content, said):
    with pytest.raises(ConfigError, match=said):
        parse(Engine, content, "section engine")


def test_what_only_changes_the_time_is_not_decisive():
    plain = Settings().decisive()
    assert Settings(workers=4, prefetch=8, check_every=10, tensorboard=True).decisive() == plain
    assert Settings(accumulate=2).decisive() != plain
    assert Settings(ema=0.9).decisive() != plain
