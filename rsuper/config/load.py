"""Read one experiment file; say what is wrong with it in the words of the file."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from rsuper.config.experiment import Experiment
from rsuper.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times as fast; both are safe


def read_yaml(path: Path) -> dict[str, object]:
    """Read a YAML mapping.

    Raises:
        ConfigError: the file is missing, is not YAML or is not a mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _LOADER)
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

    A file that says `extends: other.yaml` has every top-level key of that file (beside it) but those that it
    gives itself: these stand as a whole in the place of the other's.

    Raises:
        ConfigError: the file, or one that it extends, is missing, incomplete, has an unknown key, contradicts
            itself or extends itself.
    """
    return parse(Experiment, _extended(path, ()), str(path))


def _extended(path: Path, below: tuple[Path, ...]) -> dict[str, object]:
    if path.resolve() in below:
        raise ConfigError(f"{below[0]}: key 'extends' leads back to {path}")
    own = read_yaml(path)
    other = own.pop("extends", None)
    if other is None:
        return own
    if not isinstance(other, str):
        raise ConfigError(f"{path}: key 'extends' must be the name of a file beside it, got {other!r}")
    return _extended(path.parent / other, (*below, path.resolve())) | own


def _complaint(item: object) -> str:
    assert isinstance(item, dict)
    key = ".".join(str(part) for part in item["loc"]) or "the file as a whole"
    if item["type"] == "missing":
        return f"key '{key}' is missing"
    if item["type"] == "extra_forbidden":
        return f"key '{key}' is not known (misspelled?)"
    return f"key '{key}': {item['msg']} (got {item.get('input')!r:.80})"
