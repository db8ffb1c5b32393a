"""The undisturbed experiment in other ways: `python -m tests.faults.orders`.

One core or two, jobs in another order, another folder, another hash seed: every table must have the same
bytes, and so must what the tables are made from. Prints a row per way; ends with an error where one differs.
"""

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

import pandas as pd

from tests.faults.project import Project

# What stands between the rules, and says neither when nor how fast it was made.
MADE = (
    "*.csv",
    "raw/*/*.csv",
    "data/**/*.csv",
    "data/**/*.b2nd",
    "runs/**/*.nii.gz",
    "runs/**/*.csv",
    "table*",
)
WAYS: dict[str, tuple[int, tuple[str, ...], dict[str, str]]] = {
    "two cores": (2, (), {"PYTHONHASHSEED": "1"}),
    "one core, another hash seed": (1, (), {"PYTHONHASHSEED": "77"}),
    "greedy scheduler": (2, ("--scheduler", "greedy"), {"PYTHONHASHSEED": "random"}),
    "last rules first": (
        1,
        (
            "--scheduler",
            "greedy",
            "--prioritize",
            "results/faults/runs/full/silent/seed-0/cases/internal.csv",
        ),
        {},
    ),
}


def hashes(project: Project) -> dict[str, str]:
    """SHA-256 of all that must be the same, by name below the results."""
    root = project.results
    paths = {path for pattern in MADE for path in root.glob(pattern) if path.is_file()}
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)
    }


def main() -> None:
    """Run the experiment in each way, in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    rows, first = [], {}
    with tempfile.TemporaryDirectory(prefix="orders-") as folder:
        for number, (name, (cores, options, environment)) in enumerate(WAYS.items()):
            project = Project(Path(folder, *["deeper"] * number, f"way {number}"))
            project.folder.mkdir(parents=True)
            done = project.run(*options, cores=cores, **environment)
            assert done.status == 0, done.said[-3000:]
            found = hashes(project)
            first = first or found
            other = sorted(key for key in first.keys() | found.keys() if first.get(key) != found.get(key))
            rows.append({"way": name, "files": len(found), "differ": len(other), "first": (*other, "")[0]})
            sys.stdout.write(f"{rows[-1]}\n")
            sys.stdout.flush()
    table = pd.DataFrame(rows)
    sys.stdout.write(f"\n{table.to_string(index=False)}\n")
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        table.to_csv(asked.out / "orders.csv", index=False)
    raise SystemExit(bool(table["differ"].sum()))


if __name__ == "__main__":
    main()
