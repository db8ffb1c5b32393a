"""Where the numbers of the report come from: code, versions, machines, runs, the experiment itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from rsuper.config.experiment import Experiment
from rsuper.publish.figures.shown_runs import Run
from rsuper.publish.html.cost import device_of
from rsuper.publish.html.grid import Grid, listed
from rsuper.publish.rows import Card, label_of

Records = Mapping[Run, Mapping[str, Any]]
_RUNS = {
    "label": "Method",
    "budget": "Budget",
    "seed": "Seed",
    "version": "Version",
    "commit": "Commit",
    "code": "Code",
    "cohort": "Cohort",
    "repeatable": "Same again bit by bit",
    "ended": "Ended",
}


def origin(experiment: Experiment, experiment_file: Path, records: Records) -> list[tuple[str, str]]:
    """List what holds for the whole experiment; where runs differ, every value that occurs."""
    every = list(records.values())
    commits = {f"{each['commit'][:12]}{' with changes' if each['dirty'] else ''}" for each in every}
    versions = {", ".join(f"{name} {number}" for name, number in each["versions"].items()) for each in every}
    return [
        ("Experiment", f"{experiment.name} ({experiment_file.name})"),
        ("Training seeds", ", ".join(map(str, experiment.seeds))),
        ("Seed of the data", str(experiment.data_seed)),
        ("Commit", "; ".join(sorted(commits))),
        ("Machines", "; ".join(sorted({device_of(each) for each in every}))),
        ("Versions", "; ".join(sorted(versions))),
    ]


def runs_grid(records: Records, cards: Sequence[Card]) -> Grid:
    """List every run with what identifies it."""
    rows = [
        {
            "label": label_of(method, cards),
            "budget": budget,
            "seed": str(seed),
            "version": str(record["card"]["version"]),
            "commit": record["commit"][:12] + (" with changes" if record["dirty"] else ""),
            "code": record["code_fingerprint"],
            "cohort": record["cohort_sha256"],
            "repeatable": "yes" if record["deterministic"] else f"no: {record['deterministic_reason']}",
            "ended": record["ended"][:16].replace("T", " "),
        }
        for (budget, method, seed), record in records.items()
    ]
    return listed(pd.DataFrame(rows, columns=list(_RUNS)), "runs-grid", "Runs (run.json)", _RUNS)


def resolved(experiment: Experiment) -> str:
    """Write the experiment as YAML with all defaults."""
    text: str = yaml.safe_dump(
        experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100
    )
    return text
