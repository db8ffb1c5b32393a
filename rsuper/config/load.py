"""Read one experiment file; say what is wrong with it in the words of the file."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from rsuper.config.experiment import Experiment
from rsuper.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path) -> dict[str, object]:
    """Read a YAML mapping.

    Raises:
        ConfigError: the file is missing, is not YAML or is not a mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not readable as YAML: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of keys, got {type(content).__name__}")
    return content


def parse(model: type[Model], content: object, source: str) -> Model:
    """Check `content` against a pydantic model and turn its complaints into one readable error.

    Raises:
        ConfigError: names the source, every offending key and what was expected.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [_complaint(item) for item in error.errors()]
        raise ConfigError(f"{source}: " + "; ".join(lines)) from None


def load_experiment(path: Path) -> Experiment:
    """Read and check an experiment file.

    Raises:
        ConfigError: the file is missing, incomplete, has an unknown key or contradicts itself.
    """
    return parse(Experiment, read_yaml(path), str(path))


def _complaint(item: object) -> str:
    assert isinstance(item, dict)
    key = ".".join(str(part) for part in item["loc"]) or "the file as a whole"
    if item["type"] == "missing":
        return f"key '{key}' is missing"
    if item["type"] == "extra_forbidden":
        return f"key '{key}' is not known (misspelled?)"
    return f"key '{key}': {item['msg']} (got {item.get('input')!r:.80})"
