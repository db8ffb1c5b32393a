"""The audit as a whole, and what it has to find in the published numbers."""

import pandas as pd
import pytest
from printed_tables import row, stated

from rsuper.artifacts import read_table, write_table
from rsuper.publish.audit.document import FILE, audit_markdown
from rsuper.publish.audit.printed import Statements, printed_rows, statements, table1_methods
from rsuper.publish.paper_audit import paper_audit
from rsuper.schemas import PAPER_AUDIT


@pytest.fixture(scope="module")
def audit():
    return paper_audit(printed_rows(), statements(), table1_methods())


def lines(audit, check, **where):
    """Lines of a check; `where` names what other columns hold."""
    chosen = audit["check"] == check
    for name, value in where.items():
        chosen &= audit[name] == value
    return audit[chosen]


def one(audit, check, **where):
    found = lines(audit, check, **where)
    assert len(found) == 1, found
    return found.iloc[0]


JHH = {"test_set": "JHH-Test", "target": "pancreas"}
UCSF_PANCREAS = {"test_set": "UCSF-Test", "target": "pancreas"}
UCSF_KIDNEY = {"test_set": "UCSF-Test", "target": "kidney"}


def test_item_1_f1_follows_from_the_counts(audit):
    table2 = lines(audit, "f1_from_stated_counts", table="2", **JHH)
    wrong = table2[table2["verdict"] == "inconsistent"]
    assert len(table2) == 10
    assert set(wrong["method"]) == {"rg_pseudo_labels", "models_genesis"}
    assert wrong.set_index("method")["finding"].str.extract(r"specificity (\d+) of")[0].to_dict() == {
        "rg_pseudo_labels": "80",
        "models_genesis": "76",
    }
    needed = lines(audit, "negatives_of_row", table="2", verdict="inconsistent", **JHH)
    assert needed.set_index("method")["counts"].to_dict() == {
        "rg_pseudo_labels": "45-46",
        "models_genesis": "46-47",
    }


@pytest.mark.parametrize(
    ("group", "verdict", "numbers", "share"),
    [
        (JHH, "consistent", "50", "8 of 10"),
        (UCSF_PANCREAS, "inconsistent", "222-227", "11 of 11"),
        (UCSF_KIDNEY, "inconsistent", "195-200", "10 of 11"),
    ],
)
def test_item_1_negatives_of_the_test_sets(audit, group, verdict, numbers, share):
    line = one(audit, "negatives_of_test_set", **group)
    assert (line["verdict"], line["counts"]) == (verdict, numbers)
    assert f"{share} complete rows" in line["finding"]


def test_item_1_negatives_are_tumors_of_the_other_target(audit):
    assert one(audit, "tumors_of_both_targets")["counts"] == "42-44"


def test_item_2_the_row_that_cannot_be_consistent(audit):
    wrong = lines(audit, "negatives_of_row", table="2", verdict="inconsistent", test_set="UCSF-Test")
    assert list(wrong["method"]) == ["segmentation"]
    line = wrong.iloc[0]
    assert (line["target"], line["masks"], line["counts"]) == ("kidney", 1674, "90-104")
    assert "its F1 would be 64.0 to 64.5, not the printed 71" in line["finding"]


def test_item_3_table_2_averages_over_all_cts(audit):
    found = lines(audit, "overlap_over_all_cts", **JHH).set_index(["method", "masks"])
    shares = found["finding"].str.extract(r"empty: ([\d.]+) from DSC and ([\d.]+) from NSD").dropna()
    published = {  # as deduced by hand, rounded
        ("r_super", 344): (87, 88),
        ("segmentation", 344): (84, 84),
        ("r_super-ball_only", 344): (95, 94),
        ("nnunet", 344): (96, 96),
        ("models_genesis", 344): (94, 93),
        ("r_super", 50): (88, 87),
        ("segmentation", 50): (72, 73),
    }
    assert set(shares.index) == set(published)
    for key, whole in published.items():
        assert [float(x) for x in shares.loc[key]] == pytest.approx(whole, abs=0.5)
    assert set(found.loc[list(published), "verdict"]) == {"consistent"}
    assert set(found.drop(list(published))["verdict"]) == {"undecidable"}
    assert "alone 30.6 / 50.1" in found.loc[("r_super", 344), "finding"]
    assert one(audit, "overlap_over_tumor_cts_alone", method="")["published"] == "0 of 17 agree"


