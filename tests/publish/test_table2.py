import io
import math

import pandas as pd
from long_forms import comparison, comparisons_of, make_experiment, metric, metrics_of

from rsuper.publish.table2 import table2
from rsuper.publish.table3 import table3

NOTHING = comparisons_of([])


def _row(table, method, budget="full"):
    return table[(table["budget"] == budget) & (table["method"] == method)].iloc[0]


def test_values_conventions_counts_and_supervision(experiment, cards):
    metrics = metrics_of(
        [
            metric("full", "r_super", "auc", 0.87654321),
            metric("full", "r_super", "f1", 0.8),
            metric("full", "r_super", "f1", 0.7, rule="validation"),
            metric("full", "r_super", "dsc", 0.6),
            metric("full", "r_super", "dsc", 0.3, convention="tumor_cases"),
            metric("full", "r_super", "nsd_surfel_2mm", 0.5),
            metric("full", "r_super", "nsd_voxel_2mm", 0.1),
        ]
    )
    supervision = {("full", "r_super"): ({"pancreas": 36, "kidney": 40}, {"pancreas": 90, "kidney": 91})}
    table = table2(metrics, NOTHING, experiment, cards, supervision=supervision)
    row = _row(table, "r_super")
    assert row["pancreas_external_auc"] == 0.8765
    assert row["pancreas_external_f1"] == 0.8
    assert (row["pancreas_external_dsc"], row["pancreas_external_dsc_tumor"]) == (0.6, 0.3)
    assert row["pancreas_external_nsd"] == 0.5
    assert math.isnan(row["kidney_internal_f1"])
    assert (row["pancreas_external_n"], row["kidney_internal_n"]) == ("40+60", "0+0")
    assert (row["masks_pancreas"], row["reports_kidney"], row["n_seeds"]) == (36, 91, 1)
    assert (row["network"], row["data_note"]) == ("unet", "made-up numbers")
    validation = table2(metrics, NOTHING, experiment, cards, supervision=supervision, rule="validation")
    assert _row(validation, "r_super")["pancreas_external_f1"] == 0.7


def test_masks_and_reports_stand_before_their_targets_columns(experiment, cards):
    names = list(table2(metrics_of([]), NOTHING, experiment, cards, supervision={}))
    assert names[6:9] == ["masks_pancreas", "reports_pancreas", "pancreas_external_dsc"]
    place = names.index("masks_kidney")
    assert names[place - 1 : place + 3] == [
        "pancreas_internal_specificity",
        "masks_kidney",
        "reports_kidney",
        "kidney_internal_f1",
    ]
    assert names[-1] == "data_note"
    assert len(set(names)) == len(names)


def test_seeds_are_averaged_and_a_missing_value_is_not_hidden(experiment, cards):
    metrics = metrics_of(
        [
            metric("full", "r_super", "auc", 0.8),
            metric("full", "r_super", "auc", 0.9, seed="1"),
            metric("full", "r_super", "auc", 0.85, seed="all"),
            metric("full", "r_super", "f1", 0.8),
            metric("full", "r_super", "f1", math.nan, seed="1"),
            metric("full", "r_super", "f1", math.nan, seed="all"),
        ]
    )
    row = _row(table2(metrics, NOTHING, experiment, cards, supervision={}), "r_super")
    assert row["pancreas_external_auc"] == 0.85
    assert math.isnan(row["pancreas_external_f1"])
    assert row["n_seeds"] == 2


def test_marks(experiment, cards):
    metrics = metrics_of([metric("full", name, "f1", 0.5) for name in ("r_super", "segmentation", "nnunet")])
    comparisons = comparisons_of(
        [
            comparison("segmentation", "f1", 0.1, 0.3, 0.001),  # adjusted .002
            comparison("nnunet", "f1", 0.0, 0.2, 0.03),  # adjusted .06
            comparison("mine", "f1", -0.4, -0.2, 0.001),  # significantly below: no gain, no mark
            comparison("segmentation", "auc", 0.0, 0.2, 0.2),
            comparison("r_super-volume_only", "f1", 0.1, 0.2, 0.0001, ablation=True),
        ]
    )
    table = table2(metrics, comparisons, experiment, cards, supervision={})
    mark = {name: _row(table, name)["pancreas_external_f1_mark"] for name in table["method"]}
    assert (mark["segmentation"], mark["nnunet"], mark["mine"]) == ("*†", "*", "")
    assert mark["r_super-volume_only"] == ""
    assert mark["r_super"] == ""  # one alternative is not beaten
    assert _row(table, "segmentation")["pancreas_external_auc_mark"] == ""
    assert _row(table, "nnunet")["pancreas_external_f1_p_adjusted"] == 0.06
    without = comparisons[comparisons["other"] != "mine"]
    beaten = _row(table2(metrics, without, experiment, cards, supervision={}), "r_super")
    assert beaten["pancreas_external_f1_mark"] == "*"  # largest p .03, largest adjusted p .06
    assert beaten["pancreas_external_f1_p"] == 0.03


def test_a_mark_over_seeds_needs_the_interval_too(experiment, cards):
    metrics = metrics_of([metric("full", "segmentation", "auc", 0.5)])

    def cell(low: float, p: float) -> tuple[float, str]:
        found = {"0": (0.1, 0.001), "1": (0.1, 0.4), "all": (low, p)}
        rows = [comparison("segmentation", "auc", own, 0.3, q, seed=seed) for seed, (own, q) in found.items()]
        row = _row(table2(metrics, comparisons_of(rows), experiment, cards, supervision={}), "segmentation")
        return row["pancreas_external_auc_p"], row["pancreas_external_auc_mark"]

    assert cell(0.05, 0.01) == (0.01, "*†")
    assert cell(-0.05, 0.01) == (0.01, "")
    assert cell(0.05, 0.06) == (0.06, "")


def test_an_experiment_without_the_papers_sets_keeps_its_columns_blank(cards):
    small = make_experiment(
        targets=["kidney"], test_sets={"internal": {"role": "a", "label": "a", "paper": "UCSF-Test"}}
    )
    metrics = metrics_of([metric("full", "r_super", "auc", 0.8, target="kidney", test_set="internal")])
    row = _row(table2(metrics, NOTHING, small, cards, supervision={}), "r_super")
    assert row["kidney_internal_auc"] == 0.8
    assert math.isnan(row["pancreas_external_auc"])
    assert row["pancreas_external_n"] == "0+0"


def test_csv_reads_back_as_plain_numbers(experiment, cards):
    metrics = metrics_of([metric("full", "r_super", "auc", 0.875)])
    table = table2(metrics, NOTHING, experiment, cards, supervision={("few", "r_super"): ({"kidney": 5}, {})})
    read = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    assert read["pancreas_external_auc"].dtype == "float64"
    assert _row(read, "r_super")["pancreas_external_auc"] == 0.875
    assert _row(read, "r_super", "few")["masks_kidney"] == 5


def test_table3_repeats_the_rows_per_stratum(experiment, cards):
    metrics = metrics_of(
        [
            metric("full", "r_super", "auc", 0.7, stratum="small", n_positive=15),
            metric("full", "r_super", "auc", 0.9, stratum="large", n_positive=25),
        ]
    )
    table = table3(metrics, NOTHING, experiment, cards, supervision={})
    assert list(table["size"]) == ["small"] * 14 + ["large"] * 14
    rows = table[(table["budget"] == "full") & (table["method"] == "r_super")]
    assert list(rows["pancreas_external_auc"]) == [0.7, 0.9]
    assert list(rows["pancreas_external_n"]) == ["15+60", "25+60"]
