"""Tables of the page against the numbers that they are made from."""

import math

import pandas as pd
import pytest
from long_forms import comparisons_of, failed_of, make_experiment, metric, metrics_of
from made_sources import RUNS, sources

from rsuper.artifacts import Layout, write_json
from rsuper.errors import ArtifactError
from rsuper.publish.html import lists
from rsuper.publish.html.browser import browse, numbers_of
from rsuper.publish.html.cost import cost_grid, device_of, read_records
from rsuper.publish.html.measured import Intervals, left_out, table1_grid, table_grids
from rsuper.publish.html.origin import origin, resolved, runs_grid
from rsuper.publish.html.sources import published
from rsuper.publish.render import write_csv
from rsuper.publish.table1 import table1
from rsuper.publish.table2 import table2
from rsuper.publish.table3 import table3


def rows_of(grid):
    return {row[0].text: row[1:] for row in grid.rows}


def table_of(rows, cards, failed=None, make=table2, **changes):
    experiment = make_experiment(**changes)
    metrics = metrics_of(rows)
    frame = make(metrics, comparisons_of([]), experiment, cards, supervision={}, failed=failed)
    return frame, Intervals(metrics, experiment, "oracle_test"), experiment


def test_intervals_marks_and_the_best_of_each_budget(cards):
    rows = [
        metric("full", "segmentation", "auc", 0.7),
        metric("full", "r_super", "auc", 0.8),
        metric("few", "segmentation", "auc", 0.9, ci_low=math.nan, ci_high=math.nan),
        metric("full", "oracle", "auc", 1.0),
        metric("full", "r_super", "dsc", 0.4, convention="tumor_cases", ci_low=0.35, ci_high=0.45),
        metric("full", "r_super", "false_positives_per_ct", 0.3, ci_low=0.2, ci_high=0.4),
        metric("full", "segmentation", "false_positives_per_ct", 0.2, ci_low=0.1, ci_high=0.3),
    ]
    failed = failed_of([("full", "r_super", "0", "", "no mask", "none")])
    frame, intervals, experiment = table_of(rows, cards, failed)
    paper, more = table_grids(frame, intervals, experiment, "table2", "Table 2")
    assert [head.text for head in paper.heads] == [
        "Method",
        "Budget",
        "Masks pancreas",
        "Reports pancreas",
        "Masks kidney",
        "Reports kidney",
        "AUC",
    ]
    assert paper.heads[-1].group == "pancreas, unseen hospital"
    cells = {(row[0].text, row[1].text): row[-1] for row in paper.rows}
    assert {key: (c.text, c.note, c.kind) for key, c in cells.items()} == {
        ("Segmentation", "few"): ("90.0", "", "best"),
        ("Segmentation", "full"): ("70.0", "60.0 to 80.0", ""),
        ("R-Super", "full"): ("80.0", "70.0 to 90.0", "best"),
        ("Oracle", "full"): ("100.0", "90.0 to 110.0", ""),
    }
    assert [row[0].mark for row in paper.rows] == ["", "", "‡", ""]
    assert paper.blocks == ["few", "full", "full", "controls"]
    found = rows_of(more)
    assert [(c.text, c.note) for c in found["R-Super"][1:]] == [
        ("40.0", "35.0 to 45.0"),
        ("0.30", "0.20 to 0.40"),
    ]
    # Fewer false positives are better.
    assert [row[-1].kind for row in more.rows] == ["", "best", "", ""]
    assert "R-Super at few (no result)" in left_out(frame)


def test_table_3_has_its_sizes_and_intervals_of_their_own(cards):
    rows = [
        metric("full", "r_super", "auc", 0.6, stratum="small", ci_low=0.5, ci_high=0.7),
        metric("full", "r_super", "auc", 0.9, stratum="large", ci_low=0.8, ci_high=0.95),
    ]
    frame, intervals, experiment = table_of(rows, cards, make=table3)
    paper, _ = table_grids(frame, intervals, experiment, "table3", "Table 3")
    assert [(row[1].text, row[-1].text, row[-1].note) for row in paper.rows] == [
        ("small", "60.0", "50.0 to 70.0"),
        ("large", "90.0", "80.0 to 95.0"),
    ]


def test_table_1_says_what_differs(cards):
    found = rows_of(table1_grid(table1(cards)))
    assert [cell.text for cell in found["R-Super"][:5]] == ["yes"] * 5
    assert [cell.kind for cell in found["Segmentation"][:5]] == ["tick-no"] * 5
    assert found["R-Super"][5].text == ""


def test_claims_show_both_sides_and_their_verdict(tmp_path):
    given = sources(tmp_path)
    grid = lists.claims_grid(given.tables["claims"], given.inputs.cards)
    row = next(
        r
        for r, c in zip(grid.rows, given.tables["claims"].itertuples(), strict=True)
        if c.verdict == "undecided"
    )
    assert row[1].kind == "undecided"
    assert " : " in row[3].text
    assert lists.counted(pd.Series(["a", "b", "b"])) == "2 b, 1 a"


