"""A job of a method opens no file that tells what reports say: what it may know, its task holds."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from rsuper.errors import MethodError


def refuse_to_open(files: Iterable[Path], method: str) -> None:
    """Make every later attempt of this process to open one of these files an error; it cannot be undone.

    Python's own opening of files is watched, whatever library asks for it; what compiled code opens by itself
    is not.

    Args:
        files: they need not exist.
        method: for the error's text.

    Raises:
        MethodError: (later, where a file is opened) names the method and the file.
    """
    refused = {os.path.realpath(file) for file in files}

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("open", "sqlite3.connect") and isinstance(arguments[0], str | bytes | os.PathLike):
            path = os.path.realpath(os.fsdecode(arguments[0]))
            if path in refused:
                raise MethodError(
                    f"method '{method}' opened {path}: what reports say reaches a method by its task alone, "
                    f"as methods/{method.partition('-')[0]}/method.yaml declares"
                )

    sys.addaudithook(watch)
