"""Fuzz one target after another for some minutes each, and write down what came of it: `make fuzz`.

    python -m tests.fuzz.run --minutes 10 --out results/reference/fuzz

Rounds of Hypothesis, each with a seed of its own, until the time is over. A failure is shrunk and kept in
failures_<target>.json with the input that makes it again; then the next round goes on. Ends with 1 where
there was any.
"""

import argparse
import resource
import sys
import time
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisWarning

from rsuper.files import write_atomically, write_json
from rsuper.installation import checkout, versions
from tests.fuzz.targets import ROOT, TARGETS, Target

EXAMPLES = 400  # of a round
SLOW_S = 20.0  # an input that takes longer is a failure, too
MEMORY_BYTES = 8 * 2**30  # so is one that asks for more


@dataclass
class Found:
    """What a target did with its inputs."""

    inputs: int = 0
    accepted: int = 0
    slowest_s: float = 0.0
    rounds: int = 0
    failures: dict[str, str] = field(default_factory=dict)  # what and where -> the input


def one_round(target: Target, number: int, found: Found, until: float) -> None:
    """Give a target one round of inputs; what is left of it when the time is over is passed by."""
    failing: list[Any] = []

    @seed(number)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(target.inputs())
    def fuzzed(value: Any) -> None:
        if time.monotonic() > until:
            return
        started = time.monotonic()
        failing[:] = [value]
        found.accepted += target.check(value)
        found.inputs += 1
        took = time.monotonic() - started
        found.slowest_s = max(found.slowest_s, took)
        assert took < SLOW_S, f"took {took:.0f} s"
        failing.clear()

    try:
        fuzzed()
    except Exception as raised:  # noqa: BLE001  (whatever it is, it is what is looked for)
        error = raised.exceptions[0] if isinstance(raised, ExceptionGroup) else raised
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno} ({last.name}): {error}"
        found.failures.setdefault(place[:500], repr(failing[0])[:100_000] if failing else "")
    found.rounds += 1


def fuzz(name: str, minutes: float, first_seed: int) -> Found:
    """Fuzz one target."""
    found, until, number = Found(), time.monotonic() + 60 * minutes, first_seed
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", HypothesisWarning)  # that it prints a long input
        while time.monotonic() < until:
            one_round(TARGETS[name], number, found, until)
            number += 1
    return found


def main(arguments: list[str] | None = None) -> int:
    """Fuzz, and write a row per target; rows of other targets that stand there already are kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run")
    parser.add_argument("--minutes", type=float, default=10.0, help="per target")
    parser.add_argument("--targets", nargs="+", choices=list(TARGETS), default=list(TARGETS))
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    given_ = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    failed = False
    for name in given_.targets:
        found = fuzz(name, given_.minutes, given_.first_seed)
        failed = failed or bool(found.failures)
        _write(given_.out, name, given_.minutes, given_.first_seed, found)
        sys.stdout.write(
            f"{name}: {found.inputs} inputs, {found.accepted} accepted, {len(found.failures)} failures\n"
        )
    return int(failed)


def _write(out: Path, name: str, minutes: float, first_seed: int, found: Found) -> None:
    path = out / "fuzz.csv"
    row = {
        "target": name,
        "minutes": f"{minutes:g}",
        "first_seed": first_seed,
        "rounds": found.rounds,
        "inputs": found.inputs,
        "accepted": found.accepted,
        "refused": found.inputs - found.accepted,
        "slowest_s": f"{found.slowest_s:.2f}",
        "failures": len(found.failures),
        "commit": checkout(ROOT)["commit"],
        "python": versions()["python"],
    }
    old = pd.read_csv(path, dtype=str, keep_default_na=False) if path.is_file() else pd.DataFrame()
    kept = old[old["target"] != name] if len(old) else old
    table = pd.concat([kept, pd.DataFrame([row])], ignore_index=True)
    write_atomically(path, lambda temporary: table.to_csv(temporary, index=False))
    if found.failures:
        write_json(found.failures, out / f"failures_{name}.json")
    else:
        (out / f"failures_{name}.json").unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
