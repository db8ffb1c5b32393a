import math
from xml.etree import ElementTree

import pandas as pd
from long_forms import metric, metrics_of

from rsuper.publish.figures.figure4 import figure4

MASKS = {"few": {"pancreas": 5, "kidney": 5}, "full": {"pancreas": 40, "kidney": 64}}


def _metrics():
    return metrics_of(
        [
            metric(budget, method, "f1", value, target=target, test_set=test_set)
            for target in ("pancreas", "kidney")
            for test_set in ("internal", "external")
            for budget, method, value in (
                ("few", "segmentation", 0.5),
                ("few", "r_super", 0.6),
                ("full", "segmentation", 0.7),
                ("full", "r_super", 0.75),
                ("full", "nnunet", 0.68),
            )
        ]
    )


def test_same_numbers_same_bytes(experiment, cards, tmp_path):
    for name in ("a", "b"):
        figure4(_metrics(), experiment, cards, MASKS, tmp_path / name / "figure4")
    for suffix in ("svg", "png"):
        first, second = ((tmp_path / name / f"figure4.{suffix}").read_bytes() for name in ("a", "b"))
        assert first == second
    assert b"dc:date" not in (tmp_path / "a" / "figure4.svg").read_bytes()


def test_one_panel_per_target_and_test_set_with_results(experiment, cards, tmp_path):
    metrics = _metrics()
    figure4(metrics, experiment, cards, MASKS, tmp_path / "all")
    figure4(metrics[metrics["target"] == "kidney"], experiment, cards, MASKS, tmp_path / "kidney")
    assert _panels(tmp_path / "all.svg") == 4
    assert _panels(tmp_path / "kidney.svg") == 2


def test_budgets_that_differ_in_reports_alone_do_not_stand_on_one_another(experiment, cards, tmp_path):
    few = experiment.budgets["few"]
    budgets = {**experiment.budgets, "reports_40": few.model_copy(update={"reports": 40}), "again": few}
    several = experiment.model_copy(update={"budgets": budgets})
    rows = [metric("reports_40", "r_super", "f1", 0.9, target="kidney", test_set="internal")]
    counts = {**MASKS, "reports_40": MASKS["few"], "again": MASKS["few"]}
    both = pd.concat([_metrics(), metrics_of(rows)], ignore_index=True)
    figure4(both, several, cards, counts, tmp_path / "more")
    figure4(_metrics(), experiment, cards, MASKS, tmp_path / "plain")
    assert (tmp_path / "more.svg").read_bytes() == (tmp_path / "plain.svg").read_bytes()
    # Two budgets with the same tumor CTs and all reports: drawn, without an arrow for either.
    rows = [metric("again", "r_super", "f1", 0.9, target="kidney", test_set="internal")]
    both = pd.concat([_metrics(), metrics_of(rows)], ignore_index=True)
    figure4(both, several, cards, counts, tmp_path / "again")
    assert _panels(tmp_path / "again.svg") == 4


def test_nothing_to_draw_is_an_empty_panel(experiment, cards, tmp_path):
    unknown = metrics_of([metric("full", "r_super", "f1", math.nan)])
    for name, metrics in (("none", metrics_of([])), ("nan", unknown)):
        figure4(metrics, experiment, cards, MASKS, tmp_path / name)
        assert _panels(tmp_path / f"{name}.svg") == 1


def _panels(path):
    groups = ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}g")
    return sum(group.get("id", "").startswith("axes_") for group in groups)
