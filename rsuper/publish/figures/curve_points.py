"""Data efficiency as a table: the results along the number of masks, and along the number of reports."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.evaluate.seeds import ALL_SEEDS
from rsuper.publish.columns import groups
from rsuper.publish.figures.style import BASELINE
from rsuper.publish.figures.tables import CURVE

OVER_MASKS, OVER_REPORTS = "a", "b"
RULE = "oracle_test"  # of F1, as in Figure 4

# Name of a row here -> where its numbers stand in METRICS.
SHOWN: dict[str, dict[str, str]] = {
    "f1": {"metric": "f1", "rule": RULE},
    "auc": {"metric": "auc"},
    "dsc_tumor": {"metric": "dsc", "convention": "tumor_cases"},
}
LABELS = {"f1": "F1", "auc": "AUC", "dsc_tumor": "DSC, tumor CTs"}

# Per budget, as the rule `metrics` writes them: masks and reports per target, mask_cases, report_cases.
Counts = Mapping[str, Mapping[str, Any]]


def curve_frame(metrics: pd.DataFrame, counts: Counts, experiment: Experiment) -> pd.DataFrame:
    """List every result of segmentation and the reference method that lies on one of the two curves.

    Curve a has the budgets with all reports (the largest `report_cases`). Curve b has budgets with the same
    masks and different numbers of reports (see `same_masks`); segmentation, which sees no report, stands
    there once, from that of these budgets with the most reports where it was run. Single seeds have rows of
    their own beside those of all seeds. A result without a value keeps its reason. Controls, ablations,
    other methods, strata, and budgets that `counts` lacks are left out. Rows are sorted: the paper's order
    of targets and test sets, then metric, method, masks, reports, budget and seed, all seeds first.

    Args:
        metrics: columns of METRICS; may be empty.
        counts: what each budget consists of.
        experiment: names the reference method, and orders targets and test sets.

    Returns:
        Columns of CURVE; no row where nothing lies on a curve.
    """
    reference = experiment.evaluation.reference
    found = _results(metrics, counts, experiment)
    measured = set(found.loc[found["method"] == reference, "budget"])
    over_reports = same_masks({name: budget for name, budget in counts.items() if name in measured})
    level = max(
        set(found.loc[found["method"] == BASELINE, "budget"]).intersection(over_reports),
        key=lambda name: counts[name]["report_cases"],
        default=None,
    )
    on_b = found["budget"].isin(over_reports) & ((found["method"] != BASELINE) | (found["budget"] == level))
    parts = [
        found[found["budget"].isin(all_reports(counts))].assign(curve=OVER_MASKS),
        found[on_b].assign(curve=OVER_REPORTS),
    ]
    return _sorted(pd.concat(parts, ignore_index=True)[list(CURVE.columns)], experiment)


def all_reports(counts: Counts) -> list[str]:
    """List the budgets with the largest number of CT-Report pairs."""
    most = max((budget["report_cases"] for budget in counts.values()), default=0)
    return [name for name, budget in counts.items() if budget["report_cases"] == most]


def same_masks(counts: Counts) -> list[str]:
    """List the budgets that have the same masks and differ in their number of CT-Report pairs.

    Of several such groups the one with the most numbers of reports, of equals the first; none where no two
    budgets with the same masks differ in their reports.
    """
    by_masks: dict[object, list[str]] = defaultdict(list)
    for name, budget in counts.items():
        by_masks[budget["mask_cases"], *sorted(budget["masks"].items())].append(name)

    def numbers(names: Sequence[str]) -> int:
        return len({counts[name]["report_cases"] for name in names})

    largest = max(by_masks.values(), key=numbers, default=[])
    return largest if numbers(largest) > 1 else []


def shown_rows(frame: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """Keep the rows on test sets as a whole whose number is one of SHOWN, and call it by its name there.

    Args:
        frame: columns of METRICS or COMPARISONS; may be empty.
        experiment: its targets and test sets.

    Returns:
        The same columns, metric by metric.
    """
    # Rows of the validation cases are in METRICS too, but are no test set.
    pairs = pd.Series(list(zip(frame["target"], frame["test_set"], strict=True)), frame.index)
    kept = frame[
        (frame["stratum"] == "all")
        & pairs.isin([pair for pair in groups(experiment) if pair[0] in experiment.targets])
    ]
    parts = []
    for name, cells in SHOWN.items():
        own = kept[(kept[list(cells)] == pd.Series(cells)).all(axis=1)]
        parts.append(own.assign(metric=name))
    return pd.concat(parts, ignore_index=True)


def _results(metrics: pd.DataFrame, counts: Counts, experiment: Experiment) -> pd.DataFrame:
    """Rows of the two methods with what each run was trained on; `metric` is a name of SHOWN."""
    methods = [experiment.evaluation.reference, BASELINE]
    own = metrics[metrics["method"].isin(methods) & metrics["budget"].isin(list(counts))]
    found = shown_rows(own, experiment)
    places = list(zip(found["budget"], found["target"], strict=True))
    reports = [counts[budget]["reports"][target] for budget, target in places]
    return found.assign(
        masks=[counts[budget]["masks"][target] for budget, target in places],
        reports=[
            0 if method == BASELINE else number
            for method, number in zip(found["method"], reports, strict=True)
        ],
    )


def _sorted(frame: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    panels, metrics = groups(experiment), list(SHOWN)
    reference = experiment.evaluation.reference
    keys = [
        (
            row["curve"],
            panels.index((row["target"], row["test_set"])),
            metrics.index(row["metric"]),
            row["method"] != reference,
            row["masks"],
            row["reports"],
            row["budget"],
            (row["seed"] != ALL_SEEDS, len(row["seed"]), row["seed"]),  # 2 before 10
        )
        for row in frame.to_dict("records")
    ]
    order = sorted(range(len(frame)), key=keys.__getitem__)
    return frame.iloc[order].reset_index(drop=True)
