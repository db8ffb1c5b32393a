"""An experiment's own hypotheses, written in its file before it was run, and what became of them."""

import math

import pandas as pd

from rsuper.config.experiment import Experiment, Hypothesis
from rsuper.evaluate.seeds import over_seeds
from rsuper.publish.failed import failed_rows, judged
from rsuper.publish.verdict import verdict
from rsuper.stats.multiplicity import holm

COLUMNS = (
    "id",
    "statement",
    "budget",
    "method",
    "other",
    "expected",
    "target",
    "test_set",
    "metric",
    "difference",
    "ci_low",
    "ci_high",
    "p_value",
    "p_adjusted",
    "failed_runs",
    "verdict",
)
RULE = "validation"  # thresholds of F1: nothing that a hypothesis is judged by is tuned on a test set


def hypotheses_frame(
    comparisons: pd.DataFrame, experiment: Experiment, *, failed: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Judge every hypothesis in every target, test set and metric.

    Differences are those of the reference less the other row; with several seeds means over them, with
    intervals over seeds and cases. p-values (of AUC and F1) are adjusted by Holm over the targets, test sets
    and metrics of one hypothesis, and the verdict asks for both, interval and adjusted p. A hypothesis that
    expects the reference below holds where the interval lies below 0. With a failed run on either side
    nothing is decided.

    Args:
        comparisons: frame with the columns of COMPARISONS.
        experiment: with its hypotheses; none gives an empty frame.
        failed: frame with the columns of FAILED_RUNS; None: nothing failed.
    """
    settled = over_seeds(comparisons)
    parts = [_judged(hypothesis, settled, experiment, failed) for hypothesis in experiment.hypotheses]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def _judged(
    hypothesis: Hypothesis,
    comparisons: pd.DataFrame,
    experiment: Experiment,
    failed: pd.DataFrame | None,
) -> pd.DataFrame:
    cells = [
        _cell(hypothesis, comparisons, experiment, target, test_set, metric)
        for target in experiment.targets
        for test_set in experiment.test_sets
        for metric in hypothesis.metrics
    ]
    frame = pd.DataFrame(cells, columns=list(COLUMNS))
    tested = frame["p_value"].notna()
    if tested.any():
        frame.loc[tested, "p_adjusted"] = holm(frame.loc[tested, "p_value"].tolist())
    bounds = frame[["ci_low", "ci_high"]]
    if hypothesis.expected == "below":
        bounds = -bounds[["ci_high", "ci_low"]]
    level = experiment.evaluation.significance
    methods = (experiment.evaluation.reference, hypothesis.other)
    broken = {
        target: "; ".join(failed_rows(failed, hypothesis.budget, methods, target).values())
        for target in experiment.targets
    }
    frame["failed_runs"] = frame["target"].map(broken)
    frame["verdict"] = [
        judged(verdict(low, high, p, significance=level), failed=bool(broken[target]))
        for (low, high), p, target in zip(
            bounds.to_numpy(dtype=float), frame["p_adjusted"], frame["target"], strict=True
        )
    ]
    return frame


def _cell(
    hypothesis: Hypothesis,
    comparisons: pd.DataFrame,
    experiment: Experiment,
    target: str,
    test_set: str,
    metric: str,
) -> dict[str, object]:
    name, _, tumor = metric.partition("_")
    wanted = {
        "budget": hypothesis.budget,
        "method": experiment.evaluation.reference,
        "other": hypothesis.other,
        "target": target,
        "test_set": test_set,
    }
    found = comparisons[
        (comparisons[list(wanted)] == pd.Series(wanted)).all(axis=1)
        & (comparisons["stratum"] == "all")
        & (comparisons["metric"] == name)
        & (comparisons["rule"] == (RULE if name == "f1" else ""))
        & (comparisons["convention"] == ("tumor_cases" if tumor else ""))
    ]
    numbers = ("difference", "ci_low", "ci_high", "p_value")
    measured = {each: math.nan if found.empty else float(found.iloc[0][each]) for each in numbers}
    stated = {each: getattr(hypothesis, each) for each in ("id", "statement", "expected")}
    return stated | wanted | measured | {"metric": metric, "p_adjusted": math.nan, "failed_runs": ""}
