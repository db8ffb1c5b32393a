"""The tables of cases of several runs as one frame."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from rsuper.artifacts import Layout, cases_table, read_table
from rsuper.schemas import CASES, LEAKED


def read_cases(
    layout: Layout,
    runs: Sequence[tuple[str, str, int]],
    test_sets: Sequence[str],
    *,
    leaked: str | Path | None = None,
) -> pd.DataFrame:
    """Read the tables of cases of runs (budget, method, seed) and say in three columns whose row each is.

    No runs give an empty frame with all columns. The cases of the table `leaked`, of patients who are in
    training too, are left out where it is given.

    Raises:
        ArtifactError: a table is missing or has the wrong columns.
    """
    frames = [
        read_table(cases_table(layout.run(budget, method, seed), test_set), CASES).assign(
            budget=budget, method=method, seed=seed
        )
        for budget, method, seed in runs
        for test_set in test_sets
    ]
    if not frames:
        return pd.DataFrame(columns=[*CASES.columns, "budget", "method", "seed"])
    cases = pd.concat(frames, ignore_index=True)
    if leaked is None:
        return cases
    kept = ~cases["case_id"].isin(list(read_table(Path(leaked), LEAKED)["case_id"]))
    return cases[kept].reset_index(drop=True)
