import math

import pandas as pd
import pytest
from long_forms import Card, comparison, comparisons_of, make_experiment, metric, metrics_of

from rsuper.artifacts import read_table, write_table
from rsuper.errors import ArtifactError, ConfigError
from rsuper.methods import available
from rsuper.publish.figures.error_points import error_frame
from rsuper.publish.figures.error_runs import MadeError, error_runs, made_error
from rsuper.publish.figures.tables import EXTRACTION_ERRORS

# Names that say nothing, or something wrong, of the rates.
VARIANTS = {
    "a": {"errors": {"missed": 0.2}},
    "missed_50": {"errors": {"missed": 0.4, "invented": 0.0}},
    "b": {"errors": {"size_noise": 0.1}},
    "both": {"errors": {"missed": 0.2, "invented": 0.2}},
    "none": {"errors": {}},
    "more": {"errors": {"missed": 0.2}, "tolerance": 0.3},
    "volume_only": {"ball_weight": 0.0},
}
CARDS = [
    Card("segmentation", "Segmentation", variants={"a": {"errors": {"missed": 0.2}}}),
    Card("r_super", "R-Super", variants=VARIANTS),
]
ROWS = ("segmentation", "r_super", "r_super-a", "r_super-missed_50", "r_super-b")
CELLS = {"f1": {}, "auc": {}, "dsc": {"convention": "tumor_cases"}}


def values(methods=ROWS, budget="few", **changes):
    """One number more for every method: 0.3, 0.4, ... in the order given."""
    return [
        metric(budget, method, kind, 0.3 + 0.1 * index) | cells | changes
        for index, method in enumerate(methods)
        for kind, cells in CELLS.items()
    ]


def costs(methods=ROWS, budget="few", **changes):
    """The reference is 0.05 to 0.15 better than every other method, in everything."""
    return [
        comparison(method, kind, 0.05, 0.15, 0.5, budget=budget) | cells | changes
        for method in methods
        if method != "r_super"
        for kind, cells in CELLS.items()
    ]


def frame(rows, compared=(), **changes):
    return error_frame(metrics_of(rows), comparisons_of(list(compared)), make_experiment(**changes), CARDS)


def test_rates_come_from_the_settings_of_variants():
    experiment = make_experiment()
    made = {name: made_error(f"r_super-{name}", experiment, CARDS) for name in VARIANTS}
    assert made == {
        "a": MadeError("missed", 0.2),
        "missed_50": MadeError("missed", 0.4),
        "b": MadeError("size_noise", 0.1),
        "both": None,
        "none": None,
        "more": None,
        "volume_only": None,
    }
    for name in ("r_super", "segmentation-a", "r_super-unknown", "nobody-a"):
        assert made_error(name, experiment, CARDS) is None
    wrong = [Card("r_super", "R-Super", variants={"a": {"errors": {"missed": 2}}})]
    with pytest.raises(ConfigError, match=r"errors of variant 'r_super-a'.*missed"):
        made_error("r_super-a", experiment, wrong)


def test_which_runs_make_errors():
    runs = [("few", name, seed) for name in (*ROWS, "r_super-both") for seed in (0, 1)]
    assert error_runs(runs, make_experiment(), CARDS) == runs[4:10]
    assert error_runs(runs[:4], make_experiment(), CARDS) == []


def test_the_cards_variants_are_four_kinds_at_two_rates():
    cards = list(available().values())
    variants = next(card for card in cards if card.name == "r_super").variants
    made = [made_error(f"r_super-{name}", make_experiment(), cards) for name in variants]
    assert [error for error in made if error] == [
        MadeError(kind, rate)
        for kind in ("missed", "misplaced", "size_noise", "invented")
        for rate in (0.1, 0.3)
    ]


def test_rows_by_hand():
    found = frame(values(reversed(ROWS)), costs(reversed(ROWS)))
    assert list(found.columns) == list(EXTRACTION_ERRORS.columns)
    assert list(found["metric"]) == ["f1"] * 5 + ["auc"] * 5 + ["dsc_tumor"] * 5
    auc = found[found["metric"] == "auc"]
    assert list(auc["method"]) == list(ROWS)
    assert list(auc["error"]) == ["", "", "missed", "missed", "size_noise"]
    assert auc["rate"].tolist() == pytest.approx([math.nan, 0, 0.2, 0.4, 0.1], nan_ok=True)
    assert auc["value"].tolist() == pytest.approx([0.7, 0.6, 0.5, 0.4, 0.3])
    assert auc["ci_low"].tolist() == pytest.approx([0.6, 0.5, 0.4, 0.3, 0.2])
    assert auc["cost"].tolist() == pytest.approx([0.1, math.nan, 0.1, 0.1, 0.1], nan_ok=True)
    assert auc["cost_high"].tolist() == pytest.approx([0.15, math.nan, 0.15, 0.15, 0.15], nan_ok=True)


def test_what_is_left_out():
    others = ["mine", "r_super-both", "r_super-volume_only", "r_super-more", "oracle"]
    more = [
        *values(others),
        *values(["segmentation", "r_super"], budget="full"),  # no errors are made at that budget
        *values(stratum="small"),
        *values(test_set="validation"),
        *[metric("few", method, "dsc", 0.9) for method in ROWS],  # of all cases
        *[metric("few", method, "f1", 0.9, rule="validation") for method in ROWS],
    ]
    compared = [*costs(), *costs(stratum="small"), *costs(budget="full")]
    pd.testing.assert_frame_equal(frame([*values(), *more], compared), frame(values(), costs()))


def test_panels_are_in_the_papers_order_and_budgets_in_the_experiments():
    panels = [("kidney", "internal"), ("pancreas", "internal"), ("pancreas", "external")]
    rows = [
        row
        for budget in ("full", "few")
        for target, test_set in panels
        for row in values(budget=budget, target=target, test_set=test_set)
    ]
    found = frame(rows).drop_duplicates(["budget", "target", "test_set"])
    order = [("pancreas", "external"), ("pancreas", "internal"), ("kidney", "internal")]
    assert list(zip(found["budget"], found["target"], found["test_set"], strict=True)) == [
        (budget, *panel) for budget in ("few", "full") for panel in order
    ]


def test_of_several_seeds_the_rows_of_all_are_listed():
    rows = [row for seed in ("0", "1", "all") for row in values(seed=seed)]
    compared = [row for seed in ("0", "1", "all") for row in costs(seed=seed)]
    found = frame(rows, compared)
    assert set(found["seed"]) == {"all"}
    assert len(found) == 15
    assert found["cost"].notna().sum() == 12
    with pytest.raises(ArtifactError, match="several seeds"):
        frame([row for row in rows if row["seed"] != "all"])


def test_without_a_comparison_or_a_value_the_row_stays():
    found = frame(values(["r_super-a"], value=math.nan, reason="no tumors"))
    assert list(found["reason"]) == ["no tumors"] * 3
    assert found["cost"].isna().all()


def test_no_run_with_errors_gives_no_row(tmp_path):
    for rows in ([], values(["segmentation", "r_super", "r_super-both"])):
        found = frame(rows, costs())
        assert found.empty
        assert list(found.columns) == list(EXTRACTION_ERRORS.columns)
    write_table(frame(values(), costs()), tmp_path / "table.csv", EXTRACTION_ERRORS)
    assert len(read_table(tmp_path / "table.csv", EXTRACTION_ERRORS)) == 15
