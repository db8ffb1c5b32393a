"""The peak memory of a program that is started for a measurement."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Runs between us and the program: Linux hands a process's peak memory on to the program that it starts, so
# the peak of what we start ourselves is at least our own.
_MARK = "peak memory of the program:"
_WATCH = f"""
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print("{_MARK}", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True)
class Finished:
    """What a program printed, on both streams, and the largest memory of it and its children."""

    text: str
    peak_mib: float


def watched(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Finished:
    """Run a program in a folder.

    Raises:
        RuntimeError: it failed; with the end of what it printed.
    """
    run = subprocess.run(
        [sys.executable, "-c", _WATCH, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    errors, _, peak = run.stderr.rpartition(_MARK)
    text = run.stdout + errors
    if run.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} failed: {text[-2000:]}")
    per_mib = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss is in bytes there, in KiB elsewhere
    return Finished(text, int(peak) / per_mib)
