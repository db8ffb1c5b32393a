"""What of a setting may stand in a published record: no folder of a machine, no address, no secret."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LEFT_OUT = "(left out)"
_SECRET = re.compile(r"secret|token|passw|credential|api_?key", re.IGNORECASE)
_ADDRESS = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s'\"]+", re.IGNORECASE)
_FOLDERS = re.compile(r"(?<![\w.~:/\\-])(?:~?/|[A-Za-z]:[\\/])(?:[^\s/\\'\"]+[/\\])*(?=[^\s/\\'\"])")


def public(value: Any, name: str = "") -> Any:
    """Return a setting as plain JSON, with what is nobody else's business left out.

    Absolute paths keep their last part, addresses their scheme; a text under a key that sounds like a
    secret's is left out.

    Args:
        value: mappings, sequences and plain values; anything else counts as its text.
        name: the key that the value stands under.
    """
    if isinstance(value, Mapping):
        return {str(key): public(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [
            public(item, name) for item in (sorted(value) if isinstance(value, set | frozenset) else value)
        ]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value.as_posix() if isinstance(value, Path) else str(value)
    if _SECRET.search(name):
        return LEFT_OUT
    return _FOLDERS.sub(".../", _ADDRESS.sub(r"\1...", text))
