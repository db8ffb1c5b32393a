"""Which runs the overlays and the landing show, and which one chooses; light, as the Snakefile imports it."""

from collections.abc import Sequence

from rsuper.config.experiment import Experiment

Run = tuple[str, str, int]  # budget, method, seed


def shown_runs(runs: Sequence[Run], experiment: Experiment) -> list[Run]:
    """Keep the runs of the first seed that are no controls, in the experiment's order."""
    first = experiment.seeds[0]
    return [run for run in runs if run[2] == first and run[1] not in experiment.all_controls]


def landed_runs(runs: Sequence[Run], experiment: Experiment) -> list[Run]:
    """Keep the runs of the reference method and its variants, controls among them."""
    reference = experiment.evaluation.reference.partition("-")[0]
    return [run for run in runs if run[1].partition("-")[0] == reference]


def choosing_run(runs: Sequence[Run], experiment: Experiment) -> Run | None:
    """Return the run whose results choose the cases: the reference method at its last budget.

    Where the reference is not run, the last run; None without a run.
    """
    shown = shown_runs(runs, experiment)
    own = [run for run in shown if run[1] == experiment.evaluation.reference]
    candidates = own or shown
    return candidates[-1] if candidates else None
