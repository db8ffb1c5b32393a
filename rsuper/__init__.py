"""Train, evaluate and compare report-supervised tumor segmentation."""

import importlib
import typing

__version__ = "0.1.0"


def __getattr__(name: str) -> typing.Any:
    # By its text: what a statement imports here would count as code of all that imports `rsuper`.
    return importlib.import_module("rsuper.interface").find(name)


def __dir__() -> list[str]:
    return ["__version__", *importlib.import_module("rsuper.interface").NAMES]
