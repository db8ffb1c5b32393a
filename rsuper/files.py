"""Files that exist only when they are complete: JSON, lines, or whatever a caller writes.

A file is written under a temporary name and renamed. What passes between rules is sealed too: its checksum
lies beside it (`.table2.csv.sha256`, as `sha256sum -c` reads it), and no reader takes a file that is not what
was written. A file without a seal, such as one of the user's own, is read as it is. The standard library
alone: what runs where no table is read (the training engine) needs no more.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rsuper.errors import ArtifactError

UNFINISHED = ".writing-"  # begins the name of a file that is being written
SEAL = ".sha256"  # ends the name of a file that holds another's checksum
IMAGES = "images.txt"
NAMED = 8  # damaged files that a message names


def write_json(content: object, path: Path) -> None:
    """Write JSON, indented, in one step."""
    text = json.dumps(content, indent=2, sort_keys=False, default=str) + "\n"
    write_sealed(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        ArtifactError: the file is missing or damaged.
    """
    require_whole(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtifactError(f"{path}: no such file") from None
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # no JSON, or not in UTF-8
        raise ArtifactError(f"{path}: damaged JSON: {error}") from None


def write_lines(lines: Iterable[str], path: Path, *, sealed: bool = True) -> None:
    """Write text lines (JSON lines included) in one step; not sealed where lines are added later."""
    text = "".join(line + "\n" for line in lines)
    write = write_sealed if sealed else write_atomically
    write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_lines(path: Path) -> Iterator[str]:
    """Yield the non-blank lines of a text file.

    Raises:
        ArtifactError: the file is missing, damaged, cannot be read or is not in UTF-8.
    """
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    require_whole(path)
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
        seal_of(path).unlink(missing_ok=True)  # of what was there before
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_sealed(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file in one step, and its checksum beside it."""
    write_atomically(path, write)
    seal(path)  # a kill just before leaves a whole file without seal


def seal(path: Path) -> None:
    """Note a file's checksum beside it, so that no reader takes it when it is damaged later."""
    line = f"{sha256_of(path)}  {path.name}\n"
    write_atomically(seal_of(path), lambda temporary: temporary.write_text(line, encoding="utf-8"))


def seal_dataset(folder: Path) -> None:
    """Seal every table of a data set that a rule makes, and note which images it has: `lost_images`."""
    images = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.nii.gz"))
    write_lines(images, folder / IMAGES)
    for path in [*folder.glob("*.csv"), *folder.glob("*.jsonl")]:
        seal(path)


def lost_images(folder: Path) -> list[Path]:
    """Images that a data set had when it was made, and has no more; none is known of a user's own."""
    if not (folder / IMAGES).is_file():
        return []
    noted = [folder / line.rstrip("\n") for line in read_lines(folder / IMAGES)]
    return [path for path in noted if not path.is_file()]


def seal_of(path: Path) -> Path:
    """Where a file's checksum lies."""
    return path.with_name(f".{path.name}{SEAL}")


def require_whole(path: Path) -> None:
    """Refuse a file that is not as it was sealed; one that is missing or has no seal passes.

    Raises:
        ArtifactError: says how to have it made anew.
    """
    if path.is_file() and not _is_whole(path):
        raise ArtifactError(damage([path]))


def require_all_whole(folders: Iterable[Path]) -> None:
    """Refuse folders (not those inside them) that hold a file which is not as it was sealed.

    Raises:
        ArtifactError: names such files, and says how to have them made anew.
    """
    sealed = [
        path.with_name(path.name[1:].removesuffix(SEAL))
        for folder in folders
        for path in sorted(folder.glob(f".*{SEAL}"))
    ]
    damaged = [path for path in sealed if path.is_file() and not _is_whole(path)]
    if damaged:
        raise ArtifactError(damage(damaged))


def damage(paths: Sequence[Path]) -> str:
    """Say that sealed files are damaged, and how to have them made anew."""
    more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
    named = " ".join(map(str, paths[:NAMED]))
    return (
        f"{paths[0]}: not as it was written: its checksum is another{more}; to have it made anew, run again "
        f"after: rm {named}; if you changed it on purpose, remove {seal_of(paths[0])}"
    )


def _is_whole(path: Path) -> bool:
    try:
        noted = seal_of(path).read_bytes()
    except FileNotFoundError:
        return True
    return noted.split(b" ")[0] == sha256_of(path).encode()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def drop_unfinished(folder: Path) -> None:
    """Remove what a process that was killed while writing left in its folder; nobody else may write there."""
    for path in folder.glob(f"{UNFINISHED}*"):
        path.unlink(missing_ok=True)
