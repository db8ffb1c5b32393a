"""Numbers of the tables, of all seeds together, and the p-values behind the marks."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.evaluate.seeds import ALL_SEEDS, count_seeds, over_seeds
from rsuper.publish.columns import Column, headline_nsd

_KEYS = ["budget", "method", "test_set", "target", "stratum", "metric", "convention", "rule"]
_BY_RULE = ("f1", "sensitivity", "specificity")


@dataclass(frozen=True)
class Cell:
    """One number of a table; NaN where there is none."""

    value: float
    n_positive: int
    n_negative: int


@dataclass(frozen=True)
class Mark:
    """Significance of the reference's gain over a row; NaN where nothing was tested."""

    p_value: float
    p_adjusted: float
    symbol: str  # "" | "*" | "*†"


NO_MARK = Mark(float("nan"), float("nan"), "")


class Values:
    """Look-up of METRICS: means over seeds; where one seed has no value there is no mean.

    Raises:
        ArtifactError: a run has several seeds, but no rows of all of them.
    """

    def __init__(self, metrics: pd.DataFrame, experiment: Experiment, rule: str) -> None:
        rows = over_seeds(metrics)[[*_KEYS, "value", "n_positive", "n_negative"]]
        self._cells = {
            tuple(key): Cell(float(value), int(positive), int(negative))
            for *key, value, positive, negative in rows.itertuples(index=False, name=None)
        }
        self._seeds = count_seeds(metrics)
        self._nsd = headline_nsd(experiment.evaluation)
        self._rule = rule

    def cell(self, budget: str, method: str, stratum: str, column: Column) -> Cell:
        """Return the number of one cell, NaN and no cases where nothing was measured."""
        name, convention, rule = self.source(column.metric)
        key = (budget, method, column.test_set, column.target, stratum, name, convention, rule)
        return self._cells.get(key, Cell(float("nan"), 0, 0))

    def seeds(self, budget: str, method: str) -> int:
        """Return how many seeds a run has; 0 where it has none."""
        return self._seeds.get((budget, method), 0)

    def source(self, metric: str) -> tuple[str, str, str]:
        """Return where a column's numbers stand in METRICS: metric, convention and threshold rule."""
        base = metric.removesuffix("_tumor")
        name = self._nsd if base == "nsd" else base
        rule = self._rule if name in _BY_RULE else ""
        if base not in ("dsc", "nsd"):
            return name, "", rule
        return name, "all_cases" if base == metric else "tumor_cases", rule


class Marks:
    """Look-up of COMPARISONS for the significance marks.

    In an alternative's row the mark says that the reference is significantly above it; in the reference's
    row, that it is significantly above every alternative of its budget that was run (the largest p of all
    counts). With several seeds the tests take the trained networks as given, so a mark also asks that the
    interval over seeds and cases lies above 0. Ablations carry no marks, as in the paper.
    """

    def __init__(self, comparisons: pd.DataFrame, experiment: Experiment, rule: str) -> None:
        settled = over_seeds(comparisons)
        kept = settled[~settled["ablation"].astype(bool) & settled["rule"].isin(["", rule])]
        keys = ["budget", "test_set", "target", "stratum", "metric"]
        self._groups = dict(iter(kept.groupby(keys, sort=False)))
        self._reference = experiment.evaluation.reference
        self._level = experiment.evaluation.significance

    def mark(self, budget: str, method: str, stratum: str, column: Column) -> Mark:
        """Return the mark of one cell."""
        group = self._groups.get((budget, column.test_set, column.target, stratum, column.metric))
        if group is None:
            return NO_MARK
        if method != self._reference:
            group = group[group["other"] == method]
        if group.empty or group["p_value"].isna().any():
            return NO_MARK
        p_value, p_adjusted = float(group["p_value"].max()), float(group["p_adjusted"].max(skipna=False))
        return Mark(p_value, p_adjusted, self._symbol(p_value, p_adjusted, group))

    def _symbol(self, p_value: float, p_adjusted: float, group: pd.DataFrame) -> str:
        above = (group["difference"] > 0) & ((group["seed"] != ALL_SEEDS) | (group["ci_low"] > 0))
        if not above.all() or not p_value < self._level:
            return ""
        return "*†" if np.isfinite(p_adjusted) and p_adjusted < self._level else "*"
