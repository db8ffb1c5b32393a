"""Failed runs in tables, claims and hypotheses: never averaged in without a word."""

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from rsuper.evaluate.seeds import ALL_SEEDS
from rsuper.publish.rows import Card, label_of
from rsuper.publish.verdict import CONTRADICTED, HOLDS, UNDECIDED

FAILED_MARK = "‡"
# What a note says of the means: name in METRICS, convention, name in print.
_TOLD = (("auc", "", "AUC"), ("dsc", "all_cases", "DSC"))


def seeds_failed(failed: pd.DataFrame | None, budget: str, method: str, target: str) -> list[str]:
    """List the seeds of a row that failed on a target.

    Args:
        failed: columns of FAILED_RUNS; None: nothing failed.
        budget: of the row.
        method: of the row.
        target: what it answers for.
    """
    if failed is None:
        return []
    own = (failed["budget"] == budget) & (failed["method"] == method) & failed["target"].isin(["", target])
    return sorted(failed.loc[own, "seed"].astype(str).unique())


def failed_text(failed: pd.DataFrame | None, budget: str, method: str, targets: Sequence[str]) -> str:
    """Name the failed seeds of a row per target, as `kidney: 1, 2`; "" where none failed."""
    found = [(target, seeds_failed(failed, budget, method, target)) for target in targets]
    return "; ".join(f"{target}: {', '.join(seeds)}" for target, seeds in found if seeds)


def failed_rows(
    failed: pd.DataFrame | None, budget: str, methods: Sequence[str], target: str
) -> dict[str, str]:
    """Name the failed seeds of those rows of a comparison that have some, by method."""
    found = {method: failed_text(failed, budget, method, [target]) for method in methods}
    return {method: f"{method}, {text}" for method, text in found.items() if text}


def judged(verdict: str, *, failed: bool) -> str:
    """Leave undecided what a failed run on either side would decide: the difference may be its failure."""
    return UNDECIDED if failed and verdict in (HOLDS, CONTRADICTED) else verdict


def marked(frame: pd.DataFrame) -> pd.DataFrame:
    """Mark the labels of a table's rows with failed runs, for print."""
    marks = frame["failed_seeds"].map(lambda text: f" {FAILED_MARK}" if text else "")
    return frame.assign(label=frame["label"] + marks)


def failed_notes(failed: pd.DataFrame, metrics: pd.DataFrame, cards: Sequence[Card]) -> list[str]:
    """Say below a table what failed, and what the means would be without it; nothing where nothing failed.

    Args:
        failed: columns of FAILED_RUNS.
        metrics: columns of METRICS.
        cards: of the method folders that are there, for printed names.
    """
    notes = []
    for budget, method in sorted(set(zip(failed["budget"], failed["method"], strict=True))):
        rows = failed[(failed["budget"] == budget) & (failed["method"] == method)]
        said = "; ".join(
            f"seed {row.seed}{f', {row.target}' if row.target else ''}: {row.finding}"
            for row in rows.itertuples(index=False)
        )
        own = metrics[(metrics["budget"] == budget) & (metrics["method"] == method)]
        effect = "; ".join(_effects(own, failed, budget, method))
        which = f"{label_of(method, cards)} at budget {budget}"
        text = f"{FAILED_MARK} Failed runs of {which} (failed_runs.csv), in its numbers: {said}. {effect}"
        notes.append(text.strip())
    return notes


def _effects(own: pd.DataFrame, failed: pd.DataFrame, budget: str, method: str) -> Iterator[str]:
    """Means with the failed seeds and without, per target and test set."""
    single = own[(own["stratum"] == "all") & (own["seed"] != ALL_SEEDS)]
    for target, rows in single.groupby("target", sort=True):
        seeds = seeds_failed(failed, budget, method, str(target))
        left = rows[~rows["seed"].isin(seeds)]
        if seeds and left.empty:
            yield f"{target}: no seed is left without them"
        elif seeds:
            yield f"{target} without them: {', '.join(_means(left, rows))}"


def _means(left: pd.DataFrame, rows: pd.DataFrame) -> Iterator[str]:
    for test_set in sorted(rows["test_set"].unique()):
        for metric, convention, name in _TOLD:
            without, with_them = (
                part.loc[
                    (part["test_set"] == test_set)
                    & (part["metric"] == metric)
                    & (part["convention"] == convention),
                    "value",
                ].mean()
                for part in (left, rows)
            )
            if not (math.isnan(without) or math.isnan(with_them)):
                yield f"{test_set} {name} {100 * without:.1f} instead of {100 * with_them:.1f}"
