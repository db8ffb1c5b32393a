"""What every bad input must lead to: one error of ours, in one paragraph that names the thing."""

import re
from collections.abc import Callable, Iterable

import pytest

from rsuper.errors import RsuperError


def kinds(border: str, names: Iterable[str]) -> list[object]:
    """Parameters of a test, each counted as a kind of bad input at a border."""
    return [pytest.param(name, marks=pytest.mark.bad_input(border)) for name in names]


def refused(read: Callable[[], object], says: str) -> str:
    """Make sure that a reader refuses its input by an error of ours that says something; return the error."""
    with pytest.raises(RsuperError) as found:
        read()
    message = str(found.value)
    assert re.search(says, message), message
    assert message.isprintable(), message
    assert len(message) < 3100, len(message)
    return message
