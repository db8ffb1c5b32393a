"""The baselines' numbers in docs/methods.md are those of the run that is kept."""

import re

import pandas as pd
import pytest

from benchmarks.baselines import REFERENCE, ROOT, means

ROWS = {
    "Segmentation": "segmentation",
    "Models Genesis": "models_genesis",
    "without pre-training (CLIP-like's control, too)": "models_genesis-no_pretraining",
    "CLIP-like": "clip_like",
    "with the texts of other cases": "clip_like-shuffled_text",
    "RG pseudo-labels": "rg_pseudo_labels",
    "no case left out": "rg_pseudo_labels-no_exclusion",
    "Multi-task learning": "multi_task",
    "highest logit read, too": "multi_task-max_read_out",
}


def test_means_are_over_targets_and_test_sets_and_over_rows_that_were_run():
    table = pd.DataFrame(
        {
            "status": ["run", "not run"], "budget": "few", "method": ["a", "b"], "label": ["A", "B"],
            "kidney_x_auc": [0.5, None], "pancreas_x_auc": [0.7, None], "kidney_x_auc_p": [0.1, None],
            "kidney_x_dsc_tumor": [0.2, None], "kidney_x_dsc": [0.9, None],
        }
    )  # fmt: skip
    (row,) = means(table).to_dict("records")
    assert (row["method"], row["AUC"], row["DSC"]) == ("a", pytest.approx(0.6), pytest.approx(0.2))


def test_every_number_of_the_table_is_that_of_the_run():
    own = means(pd.read_csv(REFERENCE)).set_index(["budget", "method"])
    lines = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    shown = {row[0]: row[1:] for row in cells if len(row) == 5 and row[0] in ROWS}
    assert shown.keys() == ROWS.keys()
    for label, values in shown.items():
        for position, value in enumerate(values):
            if re.fullmatch(r"\.\d{3}", value):
                budget, measure = ("few", "full")[position // 2], ("AUC", "DSC")[position % 2]
                assert float(value) == pytest.approx(own.loc[(budget, ROWS[label]), measure], abs=6e-4), label
