"""Numbers of the tables: values averaged over seeds, and the p-values behind the marks."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rsuper.config.experiment import Experiment
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
    """Look-up of METRICS: means over seeds; where one seed has no value there is no mean."""

    def __init__(self, metrics: pd.DataFrame, experiment: Experiment, rule: str) -> None:
        grouped = metrics.groupby(_KEYS, sort=False, dropna=False)
        frame = pd.DataFrame(
            {
                "value": grouped["value"].mean(skipna=False),
                "n_positive": grouped["n_positive"].max(),
                "n_negative": grouped["n_negative"].max(),
            }
        )
        rows = zip(frame["value"], frame["n_positive"], frame["n_negative"], strict=True)
        self._cells = {
            key: Cell(float(value), int(positive), int(negative))
            for key, (value, positive, negative) in zip(frame.index, rows, strict=True)
        }
        self._seeds = metrics.groupby(["budget", "method"])["seed"].nunique().to_dict()
        self._nsd = headline_nsd(experiment.evaluation)
        self._rule = rule

    def cell(self, budget: str, method: str, stratum: str, column: Column) -> Cell:
        """Return the number of one cell, NaN and no cases where nothing was measured."""
        name, convention = self._source(column.metric)
        rule = self._rule if name in _BY_RULE else ""
        key = (budget, method, column.test_set, column.target, stratum, name, convention, rule)
        return self._cells.get(key, Cell(float("nan"), 0, 0))

    def seeds(self, budget: str, method: str) -> int:
        """Return how many seeds a run has; 0 where it has none."""
        return int(self._seeds.get((budget, method), 0))

    def _source(self, metric: str) -> tuple[str, str]:
        """Return the metric's name and convention in METRICS."""
        base = metric.removesuffix("_tumor")
        name = self._nsd if base == "nsd" else base
        if base not in ("dsc", "nsd"):
            return name, ""
        return name, "all_cases" if base == metric else "tumor_cases"


class Marks:
    """Look-up of COMPARISONS for the significance marks.

    In an alternative's row the mark says that the reference is significantly above it; in the reference's
    row, that it is significantly above every alternative of its budget that was run (the largest p of all
    counts). With several seeds the largest p counts, so a mark has to hold in each. Ablations carry no marks,
    as in the paper.
    """

    def __init__(self, comparisons: pd.DataFrame, experiment: Experiment, rule: str) -> None:
        kept = comparisons[~comparisons["ablation"].astype(bool) & comparisons["rule"].isin(["", rule])]
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
        return Mark(p_value, p_adjusted, self._symbol(p_value, p_adjusted, group["difference"]))

    def _symbol(self, p_value: float, p_adjusted: float, differences: pd.Series) -> str:
        if not (differences > 0).all() or not p_value < self._level:
            return ""
        return "*†" if np.isfinite(p_adjusted) and p_adjusted < self._level else "*"
