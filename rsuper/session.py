"""A job that waits in a cluster's queue outlives its Snakemake; once that is replaced, it must not start.

When Snakemake is killed, its folder stays locked until `snakemake --unlock`, which says that it is gone for
good. Jobs that it left in the queue would then run beside those of the next one, and take their outputs away.

Every Snakemake holds a lock of the kernel's, too, which ends with it: so the next one can say whether the
folder is locked by one that runs or by one that was killed.
"""

import os
import uuid
from contextlib import suppress
from pathlib import Path

from rsuper.errors import ConfigError
from rsuper.locks import holder, try_lock

VARIABLE = "RSUPER_SESSION"  # every job inherits the environment of its Snakemake
FOLDER = Path(".snakemake") / "locks"  # what `snakemake --unlock` removes
PRESENT = Path(".snakemake") / "present"


def lock_note() -> str:
    """Say who has, or left, locks in this folder: a Snakemake that runs, or one that was killed; else blank.

    Called once by every Snakemake, with the working folder as the current one; from then on it counts as one
    that runs, until its process has ended.
    """
    with suppress(OSError):  # no locks here, or a folder that may not be written: nothing can be said
        running, left = found_locks()
        try_lock(
            PRESENT / f"{uuid.uuid4().hex}.lock"
        )  # the descriptor stays open as long as the process lives
        if running:  # its lock may not be there yet
            return (
                f"Another Snakemake is at work in this folder ({', '.join(running)}). What it makes is "
                "locked until it has ended: wait for it, then run the same command again."
            )
        if left:
            return (
                "A Snakemake that ran in this folder was killed and left its lock. What it had finished is "
                "kept. Remove the lock by `make unlock`, or by adding --unlock to the snakemake command; "
                "then run the same command again, and it goes on from there."
            )
    return ""


def found_locks() -> tuple[list[str], bool]:
    """Look who is at work in the current folder, without counting as one of them.

    Returns: the Snakemakes that run; whether there are locks of Snakemake's, which are those of the killed
        where none runs.

    Raises:
        OSError: the folder cannot be read, or has no locks.
    """
    running = []
    for mark in sorted(PRESENT.glob("*.lock")):
        descriptor = try_lock(mark)
        if descriptor is None:
            running.append(holder(mark))
        else:
            mark.unlink(missing_ok=True)
            os.close(descriptor)
    return running, any(FOLDER.glob("*.lock"))


def begin() -> None:
    """Mark this Snakemake as alive; called once, with the working folder as the current one."""
    mark = FOLDER.absolute() / f"session-{uuid.uuid4().hex}"
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    os.environ[VARIABLE] = str(mark)


def end() -> None:
    """Take the mark away; without one nothing happens."""
    if mark := os.environ.pop(VARIABLE, None):
        Path(mark).unlink(missing_ok=True)


def check() -> None:
    """Let a job go on only while its Snakemake counts as alive.

    Raises:
        ConfigError: it was given up by `snakemake --unlock`.
    """
    mark = os.environ.get(VARIABLE)
    if mark and not Path(mark).exists():
        raise ConfigError(
            "this job was submitted by a Snakemake that was killed, and its folder was unlocked since: the "
            "job does nothing, so that it cannot meet one of the Snakemake that runs now; submit it by "
            "running snakemake again"
        )
