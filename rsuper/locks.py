"""Locks on files: one process at a time, given back by the kernel when the process ends, however it ends."""

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


def try_lock(path: Path) -> int | None:
    """Lock a file, which is made where it is missing.

    Returns: an open descriptor that holds the lock until it is closed or the process has ended (its forked
        children, too); None where another process holds it.

    Raises:
        OSError: the file cannot be opened, or its file system has no locks.
    """
    descriptor = _opened(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    _sign(descriptor)
    return descriptor


def holder(path: Path) -> str:
    """Who locked a file last, as far as it can be read."""
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8").strip() or "an unknown process"
    return "an unknown process"


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock; where another process has it, say so on stderr and wait.

    Where the file system has no locks, that is said, and nothing is held.
    """
    descriptor = _held(path)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _held(path: Path) -> int | None:
    try:
        descriptor = try_lock(path)
        if descriptor is None:
            sys.stderr.write(
                f"{path}: held by {holder(path)}, which may be of an earlier run; waiting for it\n"
            )
            descriptor = _opened(path)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _sign(descriptor)
        return descriptor
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        sys.stderr.write(f"{path}: no locks on this file system; never run two of these jobs at once\n")
        return None


def _opened(path: Path) -> int:
    """A descriptor of a file, for writing where that is allowed: some network file systems ask for it."""
    try:
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except PermissionError:  # another user's; on a local disk reading is enough
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644))
        return _opened(path)


def _sign(descriptor: int) -> None:
    """Leave word of who holds a lock, for those who wait; another user's file keeps its old text."""
    scheduled = os.environ.get("SLURM_JOB_ID")
    text = f"process {os.getpid()}" + (f" (Slurm job {scheduled})" if scheduled else "")
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{text}\n".encode(), 0)
