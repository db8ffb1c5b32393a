"""Every file of a results folder, with size and hash: what a manifest vouches for."""

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rsuper.errors import ArtifactError
from rsuper.files import read_lines, sha256_of, write_atomically
from rsuper.progress import tracked
from rsuper.provenance.jobs import FOLDER, LOGS

MANIFEST = "ro-crate-metadata.json"
TABLE = f"{FOLDER}/files.csv"
# What writing the manifest itself leaves; it cannot vouch for these.
OWN = (MANIFEST, TABLE, f"{FOLDER}/provenance.json", f"{LOGS}/provenance.log")
REFERENCE = "reference"  # of the default experiment's folder, which holds those of the others too
HERE, WRITTEN = "here", "when written"


@dataclass(frozen=True)
class Entry:
    """A file: its size, its SHA-256, and who computed that: the manifest, or whoever wrote the file."""

    bytes: int
    sha256: str
    hashed: str = HERE


def files_of(root: Path) -> tuple[list[str], list[str]]:
    """List the files below a folder as paths relative to it, links to folders followed.

    Returns: the files, in order; and what was left out, each with its reason.
    """
    found: list[str] = []
    left_out: list[str] = []
    _walk(root, root, {root.resolve()}, found, left_out)
    return sorted(found), left_out


def _walk(folder: Path, root: Path, above: set[Path], found: list[str], left_out: list[str]) -> None:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        name = path.relative_to(root).as_posix()
        if entry.is_dir():
            real = path.resolve()
            if real in above:
                left_out.append(f"{name}: a link to a folder that it lies in")
            elif name == REFERENCE or _is_results(path):
                left_out.append(f"{name}: other results")
            else:
                _walk(path, root, above | {real}, found, left_out)
        elif name.startswith(f"{LOGS}/") and entry.name.startswith(".") and entry.name.endswith(".lock"):
            continue  # empty but for the process that held it last
        elif _sealed(name) not in OWN:
            found.append(name)


def is_seal(name: str) -> bool:
    """Whether a file holds no more than the checksum of the one beside it."""
    return PurePosixPath(name).name.startswith(".") and name.endswith(".sha256")


def _sealed(name: str) -> str:
    """The file that a seal is of; any other file itself."""
    path = PurePosixPath(name)
    return str(path.with_name(path.name[1:].removesuffix(".sha256"))) if is_seal(name) else name


def _is_results(folder: Path) -> bool:
    return any((folder / name).exists() for name in (MANIFEST, FOLDER, LOGS))


def measured(root: Path, names: Iterable[str], known: Mapping[str, str]) -> dict[str, Entry]:
    """Measure files, each read once, a portion at a time; those with a known hash are not read.

    Raises:
        ArtifactError: a file cannot be read, or is none (a link to nothing, a device).
    """
    names = list(names)
    return {
        name: Entry(size_of(root / name), known[name], WRITTEN)
        if name in known
        else Entry(size_of(root / name), hash_of(root / name))
        for name in tracked(names, "results", unit="files")
    }


def size_of(path: Path) -> int:
    """Size of a file in bytes; as `measured` where there is none."""
    if not path.is_file():  # a pipe would be waited for
        raise ArtifactError(f"{path}: neither a file nor a folder; remove it")
    return path.stat().st_size


def hash_of(path: Path) -> str:
    """SHA-256 of a file; as `measured` where it cannot be read."""
    try:
        return sha256_of(path)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from None


def hashes_when_written(root: Path) -> dict[str, str]:
    """Hashes of the stored volumes, which the preprocessing noted in the store's index when it wrote them."""
    known = {}
    for index in sorted(root.glob("data/*/*/index.jsonl")):
        folder = index.parent.relative_to(root).as_posix()
        for line in read_lines(index):
            case = json.loads(line)
            for array, sha256 in case.get("sha256", {}).items():
                known[f"{folder}/{case['case_id']}.{array}.b2nd"] = sha256
    return known


def write_listing(listing: Mapping[str, Entry], path: Path) -> None:
    """Write the table of all files."""

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow(("path", "bytes", "sha256", "hashed"))
            rows.writerows((name, e.bytes, e.sha256, e.hashed) for name, e in listing.items())

    write_atomically(path, write)


def read_listing(path: Path) -> dict[str, Entry]:
    """Read the table of all files.

    Raises:
        ArtifactError: it is missing, or not such a table.
    """
    try:
        return dict(_rows(path))
    except FileNotFoundError:
        raise ArtifactError(f"{path}: no such file; write it with `make provenance`") from None
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise ArtifactError(f"{path}: not a table of files: {error}") from None


def _rows(path: Path) -> Iterator[tuple[str, Entry]]:
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            yield row["path"], Entry(int(row["bytes"]), row["sha256"], row["hashed"])
