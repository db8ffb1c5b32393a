"""Is this machine ready for an experiment? `python -m rsuper.doctor`, or `make doctor`.

Nothing but the standard library is imported before a check needs it: whatever is broken is a line of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rsuper.doctor.cluster import profile
from rsuper.doctor.disk import disk
from rsuper.doctor.experiment import data, experiment
from rsuper.doctor.findings import FAIL, PASS, WARN, Asked, Check, Finding, looked
from rsuper.doctor.machine import lock, memory, results
from rsuper.doctor.software import packages, python, torch

CHECKS: tuple[Check, ...] = (python, packages, torch, profile, lock)
OF_AN_EXPERIMENT: tuple[Check, ...] = (data, memory, disk, results)  # where its file can be read


def examined(asked: Asked) -> Iterator[Finding]:
    """Make every check, one after another."""
    for check in CHECKS:
        yield from looked(check, asked)
    found = looked(experiment, asked)
    yield from found
    if all(finding.level == PASS for finding in found):
        for check in OF_AN_EXPERIMENT:
            yield from looked(check, asked)


def main(arguments: Sequence[str]) -> int:
    """Say for each thing whether it is as it must be, and what mends it; 1: something is not."""
    parser = argparse.ArgumentParser("python -m rsuper.doctor", description=main.__doc__)
    parser.add_argument("--config", type=Path, default=Path("config/phantom.yaml"), help="experiment file")
    parser.add_argument("--profile", default="", help="as for Snakemake's --workflow-profile")
    options = parser.parse_args(arguments)
    counts: Counter[str] = Counter()
    for finding in examined(Asked(options.config, options.profile)):
        counts[finding.level] += 1
        sys.stdout.write(f"{finding.level:4}  {finding.subject:11} {finding.seen}\n")
        if finding.fix:
            sys.stdout.write(f"      {'':11} fix: {finding.fix}\n")
        sys.stdout.flush()
    sys.stdout.write(", ".join(f"{counts[level]} {level}" for level in (PASS, WARN, FAIL)) + "\n")
    return int(counts[FAIL] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