def test_item_4_an_ablation_above_the_full_method(audit):
    wrong = lines(audit, "claim both_losses", verdict="inconsistent", **JHH).set_index("metric")["finding"]
    assert wrong.to_dict() == {
        "f1": "r_super-volume_only has 94, r_super 91",
        "auc": "r_super-volume_only has 97, r_super 92",
    }
    above = one(audit, "claim both_losses", test_set="")["finding"].partition(";")[0]
    assert above == (
        "above in pancreas JHH-Test nsd, pancreas UCSF-Test f1, pancreas UCSF-Test auc, kidney UCSF-Test auc"
    )


def test_item_5_strata_reuse_normals_and_threshold(audit):
    assert one(audit, "strata_specificity", method="")["published"] == "43 of 49 equal"
    wrong = lines(audit, "strata_specificity", stratum="large", verdict="inconsistent")
    assert set(zip(wrong["method"], wrong["expected"], wrong["published"], strict=True)) == {
        ("rg_pseudo_labels", "78", "80"),
        ("models_genesis", "74", "76"),
        ("r_super", "70", "69"),
    }
    clip = one(audit, "strata_specificity", method="clip_like", stratum="large", **JHH)
    assert (clip["expected"], clip["published"], clip["verdict"]) == ("70", "71", "undecidable")
    cell = lines(audit, "cell_has_a_count", metric="specificity", verdict="inconsistent")
    assert list(zip(cell["method"], cell["published"], strict=True)) == [("clip_like", "71")]


def test_item_6_what_stays_undecidable(audit):
    assert {"open case_score", "open threshold_set", "open significance_marks"} <= set(audit["check"])
    assert one(audit, "guessed_columns")["published"] == "nsd 58, auc 86, specificity 70"
    missing = lines(audit, "unreadable_cells")
    cells = sum(len(names.split()) for names in missing["metric"])
    assert cells == sum(value is None for row in printed_rows() for value in row.cells.values())
    assert set(missing["verdict"]) == {"undecidable"}


def test_item_7_sizes_of_strata(audit):
    large = one(audit, "stratum_size", stratum="large", **JHH)
    assert (large["verdict"], large["counts"]) == ("inconsistent", "34")
    assert large["finding"].startswith("35 CTs allow 2 of 11")
    assert large["finding"].endswith("34 allow 11")
    impossible = one(audit, "cell_has_a_count", verdict="inconsistent", **UCSF_KIDNEY)
    assert (impossible["method"], impossible["stratum"], impossible["published"]) == (
        "r_super-ball_only",
        "small",
        "80",
    )
    assert "61/77 = 79.2, 62/77 = 80.5" in impossible["finding"]


def test_item_8_rows_that_do_not_beat_calling_everything_positive(audit):
    found = lines(audit, "above_calling_all_positive", table="2", verdict="inconsistent")
    rows = zip(found["test_set"], found["target"], found["method"], found["masks"], strict=True)
    assert set(rows) == {
        ("JHH-Test", "pancreas", "segmentation", 50),
        ("JHH-Test", "pancreas", "r_super", 50),
        ("UCSF-Test", "pancreas", "segmentation", 50),
        ("UCSF-Test", "pancreas", "multi_task", 344),
    }
    tie = one(audit, "above_calling_all_positive", table="2", method="r_super", masks=50, **JHH)
    assert tie["finding"] == "equals the 66.7 of calling every CT positive"
    trivial = {**UCSF_KIDNEY, "table": "2", "method": "nnunet"}
    assert one(audit, "above_calling_all_positive", **trivial)["expected"] == "above 62.8 to 63.4"


