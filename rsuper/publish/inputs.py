"""What every published table and figure is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rsuper.artifacts import read_json, read_table
from rsuper.config.experiment import Experiment
from rsuper.config.load import load_experiment
from rsuper.methods import available, find
from rsuper.publish.rows import Card
from rsuper.publish.table2 import Supervision
from rsuper.schemas import COMPARISONS, FAILED_RUNS, LEAKED, METRICS


@dataclass(frozen=True)
class Inputs:
    """The long forms, the experiment, the cards of the method folders, and what each run was trained on."""

    experiment: Experiment
    cards: Sequence[Card]
    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    masks: Mapping[str, Mapping[str, int]]  # per budget: tumor CTs with masks, per target
    supervision: Supervision
    failed: pd.DataFrame  # runs that collapsed or did not learn
    leaked: pd.DataFrame  # test cases whose patient is in training too; none where such a run is stopped

    @classmethod
    def read(
        cls,
        experiment_file: Path,
        metrics: Path,
        comparisons: Path,
        supervision: Path,
        failed: Path,
        leaked: Path | None = None,
    ) -> "Inputs":
        """Read everything.

        Raises:
            ArtifactError: a file is missing or has the wrong columns.
        """
        experiment = load_experiment(experiment_file)
        budgets = read_json(supervision)
        return cls(
            experiment=experiment,
            cards=list(available().values()),
            metrics=read_table(metrics, METRICS),
            comparisons=read_table(comparisons, COMPARISONS),
            masks={budget: counts["masks"] for budget, counts in budgets.items()},
            supervision={
                (budget, method): _seen_by(method, counts)
                for budget, counts in budgets.items()
                for method in (*experiment.budgets[budget].methods, *experiment.budgets[budget].controls)
            },
            failed=read_table(failed, FAILED_RUNS),
            leaked=pd.DataFrame(columns=list(LEAKED.columns))
            if leaked is None
            else read_table(leaked, LEAKED),
        )


def _seen_by(method: str, counts: Mapping[str, Mapping[str, int]]) -> tuple[dict[str, int], dict[str, int]]:
    found = find(method)
    uses, targets = found.card.uses, found.targets(list(counts["masks"]))
    masks = {target: counts["masks"][target] if uses.masks else 0 for target in targets}
    reports = {target: counts["reports"][target] if uses.reports != "none" else 0 for target in targets}
    return masks, reports
