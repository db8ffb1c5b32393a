"""The paper's claims against our numbers: what holds, what does not, what cannot be said."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import pandas as pd
import yaml

from rsuper.config.experiment import Experiment
from rsuper.evaluate.seeds import over_seeds
from rsuper.publish.cells import Values
from rsuper.publish.columns import Column, our_test_set
from rsuper.publish.failed import failed_rows, judged
from rsuper.publish.rows import FEW
from rsuper.publish.verdict import CONTRADICTED, HOLDS, NOT_TESTABLE, UNDECIDED, verdict, verdict_over

COLUMNS = (
    "id",
    "statement",
    "where",
    "method",
    "others",
    "budget",
    "target",
    "test_set",
    "paper_test_set",
    "stratum",
    "metric",
    "paper_method",
    "paper_other",
    "ours_method",
    "ours_other",
    "compared_with",
    "difference",
    "ci_low",
    "ci_high",
    "p_value",
    "failed_runs",
    "verdict",
    "why",
)
FAILED = "; left undecided where a run failed (failed_runs)"
# Masks that the paper's rows of a budget were trained with.
PAPER_MASKS = {
    (FEW, "pancreas"): 50,
    (FEW, "kidney"): 50,
    ("full", "pancreas"): 344,
    ("full", "kidney"): 1674,
}


@dataclass(frozen=True)
class Claim:
    """One claim of the paper: `method` is above each of `others` in one number."""

    id: str
    statement: str
    where: str
    method: str
    others: tuple[str, ...]
    budget: str
    target: str
    test_set: str  # as the paper calls it
    stratum: str
    metric: str
    not_testable: str = ""


@dataclass(frozen=True)
class Difference:
    """Our difference between a claim's method and one alternative; NaN with a reason where there is none."""

    other: str
    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    reason: str = ""


