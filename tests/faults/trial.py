"""One fault from beginning to end: disturb, run again, follow what errors say, compare the tables."""

import random
import re
import shlex
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults.kinds import KINDS, Disturbed
from tests.faults.project import Ended, Project

AGAIN = 5  # calls after a fault, each but the first behind a remedy that an error named
# What an error must say: what to do next.
REMEDIES = {
    "remove": re.compile(r"run again after: rm (?:-f )?([^;\n]+)"),
    "touch": re.compile(r"then run again: (find \S+ -newermt now -exec touch \{\} \+)"),
    "unlock": re.compile(r"Remove the lock by `make unlock`"),
    "wait": re.compile(r"until it has ended: wait for it"),
    "lock": re.compile(r"can be removed with the --unlock argument"),  # Snakemake's own words
    "machine": re.compile(r"run the same command again: what is finished is kept"),
    "memory": re.compile(
        r"(?s)(?:ImportError|MemoryError|[Mm]emory allocation|failed to map|Cannot allocate|"
        r"died with <Signals).*short of memory: give it more"
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What became of a fault.

    Attributes:
        verdict: `same` (a plain run again gives the tables), `mended` (after what an error said to do),
            `lost` (tables stay missing), `wrong` (other tables), `unexplained` (an error without a remedy).
    """

    kind: str
    what: str
    verdict: str
    said: str
    seconds: float


def trial(base: Project, kind: str, seed: int, folder: Path) -> Outcome:
    """Disturb a copy of the finished experiment in a way that follows from the seed; `folder` is made."""
    expected = base.tables()
    started = time.monotonic()
    for attempt in range(20):  # until the fault meets something
        chance = random.Random(f"{kind} {seed} {attempt}")
        project = base.at(folder / str(attempt))
        disturbed = KINDS[kind](project, chance)
        if not disturbed.missed:
            break
    verdict, said = _judged(project, disturbed, expected)
    seconds = time.monotonic() - started
    return Outcome(kind, disturbed.what, verdict, said, seconds)


def _judged(project: Project, disturbed: Disturbed, expected: dict[str, bytes]) -> tuple[str, str]:
    if disturbed.during is not None and disturbed.refused and not _remedies(disturbed.during):
        return "unexplained", disturbed.during.said[-3000:]
    said: list[str] = []
    for _ in range(AGAIN):
        ended = project.run()
        if ended.status == 0:
            verdict = _compared(project.tables(), expected)
            return ("mended" if verdict == "same" and said else verdict), " | ".join(said)
        remedies = _remedies(ended)
        if not remedies:
            return "unexplained", ended.said[-3000:]
        said.append(_paragraph(ended, remedies))
        _follow(project, remedies)
    return "lost", " | ".join(said)


def _compared(found: dict[str, bytes], expected: dict[str, bytes]) -> str:
    if set(expected) - set(found):
        return "lost"
    return "same" if found == expected else "wrong"


def _remedies(ended: Ended) -> dict[str, str]:
    """What an error says to do; none where it says nothing, or where a traceback stands with it."""
    named = {name: found for name, pattern in REMEDIES.items() if (found := pattern.search(ended.said))}
    if "Traceback" in ended.said and set(named) <= {"remove", "lock"}:
        return {}
    return {name: found[1] if found.groups() else found[0] for name, found in named.items()}


def _paragraph(ended: Ended, remedies: dict[str, str]) -> str:
    lines = [line for line in ended.said.splitlines() if any(text in line for text in remedies.values())]
    return " ".join(lines[0].split())[:300] if lines else "?"


def _follow(project: Project, remedies: dict[str, str]) -> None:
    if "remove" in remedies:
        for word in shlex.split(remedies["remove"]):
            for path in [*project.folder.glob(word)] if not word.startswith("/") else [Path(word)]:
                assert path.resolve().is_relative_to(project.folder.resolve()), path
                path.unlink(missing_ok=True)
    if "touch" in remedies:
        subprocess.run(shlex.split(remedies["touch"]), cwd=project.folder, check=True)
    if "unlock" in remedies:
        done = project.run("--unlock")
        assert done.status == 0, done.said[-2000:]
    if "wait" in remedies:
        time.sleep(2)
