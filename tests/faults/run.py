"""Many random faults: `python -m tests.faults.run --faults 100 --seed 0 --out results/reference/faults`.

Prints, and writes as CSV, how many faults of each kind there were and what became of them; a second table has
every fault with its seed.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from tests.faults.kinds import AS_ROOT, HALFWAY, KINDS
from tests.faults.project import Project
from tests.faults.trial import Outcome, trial

VERDICTS = ("same", "mended", "lost", "wrong", "unexplained")


def finished(folder: Path) -> Project:
    """The undisturbed experiment."""
    project = Project(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if len(project.tables()) == 0:
        done = project.run()
        assert done.status == 0, done.said[-3000:]
    return project


def planned(faults: int) -> list[str]:
    """Kinds in turn; without root those that mount something are left out, which is said."""
    kinds = [kind for kind in KINDS if kind != HALFWAY]
    if os.geteuid() != 0:
        sys.stderr.write(f"not root: no faults of the kinds {', '.join(AS_ROOT)}\n")
        kinds = [kind for kind in kinds if kind not in AS_ROOT]
    return [kinds[number % len(kinds)] for number in range(faults)]


def told(base: Project, kind: str, seed: int, number: int, folder: Path) -> Outcome:
    """One fault, and a line about it; what was told before in this folder is not done again.

    Where it did not end well, its folder stays.
    """
    place, known = folder / f"fault-{number}", folder / f"fault-{number}.json"
    if known.is_file():
        return Outcome(**json.loads(known.read_text(encoding="utf-8")))
    outcome = trial(base, kind, seed * 1000 + number, place)
    known.write_text(json.dumps(asdict(outcome)), encoding="utf-8")
    said = f"    {outcome.said[-400:]}\n" if outcome.said else ""
    line = f"{number} {kind}: {outcome.what}: {outcome.verdict} ({outcome.seconds:.0f} s)\n"
    sys.stdout.write(line + said)
    sys.stdout.flush()
    if outcome.verdict in ("same", "mended"):
        shutil.rmtree(place, ignore_errors=True)  # a job whose Snakemake was killed may still write there
    return outcome


def counted(outcomes: list[Outcome]) -> pd.DataFrame:
    """Faults by kind, and what became of them."""
    frame = pd.DataFrame(map(asdict, outcomes))
    table = pd.crosstab(frame["kind"], frame["verdict"]).reindex(columns=list(VERDICTS), fill_value=0)
    table.insert(0, "faults", table.sum(axis=1))
    table["longest_s"] = frame.groupby("kind")["seconds"].max().round().astype(int)
    table.loc["all"] = [*table.drop(columns="longest_s").sum(), table["longest_s"].max()]
    return table.rename(
        columns={
            "same": "same_tables",
            "mended": "same_tables_after_remedy",
            "lost": "lost_results",
            "wrong": "wrong_tables",
            "unexplained": "unexplained_errors",
        }
    ).rename_axis("kind")


def main() -> None:
    """Run the faults that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument(
        "--halfway", type=int, default=0, help="faults of a training killed halfway, after them"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first fault")
    parser.add_argument("--kind", choices=list(KINDS), help="faults of one kind alone")
    parser.add_argument("--workers", type=int, default=1, help="faults at a time")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--folder", type=Path, help="where the runs lie; kept, with what was disturbed")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="faults-"))
    base = finished(folder / "undisturbed")
    kinds = [asked.kind] * asked.faults if asked.kind else planned(asked.faults)
    kinds += [HALFWAY] * asked.halfway
    numbers = range(asked.first, len(kinds))
    with ThreadPoolExecutor(asked.workers) as workers:
        outcomes = list(
            workers.map(lambda number: told(base, kinds[number], asked.seed, number, folder), numbers)
        )
    table = counted(outcomes)
    sys.stdout.write(f"\n{table.to_string()}\n")
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        table.to_csv(asked.out / "faults.csv")
        rows = pd.DataFrame(map(asdict, outcomes)).drop(columns=["seconds"])
        rows.to_csv(asked.out / "every_fault.csv", index_label="number")
    if asked.folder is None:
        shutil.rmtree(folder)
    raise SystemExit(bool(table.loc["all", ["lost_results", "wrong_tables", "unexplained_errors"]].sum()))


if __name__ == "__main__":
    main()
