"""A method's code: loaded from its folder, and held to what the contract says of its three names."""

import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel

from rsuper.errors import MethodError

CONTRACT = {
    "Config": 'class Config(BaseModel): model_config = ConfigDict(frozen=True, extra="forbid")',
    "fit": "def fit(task: Task, config: Config) -> None",
    "predict": "def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]",
}


def load(folder: Path) -> ModuleType:
    """Run a folder's method.py and return it as a module.

    Raises:
        MethodError: the file is missing, cannot be imported, or one of the names is not what it must be.
    """
    path = folder / "method.py"
    module = _imported(f"methods.{folder.name}.method", path)
    missing = [name for name in CONTRACT if not hasattr(module, name)]
    if missing:
        wanted = " and ".join(f"`{CONTRACT[name]}`" for name in missing)
        raise MethodError(
            f"{path}: the contract asks for {list(CONTRACT)}; missing: {missing}: write {wanted}"
        )
    _check_config(module.Config, path)
    for name in ("fit", "predict"):
        _check_function(getattr(module, name), name, path)
    return module


def _imported(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise MethodError(f"{path}: no such file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic and dataclasses look their module up by name
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a file of the user's raises, its author is told which file it is
        del sys.modules[name]
        raise MethodError(f"{path}: cannot be imported: {error} ({_kind_and_line(error, path)})") from error
    return module


def _kind_and_line(error: Exception, path: Path) -> str:
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    hint = "; a package that is missing is installed into .venv" if isinstance(error, ImportError) else ""
    return type(error).__name__ + (f", line {lines[-1]}" if lines else "") + hint


def _check_config(config: object, path: Path) -> None:
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        raise MethodError(f"{path}: Config must be a class that inherits from pydantic's BaseModel")
    settings = config.model_config
    if not settings.get("frozen"):
        raise MethodError(f"{path}: Config must be frozen: write `{CONTRACT['Config']}`")
    if settings.get("extra") != "forbid":
        raise MethodError(
            f"{path}: Config must refuse keys that it does not know, or a misspelled setting would do "
            f"nothing, without a word: write `{CONTRACT['Config']}`"
        )


def _check_function(function: object, name: str, path: Path) -> None:
    if not callable(function):
        raise MethodError(f"{path}: fit and predict must be functions: write `{CONTRACT[name]}`")
    signature = inspect.signature(function)
    try:
        signature.bind(None, None)
    except TypeError as error:
        raise MethodError(
            f"{path}: {name} is called with two arguments, and {name}{signature} does not take them "
            f"({error}): write `{CONTRACT[name]}`"
        ) from None
