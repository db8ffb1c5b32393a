"""Every number of Tables 2 and 3 is one of metrics.csv, with interval, cases, threshold and rule."""

import numpy as np
import pandas as pd
import pytest

from tests.workflow.conftest import Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

RATES = ("f1", "sensitivity", "specificity")
OVERLAPS = ("dsc", "nsd", "dsc_tumor", "nsd_tumor")
KEYS = ["budget", "method", "stratum", "target", "test_set", "metric", "convention", "rule"]
METRICS = (*OVERLAPS, *RATES, "auc", "lesion_sensitivity", "false_positives_per_ct")


def measured(table: pd.DataFrame) -> dict[str, tuple[str, str, str]]:
    """Target, test set and metric of each column that holds a measured number."""
    parts = {str(name): str(name).split("_", 2) for name in table if str(name).count("_") >= 2}
    return {name: (a, b, metric) for name, (a, b, metric) in parts.items() if metric in METRICS}


@pytest.mark.parametrize("name", ["table2", "table2_validation", "table3"])
def test_every_cell_has_its_row_in_the_long_form(finished: Project, name: str) -> None:
    table = pd.read_csv(finished.results / f"{name}.csv")
    metrics = pd.read_csv(finished.results / "metrics.csv").fillna(
        {"rule": "", "convention": "", "reason": ""}
    )
    sources = metrics.set_index(KEYS)
    assert sources.index.is_unique
    nsd = metrics.loc[metrics["metric"].str.startswith("nsd_surfel"), "metric"].iloc[0]
    chosen = "validation" if name == "table2_validation" else "oracle_test"
    found = blank = 0
    for _, line in table[table["status"] == "run"].iterrows():
        for column, (target, test_set, metric) in measured(table).items():
            convention = "tumor_cases" if metric.endswith("_tumor") else "all_cases"
            source = sources.loc[
                line["budget"],
                line["method"],
                line.get("size", "all"),
                target,
                test_set,
                {"dsc": "dsc", "nsd": nsd}[metric[:3]] if metric in OVERLAPS else metric,
                convention if metric in OVERLAPS else "",
                chosen if metric in RATES else "",
            ]
            assert line[column] == pytest.approx(source["value"], abs=5.1e-5, nan_ok=True), column
            if np.isnan(line[column]):
                blank += 1
                assert source["reason"]
                continue
            found += 1
            assert np.isfinite([source["ci_low"], source["ci_high"]]).all()
            assert isinstance(source["interval"], str)
            assert source["n_positive"] + source["n_negative"] > 0
            assert (metric in RATES) == (not np.isnan(source["threshold"]))
    assert found > 100
    assert found > blank