def test_a_number_that_nobody_has_is_a_question_mark_or_nothing(cards):
    frame = pd.DataFrame(
        [
            {
                **dict.fromkeys(
                    ("statement", "where", "target", "test_set", "why", "compared_with", "failed_runs"), ""
                ),
                "metric": "f1",
                "stratum": "small",
                "budget": "few",
                "paper_method": 0.5,
                "paper_other": math.nan,
                "ours_method": math.nan,
                "ours_other": math.nan,
                "difference": math.nan,
                "ci_low": math.nan,
                "ci_high": math.nan,
                "p_value": math.nan,
                "verdict": "not testable",
            }
        ]
    )
    (row,) = lists.claims_grid(frame, cards).rows
    assert [cell.text for cell in row[3:7]] == ["", "", "", "50.0 : ?"]
    assert row[2].text.endswith("small tumors")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Dice 0.50: 2.0 mL true, 1.0 mL predicted; report 14 mm"),
        (
            {"ball_above_mm": -8.0},
            "Dice 0.50: 2.0 mL true, 1.0 mL predicted; report 14 mm; ball 8 mm below the slice",
        ),
        (
            {"ball_above_mm": 8.0, "diameter_mm": None},
            "Dice 0.50: 2.0 mL true, 1.0 mL predicted; ball 8 mm above the slice",
        ),
        ({"truth_volume_mm3": None}, "Dice 0.50: 1.0 mL predicted; report 14 mm"),
        ({"kind": "false alarm"}, "No tumor, 1.0 mL predicted"),
        ({"predicted_volume_mm3": None, "reason": "out of memory"}, "out of memory"),
        ({"predicted_volume_mm3": None}, "no prediction"),
    ],
)
def test_a_picture_is_told_in_words(changes, words):
    found = {
        "kind": "best",
        "dsc": 0.5,
        "predicted_volume_mm3": 1000.0,
        "truth_volume_mm3": 2000.0,
        "diameter_mm": 14.0,
        "ball_above_mm": None,
        "reason": "",
    }
    assert numbers_of(found | changes) == words


def test_pictures_stand_by_run(tmp_path):
    given = sources(tmp_path)
    found = browse(given.panels, given.inputs.experiment, given.inputs.cards)
    assert [(run.label, run.budget, len(run.panels)) for run in found] == [
        ("Segmentation text", "full", 6),
        ("R-Super text", "full", 6),
        ("nnU-Net text", "full", 6),
    ]
    assert found[0].panels[0]["told"] == (
        "Segmentation text, budget full, best: CT case text of same text, pancreas. "
        "Dice 0.50: 2.0 mL true, 1.2 mL predicted; report 14 mm"
    )


def test_costs_are_means_over_seeds_and_the_highest_peak(tmp_path, cards):
    def record(seconds, peak, **hardware):
        work = {"steps": 10.0, "mask_patches": 20.0, "report_patches": 0.0}
        return {
            "seconds_training": seconds,
            "work": work,
            "peak_memory_mb": {"resident": peak},
            "hardware": {"cpu": "CPU"} | hardware,
        }

    benchmark = tmp_path / "benchmarks" / "predict" / "full" / "r_super" / "seed-0.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\tmax_rss\n30.0\t100\n")
    records = {
        ("full", "r_super", 0): record(3600.0, 100.0),
        ("full", "r_super", 1): record(7200.0, 300.0, gpu="GPU"),
    }
    grid = cost_grid(records, tmp_path, cards)
    assert [cell.text for cell in grid.rows[0]] == [
        "R-Super",
        "full",
        "2",
        "5400",
        "30",
        "10",
        "20",
        "0",
        "300",
        "CPU, GPU",
    ]
    assert "3.0 hours of training, 0 minutes of prediction" in grid.notes[0]
    assert device_of({"hardware": {}}) == "unknown"


def test_where_runs_differ_every_value_is_named(tmp_path):
    given = sources(tmp_path)
    records = dict(given.records)
    records[RUNS[0]] = records[RUNS[0]] | {"commit": "f" * 40, "dirty": True, "deterministic": False}
    records[RUNS[0]] |= {"deterministic_reason": "on a GPU"}
    told = dict(origin(given.inputs.experiment, given.experiment_file, records))
    assert told["Commit"] == "0123456789ab; ffffffffffff with changes"
    assert told["Experiment"] == "made_up (made_up.yaml)"
    grid = runs_grid(records, given.inputs.cards)
    assert [row[7].text for row in grid.rows] == ["no: on a GPU", "yes", "yes"]
    assert "about: About text" in resolved(given.inputs.experiment)


def test_a_missing_record_or_table_is_named(tmp_path):
    layout = Layout(tmp_path)
    with pytest.raises(ArtifactError, match=r"run\.json: no such file"):
        read_records(layout, [("full", "r_super", 0)])
    path = layout.run("full", "r_super", 0) / "run.json"
    path.parent.mkdir(parents=True)
    write_json({"a": 1}, path)
    assert read_records(layout, [("full", "r_super", 0)]) == {("full", "r_super", 0): {"a": 1}}


@pytest.mark.parametrize("failing", [False, True])
def test_a_table_read_from_its_file_marks_failed_rows_alone(tmp_path, cards, failing):
    rows = [metric("full", method, "auc", 0.7) for method in ("segmentation", "r_super")]
    failed = failed_of([("full", "r_super", "0", "", "no mask", "none")] if failing else [])
    frame, intervals, experiment = table_of(rows, cards, failed)
    write_csv(frame, tmp_path / "table2.csv")
    paper, _ = table_grids(published(tmp_path / "table2.csv"), intervals, experiment, "t", "Table 2")
    assert {row[0].text: row[0].mark for row in paper.rows} == {
        "Segmentation": "",
        "R-Super": "‡" if failing else "",
    }


def test_claims_read_from_their_file_have_no_marks_and_no_nan(tmp_path):
    given = sources(tmp_path)
    frame = given.tables["claims"].assign(failed_runs="", compared_with="")
    write_csv(frame, tmp_path / "claims.csv")
    cells = [cell for row in lists.claims_grid(published(tmp_path / "claims.csv"), []).rows for cell in row]
    assert len(cells) > 100
    assert not [cell for cell in cells if cell.mark or "nan" in (cell.text, cell.note)]


def test_a_damaged_table_is_named(tmp_path):
    path = tmp_path / "table1.csv"
    path.write_text("")
    with pytest.raises(ArtifactError, match=r"table1\.csv: not readable as CSV"):
        published(path)
