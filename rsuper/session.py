"""A job that waits in a cluster's queue outlives its Snakemake; once that is replaced, it must not start.

When Snakemake is killed, its folder stays locked until `snakemake --unlock`, which says that it is gone for
good. Jobs that it left in the queue would then run beside those of the next one, and take their outputs away.
"""

import os
import uuid
from pathlib import Path

from rsuper.errors import ConfigError

VARIABLE = "RSUPER_SESSION"  # every job inherits the environment of its Snakemake
FOLDER = Path(".snakemake") / "locks"  # what `snakemake --unlock` removes


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
