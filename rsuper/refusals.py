"""What the machine refuses, in one paragraph: a full disk, a folder that may not be written, no memory."""

import errno
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rsuper.errors import ArtifactError, MachineError

ROOM_BYTES = 2**20  # with less the disk counts as full
SKEW_S = 60  # clocks of machines that share a disk may differ so much
AGAIN = "then run the same command again: what is finished is kept"
AFTER_FAILURE = (
    "A job failed; what was finished is kept. Do what its message above says, and run the same command "
    "again. A job that ended without a message of its own (by a signal, or while Python was importing) was "
    "most often short of memory: give it more (resources: in the experiment file), or run fewer at once "
    "(--cores)."
)
_REMEDIES = {
    (errno.ENOSPC, errno.EDQUOT): "make room on that disk",
    (errno.EROFS, errno.EACCES, errno.EPERM): "make it writable for you",
    (errno.EMFILE, errno.ENFILE): "allow more open files (ulimit -n)",
    (errno.ENOMEM, errno.EAGAIN): "give the job more memory and processes, or end others",
    (errno.EIO, errno.ESTALE, errno.ENXIO, errno.ENODEV): "look after that disk",
}
_MEMORY = re.compile(
    r"(can't|cannot|failed to|could not) (allocate|map)|out of memory|start new thread|killed by signal|"
    r"exited unexpectedly",
    re.IGNORECASE,
)


def refusal(error: BaseException, folder: Path) -> MachineError | None:
    """Return what the machine refused, where an error comes from that; None: it does not.

    Args:
        error: with the errors that it was raised from.
        folder: where the caller writes: libraries that hide why they could not write are asked about its
            disk.
    """
    for each in _with_causes(error):
        if isinstance(each, OSError):
            for numbers, remedy in _REMEDIES.items():
                if each.errno in numbers:
                    place = each.filename or folder
                    return MachineError(f"{place}: {each.strerror}: {remedy}, {AGAIN}")
    if free_bytes(folder) < ROOM_BYTES:
        return MachineError(f"{folder}: no space left on its disk: make room there, {AGAIN}")
    for each in _with_causes(error):
        if isinstance(each, MemoryError) or (
            isinstance(each, RuntimeError | ImportError | OSError) and _MEMORY.search(str(each))
        ):
            said = " ".join(str(each).split())[:160] or "out of memory"
            return MachineError(
                f"memory ran out, or a process of the job was killed ({said}): give the job more "
                f"(resources: in the experiment file), run fewer at once (--cores), {AGAIN}"
            )
    return None


def cannot_write(folders: Sequence[Path]) -> str:
    """Say why nothing can be written to a folder, or to where it would be made; blank where all can be."""
    for folder in folders:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        try:
            with tempfile.TemporaryFile(dir=there) as file:
                file.write(bytes(2**16))
        except OSError as error:
            return str(refusal(error, there) or f"{there}: {error}")
    return ""


def refuse_the_future(root: Path, folders: Iterable[Path]) -> None:
    """Refuse files of folders below `root` that were written later than now, before jobs are run.

    Snakemake would throw a job's outputs away, as older than what it read, when the job is done.

    Raises:
        ArtifactError: says how to give them the present time.
    """
    latest = time.time() + SKEW_S
    files = (path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()))
    late = [path for path in files if path.is_file() and path.stat().st_mtime > latest]
    if late:
        more = f" (and {len(late) - 1} more)" if len(late) > 1 else ""
        raise ArtifactError(
            f"{late[0]}{more}: written in the future: a clock was wrong then, or is wrong now. If it is "
            "right now, give such files the present time, then run again: "
            f"find {root} -newermt now -exec touch {{}} +"
        )


def free_bytes(folder: Path) -> int:
    """Bytes that may still be written to the disk of a folder, or of the nearest one that exists."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__
