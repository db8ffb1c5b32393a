"""What a look at one thing gives: pass, warn or fail, what was seen, and the command that mends it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PASS, WARN, FAIL = "pass", "warn", "fail"
ROOT = Path(__file__).resolve().parents[2]
INSTALL = "rm -f .venv/.installed && make setup"
SILENT_S = 60  # a program that has not answered by then counts as silent


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's."""

    level: str
    subject: str
    seen: str
    fix: str = ""  # a command, where there is one


@dataclass(frozen=True)
class Asked:
    """What is to be run, and how."""

    config: Path
    profile: str = ""

    @property
    def make(self) -> str:
        """End of a make command that means the same."""
        profile = f" PROFILE={self.profile}" if self.profile else ""
        return f"CONFIG={self.config}{profile}"


Check = Callable[[Asked], "list[Finding]"]


def looked(check: Check, asked: Asked) -> list[Finding]:
    """Make a check; what it stumbles over is a failure of that check alone.

    A package that cannot be imported is what the doctor is asked about, so that no error may end it.
    """
    try:
        return check(asked)
    except Exception as error:  # noqa: BLE001
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        fix = INSTALL if isinstance(error, ImportError | SyntaxError) else ""
        return [Finding(FAIL, check.__name__.replace("_", " "), f"could not be looked at: {said}", fix)]


def answer(command: Sequence[str], *, cwd: Path = ROOT) -> tuple[bool, str]:
    """Run a program: whether it did well, and what it printed (if not, its last line).

    A program that is missing, cannot be started or stays silent did not do well.
    """
    try:
        done = subprocess.run(
            list(command), cwd=cwd, capture_output=True, text=True, errors="replace", timeout=SILENT_S
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer within {SILENT_S} s"
    except OSError as error:
        return False, str(error.strerror or error)
    if done.returncode < 0:
        return False, f"ended by signal {-done.returncode}"
    lines = (done.stderr if done.returncode else done.stdout).strip().splitlines()
    if done.returncode:
        return False, lines[-1][:200] if lines else f"exit code {done.returncode}"
    return True, "\n".join(lines)