def claims_frame(
    metrics: pd.DataFrame,
    comparisons: pd.DataFrame,
    experiment: Experiment,
    *,
    failed: pd.DataFrame | None = None,
    claims: Sequence[Claim] | None = None,
    rule: str = "oracle_test",
) -> pd.DataFrame:
    """Put each claim's numbers in the paper beside ours, with a verdict and why.

    All numbers are fractions. Where a claim is about several alternatives, `paper_other` is the paper's best
    of them, and ours is the one that the difference is least sure to exceed, named in `compared_with`. With
    several seeds the values are means over them, and the intervals are over seeds and cases. `failed_runs`
    names the seeds that collapsed or did not learn: with one on either side a comparison decides nothing.

    Args:
        metrics: frame with the columns of METRICS.
        comparisons: frame with the columns of COMPARISONS; its method must be the claims' method.
        experiment: names the test sets that stand for the paper's.
        failed: frame with the columns of FAILED_RUNS; None: nothing failed.
        claims: None takes the paper's.
        rule: threshold rule of F1.
    """
    values, settled = Values(metrics, experiment, rule), over_seeds(comparisons)
    rows = [
        _row(claim, values, settled, experiment, rule, failed)
        for claim in (paper_claims() if claims is None else claims)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def paper_claims() -> list[Claim]:
    """Read the paper's claims, one per cell."""
    text = resources.files("rsuper.publish").joinpath("paper/claims.yaml").read_text(encoding="utf-8")
    return [claim for entry in yaml.safe_load(text) for claim in _expand(entry)]


@cache
def reported_results() -> Mapping[tuple[str, str, int, str, str, str], float]:
    """Read the paper's Tables 2 and 3 as fractions, by size, method, masks, target, test set and metric.

    Cells that are unreadable in our copy are NaN.
    """
    source = resources.files("rsuper.publish").joinpath("paper/reported_results.csv")
    with source.open(encoding="utf-8") as stream:
        frame = pd.read_csv(stream)
    keys = ["size", "method", "masks", "target", "test_set", "metric"]
    return {
        tuple(key): value / 100 for *key, value in frame[[*keys, "value"]].itertuples(index=False, name=None)
    }


def _expand(entry: Mapping[str, object]) -> Iterator[Claim]:
    shared = {name: str(entry[name]) for name in ("where", "method", "budget")}
    others, cells = entry["others"], entry["cells"]
    assert isinstance(others, list)
    assert isinstance(cells, list)
    for target, test_set, stratum, metric in cells:
        yield Claim(
            id=f"{entry['id']}/{target}/{test_set}/{metric}",
            statement=str(entry["statement"]).format(target=target),
            others=tuple(others),
            target=target,
            test_set=test_set,
            stratum=stratum,
            metric=metric,
            not_testable=str(entry.get("not_testable", "")),
            **shared,
        )


def _row(
    claim: Claim,
    values: Values,
    comparisons: pd.DataFrame,
    experiment: Experiment,
    rule: str,
    failed: pd.DataFrame | None,
) -> dict[str, object]:
    test_set = our_test_set(claim.test_set, experiment)
    column = Column(claim.target, test_set, claim.metric)
    found = [_difference(claim, other, test_set, comparisons, experiment, rule) for other in claim.others]
    level = experiment.evaluation.significance
    broken = failed_rows(failed, claim.budget, (claim.method, *claim.others), claim.target)
    measured = [verdict(item.ci_low, item.ci_high, item.p_value, significance=level) for item in found]
    verdicts = [
        judged(each, failed=bool({claim.method, item.other} & set(broken)))
        for item, each in zip(found, measured, strict=True)
    ]
    overall = NOT_TESTABLE if claim.not_testable else verdict_over(verdicts)
    weakest = min(found, key=lambda item: math.inf if math.isnan(item.ci_low) else item.ci_low)

    def value(method: str) -> float:
        return round(values.cell(claim.budget, method, claim.stratum, column).value, 4)

    best = [number for other in claim.others if not math.isnan(number := _reported(claim, other))]
    return {
        **{name: getattr(claim, name) for name in COLUMNS if hasattr(claim, name)},
        "others": " ".join(claim.others),
        "test_set": test_set,
        "paper_test_set": claim.test_set,
        "paper_method": _reported(claim, claim.method),
        "paper_other": max(best, default=math.nan),
        "ours_method": value(claim.method),
        "ours_other": value(weakest.other),
        "compared_with": "" if math.isnan(weakest.ci_low) else weakest.other,
        **{name: round(getattr(weakest, name), 4) for name in ("difference", "ci_low", "ci_high")},
        "p_value": weakest.p_value,
        "failed_runs": "; ".join(broken.values()),
        "verdict": overall,
        "why": claim.not_testable or _why(found, measured) + (FAILED if verdicts != measured else ""),
    }


def _reported(claim: Claim, method: str) -> float:
    masks = PAPER_MASKS.get((claim.budget, claim.target), 0)
    key = (claim.stratum, method, masks, claim.target, claim.test_set, claim.metric)
    return reported_results().get(key, math.nan)


def _difference(
    claim: Claim,
    other: str,
    test_set: str,
    comparisons: pd.DataFrame,
    experiment: Experiment,
    rule: str,
) -> Difference:
    found = comparisons[
        (comparisons["budget"] == claim.budget)
        & (comparisons["method"] == claim.method)
        & (comparisons["other"] == other)
        & (comparisons["test_set"] == test_set)
        & (comparisons["target"] == claim.target)
        & (comparisons["stratum"] == claim.stratum)
        & (comparisons["metric"] == claim.metric)
        & comparisons["rule"].isin(["", rule])
        & comparisons["convention"].isin(["", "all_cases"])
    ]
    if found.empty:
        return Difference(
            other, math.nan, math.nan, math.nan, math.nan, _absent(claim, other, test_set, experiment)
        )
    row = found.iloc[0]
    return Difference(
        other=other,
        difference=float(row["difference"]),
        ci_low=float(row["ci_low"]),
        ci_high=float(row["ci_high"]),
        p_value=float(row["p_value"]),
        reason=str(row["reason"]),
    )


def _absent(claim: Claim, other: str, test_set: str, experiment: Experiment) -> str:
    """Say why two runs were not compared in a claim's cell."""
    if claim.target not in experiment.targets:
        return f"{claim.target} is not a target of this experiment"
    if test_set not in experiment.test_sets:
        return f"no test set of this experiment stands for {claim.test_set}"
    section = experiment.budgets.get(claim.budget)
    if section is None:
        return f"this experiment has no budget '{claim.budget}'"
    for method in (claim.method, other):
        if method not in section.methods:
            return f"{method} is not run at budget '{claim.budget}'"
    return f"no comparison with {other}"


def _why(found: Sequence[Difference], verdicts: Sequence[str]) -> str:
    """Explain a verdict in one line, naming the alternatives of each kind."""
    words = {
        HOLDS: "difference above 0 against",
        CONTRADICTED: "difference below 0 against",
        UNDECIDED: "interval reaches 0 or has no width, or the test finds no difference, against",
    }
    parts = []
    for kind, text in words.items():
        names = [item.other for item, each in zip(found, verdicts, strict=True) if each == kind]
        if names:
            parts.append(f"{text} {', '.join(names)}")
    missing = [
        item.reason or f"no interval against {item.other}"
        for item, each in zip(found, verdicts, strict=True)
        if each == NOT_TESTABLE
    ]
    return "; ".join([*parts, *dict.fromkeys(missing)])
