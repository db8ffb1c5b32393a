"""Which cases the report shows of every run: its best, its worst and its false alarms."""

from collections.abc import Sequence

import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.publish.figures.overlay_cases import Choice, scored_by, worst_first
from rsuper.publish.figures.shown_runs import Run

BEST, WORST, FALSE_ALARM = "best", "worst", "false alarm"
EACH = 2  # cases of a kind, at most


def choose_extremes(cases: pd.DataFrame, run: Run, experiment: Experiment) -> list[Choice]:
    """Choose the cases that tell most about a run, per target over all test sets; as many for any cohort.

    `worst` has the lowest Dice among the cases with a tumor mask, of equals the largest tumor; `best` the
    highest, of equals the smallest. `false alarm` has the highest case score among the cases without such a
    tumor. A failed case has Dice 0. No case is both best and worst: of few cases the worst come first.

    Args:
        cases: columns of CASES with budget, method and seed.
        run: budget, method and seed.
        experiment: orders the targets and names the case score.
    """
    scored = scored_by(run, cases, experiment)
    return [
        choice
        for target in experiment.targets
        for choice in _of_target(scored[scored["target"] == target], target)
    ]


def _of_target(scored: pd.DataFrame, target: str) -> Sequence[Choice]:
    tumors, free = worst_first(scored)
    worst = tumors.iloc[:EACH]
    best = tumors.iloc[len(worst) :].iloc[::-1].iloc[:EACH]
    return [
        Choice(target, kind, str(row["case_id"]), str(row["test_set"]))
        for kind, rows in ((BEST, best), (WORST, worst), (FALSE_ALARM, free.iloc[:EACH]))
        for _, row in rows.iterrows()
    ]
