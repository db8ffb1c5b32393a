"""Whether the experiment file can be run: it loads, its methods are there, and its data lie where it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rsuper.doctor.findings import FAIL, PASS, Asked, Finding

if TYPE_CHECKING:
    from rsuper.config.experiment import Experiment


def rows_of(experiment: Experiment) -> list[str]:
    """Rows of all budgets: the methods, and the controls that are trained."""
    return [row for budget in experiment.budgets.values() for row in (*budget.methods, *budget.controls)]


def experiment(asked: Asked) -> list[Finding]:
    """Read the experiment file, and the cards of the methods that it names."""
    from rsuper.config.load import load_experiment
    from rsuper.errors import RsuperError
    from rsuper.methods import refuse_unknown, with_upstream

    try:
        loaded = load_experiment(asked.config)
        rows = rows_of(loaded)
        methods = with_upstream([*rows, *loaded.controls])
        refuse_unknown(loaded.methods, asked.config)
        for method in methods.values():
            method.targets(loaded.targets)
    except RsuperError as error:
        fix = "ls config/*.yaml" if not asked.config.is_file() else f"${{EDITOR:-vi}} {asked.config}"
        return [Finding(FAIL, "experiment", str(error), fix)]
    seen = f"{asked.config}: {len(rows)} rows, {len(loaded.datasets)} data sets, seeds {list(loaded.seeds)}"
    return [Finding(PASS, "experiment", seen)]


def data(asked: Asked) -> list[Finding]:
    """Look for the folders of data that no rule makes."""
    from rsuper.config.load import load_experiment
    from rsuper.data.sources.real_anatomy.catalog import real_data_folder
    from rsuper.errors import RsuperError

    loaded = load_experiment(asked.config)
    missing = []
    for name, dataset in loaded.datasets.items():
        folders = [dataset.root, *dataset.roots.values()] if dataset.root else []
        missing += [f"{name}: {folder}" for folder in folders if not Path(folder).is_dir()]
    if any(dataset.source == "real_anatomy" for dataset in loaded.datasets.values()):
        try:
            real_data_folder()
        except RsuperError as error:
            return [Finding(FAIL, "data", str(error), "export RSUPER_REAL_DATA=folder")]
    if missing:
        seen = f"no such folder: {', '.join(missing)} (what to put there: docs/data.md)"
        return [Finding(FAIL, "data", seen, f"head -30 {asked.config}")]
    made = sum(dataset.root is None for dataset in loaded.datasets.values())
    return [Finding(PASS, "data", f"{made} data sets made by a rule, {len(loaded.datasets) - made} in place")]
