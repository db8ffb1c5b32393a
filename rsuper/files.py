"""Files that exist only when they are complete: JSON, lines, or whatever a caller writes.

A file is written under a temporary name and renamed. The standard library alone: what runs where no table is
read (the training engine) needs no more.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rsuper.errors import ArtifactError

UNFINISHED = ".writing-"  # begins the name of a file that is being written


def write_json(content: object, path: Path) -> None:
    """Write JSON, indented, in one step."""
    text = json.dumps(content, indent=2, sort_keys=False, default=str) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        ArtifactError: the file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtifactError(f"{path}: no such file") from None
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # no JSON, or not in UTF-8
        raise ArtifactError(f"{path}: damaged JSON: {error}") from None


def write_lines(lines: Iterable[str], path: Path) -> None:
    """Write text lines (JSON lines included) in one step."""
    text = "".join(line + "\n" for line in lines)
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_lines(path: Path) -> Iterator[str]:
    """Yield the non-blank lines of a text file.

    Raises:
        ArtifactError: the file is missing, cannot be read or is not in UTF-8.
    """
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    try:
        with path.open(encoding="utf-8") as stream:
            yield from (line for line in stream if line.strip())
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{path}: damaged: not in UTF-8: {error}") from None


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file of the same suffix beside `path`, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    suffixes = "".join(path.suffixes[-2:])
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED, suffix=suffixes)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read a portion at a time."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def drop_unfinished(folder: Path) -> None:
    """Remove what a process that was killed while writing left in its folder; nobody else may write there."""
    for path in folder.glob(f"{UNFINISHED}*"):
        path.unlink(missing_ok=True)
