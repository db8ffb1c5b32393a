"""The cost of errors in docs/reports.md is that of the run that is kept."""

import pandas as pd
import pytest

from benchmarks.baselines import ROOT, means

KEPT = ROOT / "results" / "reference" / "extraction_errors"
FIRST = {"masks alone (segmentation)": "Segmentation", "reports as they are (R-Super)": "R-Super"}


def test_every_mean_is_that_of_the_run():
    own = means(pd.read_csv(KEPT / "table2.csv")).set_index("label")
    lines = (
        (ROOT / "docs" / "reports.md").read_text(encoding="utf-8").split("### What came out")[1].splitlines()
    )
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")][
        1:
    ]
    labels = [FIRST.get(name, f"R-Super, {name} (control)") for name, _, _ in rows]
    assert labels == list(own.index)
    for label, (_, auc, dsc) in zip(labels, rows, strict=True):
        assert (float(auc), float(dsc)) == pytest.approx(tuple(own.loc[label, ["AUC", "DSC"]]), abs=6e-4), (
            label
        )


def test_what_is_said_of_sure_costs():
    points = pd.read_csv(KEPT / "extraction_errors.csv").dropna(subset=["error"])
    sure = points[points["cost_low"] > 0]
    assert set(sure["method"]) == {"r_super-misplaced_30"}
    assert set(sure["metric"]) == {"dsc_tumor"}
    assert len(sure) == 2
    assert sure["cost"].max() < 0.035
    table = means(pd.read_csv(KEPT / "table2.csv")).set_index("method")
    given = table.loc["r_super", "DSC"] - table.loc["segmentation", "DSC"]
    errors = table.drop(["r_super", "segmentation"])
    assert (table.loc["r_super", "DSC"] - errors["DSC"]).max() < 0.22 * given
    assert errors["AUC"].min() >= table.loc["r_super", "AUC"]
