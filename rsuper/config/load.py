"""Read one experiment file; say what is wrong with it in the words of the file."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rsuper.config.experiment import Experiment
from rsuper.config.removed import REMOVED
from rsuper.errors import ConfigError, listed

Model = TypeVar("Model", bound=BaseModel)
_SAFE: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's: ten times as fast
_FEW = 15  # keys of a section that a message names
# What PyYAML lets through where a value is not what its tag says (2020-13-45 is a date), or nested too deep.
_BAD_VALUES = (ValueError, LookupError, AttributeError, TypeError, OverflowError, RecursionError)


class _Loader(_SAFE):  # type: ignore[misc, valid-type]
    """Safe, and no key stands there twice: of two values YAML would take the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen = set[str]()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key '{key.value}' stands there more than once", key.start_mark
                    )
                seen.add(key.value)
        return dict(super().construct_mapping(node, deep))


def read_yaml(path: Path) -> dict[str, object]:
    """Read a YAML mapping.

    Raises:
        ConfigError: the file is missing, is not YAML or is not a mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, *_BAD_VALUES) as error:
        raise ConfigError(f"{path}: not readable as YAML: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of keys, got {type(content).__name__}")
    return content


def parse(model: type[Model], content: object, source: str, *, also: Sequence[str] = ()) -> Model:
    """Check `content` against a pydantic model and turn its complaints into one readable error.

    Args:
        model: what is expected.
        content: as read from a file.
        source: of the content, for the message.
        also: keys of the top that were taken out before, and may be meant by a misspelled one.

    Raises:
        ConfigError: names the source, the offending keys (up to ten) and what was expected.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ConfigError(
            f"{source}: " + listed([_complaint(e, model, also) for e in error.errors()])
        ) from None


def load_experiment(path: Path) -> Experiment:
    """Read and check an experiment file.

    A file that says `extends: other.yaml` has every top-level key of that file (beside it) but those that it
    gives itself: these stand as a whole in the place of the other's.

    Raises:
        ConfigError: the file, or one that it extends, is missing, incomplete, has an unknown key, contradicts
            itself or extends itself.
    """
    return parse(Experiment, _extended(path, ()), str(path), also=("extends",))


def _extended(path: Path, below: tuple[Path, ...]) -> dict[str, object]:
    if path.resolve() in below:
        raise ConfigError(f"{below[0]}: key 'extends' leads back to {path}")
    own = read_yaml(path)
    other = own.pop("extends", None)
    if other is None:
        return own
    if not isinstance(other, str) or not other.isprintable():
        raise ConfigError(f"{path}: key 'extends' must be the name of a file beside it, got {other!r}")
    return _extended(path.parent / other, (*below, path.resolve())) | own


def _complaint(item: ErrorDetails, model: type[BaseModel], also: Sequence[str]) -> str:
    place = item["loc"]
    key = ".".join(str(part) for part in place) or "the file as a whole"
    if item["type"] == "missing":
        return f"key '{key}' is missing"
    if item["type"] == "extra_forbidden":
        if model is Experiment and place in REMOVED:
            return f"key '{key}' is no more: {REMOVED[place]}"
        known = list(dict.fromkeys([*_keys(model, place[:-1]), *(also if len(place) == 1 else ())]))
        near = difflib.get_close_matches(str(place[-1]).lower(), known, 1)
        few = len(known) <= _FEW
        hint = (
            f"; do you mean '{near[0]}'?"
            if near
            else f"; there are {', '.join(sorted(known))}"
            if few
            else ""
        )
        return f"key '{key}' is not known{hint}"
    return f"key '{key}': {item['msg']} (got {item.get('input')!r:.80})"


def _keys(kind: Any, place: Sequence[int | str]) -> list[str]:
    """Keys of the section that lies at a place of a type; none where that is no section."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields
        if not place:
            return list(fields)
        return _keys(fields[place[0]].annotation, place[1:]) if place[0] in fields else []
    if get_origin(kind) in (Annotated, Union, UnionType):
        return [key for part in get_args(kind) for key in _keys(part, place)]
    return [key for part in get_args(kind) for key in _keys(part, place[1:])] if place else []