def test_item_9_text_against_tables(audit):
    gains = lines(audit, "stated_gain", verdict="inconsistent")
    assert list(zip(gains["masks"], gains["published"], strict=True)) == [(50, "16"), (344, "9.2")]
    twice = lines(audit, "text_against_text", verdict="inconsistent")
    assert set(zip(twice["published"], twice["expected"], strict=True)) == {
        ("16", "9.7"),
        ("9.2", "16"),
        ("5", "6"),
    }
    caption = one(audit, "claim above_all_small", metric="auc", **JHH)
    assert (caption["verdict"], caption["finding"]) == ("inconsistent", "clip_like has 90, r_super 89")
    few = lines(audit, "claim strata_few", metric="f1", verdict="inconsistent")
    assert list(few["finding"]) == [
        "segmentation has 38, r_super 35",
        "segmentation has 35, r_super 31",
        "segmentation has 56, r_super 54",
    ]
    reports = lines(audit, "stated_number_of_methods", verdict="inconsistent")
    assert list(zip(reports["published"], reports["expected"], strict=True)) == [("4", "3")]


def test_a_consistent_paper_has_nothing_inconsistent():
    # Printed from counts of 15 small and 35 large tumors and 50 normals: x finds 10 and 28 and calls 10, so
    # Se 76, Sp 80, F1 = 76 / (50 + 38 + 10) = 78; small: F1 = 20 / 35 = 57; large: 56 / 73 = 77.
    def model(method, alarms, small, large):
        hits, passed = small + large, 100 - 2 * alarms
        return [
            row(method=method, se=2 * hits, sp=passed, f1=_f1(hits, alarms, 50)),
            row("small", method=method, se=_share(small, 15), sp=passed, f1=_f1(small, alarms, 15)),
            row("large", method=method, se=_share(large, 35), sp=passed, f1=_f1(large, alarms, 35)),
        ]

    rows = [*model("x", 10, 10, 28), *model("y", 3, 9, 31), *model("z", 5, 12, 33)]
    frame = paper_audit(rows, stated(all=50, small=15, large=35), {})
    assert set(frame["verdict"]) == {"consistent"}
    assert len(frame) > 40


def _share(count, total):
    return int(100 * count / total + 0.5)


def _f1(hits, alarms, positives):
    return _share(2 * hits, positives + hits + alarms)


def test_nothing_given_finds_nothing():
    assert paper_audit([], Statements(), {}).empty


def test_the_table_is_an_artifact(audit, tmp_path):
    path = tmp_path / "paper_audit.csv"
    write_table(audit, path, PAPER_AUDIT)
    back = read_table(path, PAPER_AUDIT)
    assert list(back.columns) == list(PAPER_AUDIT.columns) == list(audit.columns)
    assert len(back) == len(audit)
    assert set(back["verdict"]) == {"consistent", "inconsistent", "undecidable"}
    assert (back["finding"] != "").all()
    assert not back["finding"].str.contains("\n").any()


def test_the_committed_document_is_what_the_audit_gives(audit):
    assert audit_markdown(audit) == FILE.read_text(encoding="utf-8"), "stale: run `make docs`"


def test_document_of_a_small_audit():
    columns = dict.fromkeys(PAPER_AUDIT.columns, "") | {"masks": pd.NA}
    cell = columns | {"check": "stratum_size", "test_set": "T", "target": "a", "method": "m", "masks": 5}
    frame = pd.DataFrame(
        [
            cell | {"verdict": "inconsistent", "finding": "off", "stratum": "small"},
            *[cell | {"verdict": "inconsistent", "finding": "off", "stratum": "large"}] * 4,
            cell | {"verdict": "consistent", "finding": "fine", "stratum": "small"},
            columns | {"check": "open x_y", "verdict": "undecidable", "finding": "no word"},
        ]
    ).astype({"masks": "Int64"})
    text = audit_markdown(frame)
    assert (
        "| stratum_size | Can the stated number of tumor CTs give every printed sensitivity? | 1 | 5 | 0 |"
        in text
    )
    assert [line for line in text.splitlines() if line.startswith("- ")] == [
        "- T, a, small, m (5 masks): off.",
        "- Table , T, a, large: 4 of 4 inconsistent.",
        "- x y: no word (undecidable).",
    ]
