"""Do the tests notice when the numeric core is changed? A seeded sample of mutants, each against the tests.

    make test-mutants        # python benchmarks/mutants.py --out results/reference/mutants

A mutant of `rsuper/losses/volume.py` runs against `tests/losses/test_volume.py`, then against the other tests
of `tests/losses`, until one fails. Called again it goes on where it stopped; with `--again` it tries only
those that survived, found by their lines. Left out: changes of annotations, docstrings and texts of errors,
and what does not compile. `README.md` beside the table answers what survived.
"""

import argparse
import csv
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":  # its own folder is on the path, not the repository
    sys.path.insert(0, str(ROOT))

from benchmarks.mutants_run import prepare, run  # noqa: E402
from benchmarks.mutants_sample import Mutant, sample  # noqa: E402

PACKAGES = ("losses", "metrics", "stats")
SLOW = ("test_calibration",)
# `first`: what became of it before tests were added for survivors.
KEY = ("file", "line", "operator", "before", "after")
COLUMNS = ["file", "line", "operator", "before", "after", "first", "outcome", "test", "seconds"]


def core(root: Path) -> list[str]:
    """List the files of the numeric core."""
    found = sorted(path for name in PACKAGES for path in (root / "rsuper" / name).glob("*.py"))
    return [str(path.relative_to(root)) for path in found]


def tests_of(root: Path, file: str) -> list[str]:
    """List the test files of a module's package: its own first, the slow ones last."""
    module = Path(file)
    found = (root / "tests" / module.parent.name).glob("test_*.py")
    key = {path: (path.stem in SLOW, path.stem != f"test_{module.stem}", path.stem) for path in found}
    return [str(path.relative_to(root)) for path in sorted(key, key=key.__getitem__)]


def tried(copy: Path, mutant: Mutant) -> dict[str, object]:
    """Run one mutant in a copy of the code, which is as it was afterwards."""
    file = copy / mutant.file
    kept = file.read_text("utf-8")
    file.write_text(mutant.code, "utf-8")
    try:
        outcome, test, seconds = run(copy, tests_of(copy, mutant.file))
    finally:
        file.write_text(kept, "utf-8")
    return {"outcome": outcome, "test": test, "seconds": round(seconds, 1)}


def found_again(root: Path, row: dict[str, str]) -> Mutant:
    """Make the mutant of a row again, on lines that may have moved."""
    code = (root / row["file"]).read_text("utf-8")
    starts = [k for k in range(len(code)) if code.startswith(row["before"] + "\n", k)]
    if not starts:
        raise ValueError(f"{row['file']} has no more the line {row['before'].strip()!r}: draw a new sample")
    start = min(starts, key=lambda k: abs(code.count("\n", 0, k) + 1 - int(row["line"])))
    changed = code[:start] + row["after"] + code[start + len(row["before"]) :]
    line = code.count("\n", 0, start) + 1
    return Mutant(row["file"], line, row["operator"], row["before"], row["after"], changed)


def as_row(mutant: Mutant, first: str, result: dict[str, object]) -> dict[str, object]:
    """Give a mutant's row of the table."""
    what = {name: getattr(mutant, name) for name in COLUMNS[:5]}
    return {**what, "first": first or result["outcome"], **result}


def write(rows: list[dict[str, object]], file: Path) -> None:
    """Write the table, sorted by place."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: (row["file"], int(str(row["line"])), row["operator"])))


def main() -> None:
    """Try the mutants, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--number", type=int, default=300)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--minutes", type=float, default=60.0, help="of processor time")
    parser.add_argument(
        "--again", action="store_true", help="only those that survived in the table that is there"
    )
    told = parser.parse_args()
    table, rows = told.out / "mutants.csv", []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve()
        for name in ("rsuper", "tests", "methods", "benchmarks", "config", "pyproject.toml"):
            place = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            place(ROOT / name, copy / name)
        prepare(copy)
        files = core(ROOT)
        for package in PACKAGES:
            outcome, test, _ = run(copy, tests_of(copy, f"rsuper/{package}/none.py"))
            if outcome != "survived":
                sys.exit(f"the tests of {package} fail without any change: {outcome} {test}")
        old = list(csv.DictReader(table.open(encoding="utf-8"))) if table.exists() else []
        if told.again:
            rows = [dict(row) for row in old if row["outcome"] == "killed"]
            todo = [(found_again(ROOT, row), row["first"]) for row in old if row["outcome"] != "killed"]
        else:
            rows = [dict(row) for row in old]
            known = {tuple(row[name] for name in KEY) for row in old}
            drawn = sample(ROOT, files, told.number, told.seed)
            todo = [
                (each, "") for each in drawn if tuple(str(getattr(each, name)) for name in KEY) not in known
            ]
        used = 0.0
        for number, (mutant, first) in enumerate(todo, 1):
            if used > 60 * told.minutes:
                print(f"{told.minutes:g} minutes are over: {len(todo) - number + 1} not tried")
                break
            rows.append(as_row(mutant, first, tried(copy, mutant)))
            used += float(str(rows[-1]["seconds"]))
            write(rows, table)
            print(number, *(str(rows[-1][name]).strip() for name in COLUMNS), sep=" | ", flush=True)
    print(f"{len(rows)} mutants:", dict(Counter(str(row["outcome"]) for row in rows)), "->", table)


if __name__ == "__main__":
    main()
