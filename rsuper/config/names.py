"""Names that an experiment file gives: each becomes a folder or a file, and none may stand there twice."""

import re
from collections import Counter
from collections.abc import Collection, Hashable
from typing import Annotated, TypeVar

from pydantic import AfterValidator

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
Values = TypeVar("Values", bound=Collection[Hashable])


def _usable(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            "a folder is called so: expected up to 64 letters, digits, '_', '-' and '.', beginning with a "
            "letter or digit"
        )
    return name


def distinct(values: Values) -> Values:
    """Return the values.

    Raises:
        ValueError: one of them stands there twice.
    """
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} stands there more than once")
    return values


Name = Annotated[str, AfterValidator(_usable)]
Distinct = AfterValidator(distinct)
