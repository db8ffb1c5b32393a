"""`--method NAME`: tests of one method folder and its variants alone; each method fitted once for all."""

import pytest

from rsuper.errors import MethodError
from rsuper.methods import find
from tests.methods import contract


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--method", help="tests of this method folder, and of its variants, alone")


def pytest_configure(config: pytest.Config) -> None:
    """Say what is wrong with a folder that cannot even be read, before tests are made of it."""
    if name := config.getoption("--method", None):
        try:
            _ = find(name).module
        except MethodError as error:
            raise pytest.UsageError(f"{type(error).__name__}: {error}") from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if name := config.getoption("--method", None):
        named = [getattr(item, "callspec", None) for item in items]
        own = [
            str(spec.params.get("name", "")).partition("-")[0] == name if spec else False for spec in named
        ]
        config.hook.pytest_deselected(items=[item for item, kept in zip(items, own, strict=True) if not kept])
        items[:] = [item for item, kept in zip(items, own, strict=True) if kept]


@pytest.fixture(scope="session")
def fitted(task_for, tmp_path_factory):
    """`fitted(name)`: the task of a method after `fit`; each method is fitted once."""
    return contract.Runs(task_for, tmp_path_factory.mktemp("fitted"))
