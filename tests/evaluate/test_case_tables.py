import pandas as pd
import pytest
from scored_runs import run_cases

from rsuper.artifacts import Layout, write_table
from rsuper.errors import ArtifactError
from rsuper.evaluate.case_tables import read_cases
from rsuper.schemas import CASES, LEAKED

RUNS = [("few", "r_super", 0), ("full", "segmentation", 1)]


def test_every_row_says_whose_it_is(tmp_path):
    layout = Layout(tmp_path)
    for run in RUNS:
        frame = run_cases([1, 0], [0.9, 0.1]).drop(columns=["budget", "method", "seed"])
        write_table(frame, layout.run(*run) / "cases" / "internal.csv", CASES)
    cases = read_cases(layout, RUNS, ["internal"])
    found = cases[["budget", "method", "seed", "case_id"]].itertuples(index=False, name=None)
    assert list(found) == [(*run, case) for run in RUNS for case in ("case000", "case001")]
    assert cases["truth"].tolist() == [True, False] * 2


def test_cases_of_leaked_patients_are_left_out_on_request(tmp_path):
    layout = Layout(tmp_path)
    frame = run_cases([1, 0, 1], [0.9, 0.1, 0.8]).drop(columns=["budget", "method", "seed"])
    write_table(frame, layout.run(*RUNS[0]) / "cases" / "internal.csv", CASES)
    leaked = pd.DataFrame([("case001", "p", "test_internal", "mask_train")], columns=list(LEAKED.columns))
    write_table(leaked, tmp_path / "leaked.csv", LEAKED)
    kept = read_cases(layout, RUNS[:1], ["internal"], leaked=tmp_path / "leaked.csv")
    assert kept["case_id"].tolist() == ["case000", "case002"]
    assert kept.index.tolist() == [0, 1]


def test_no_runs_and_a_missing_table(tmp_path):
    assert set(read_cases(Layout(tmp_path), [], ["internal"])) >= {*CASES.columns, "budget", "method", "seed"}
    with pytest.raises(ArtifactError, match=r"internal\.csv: no such file"):
        read_cases(Layout(tmp_path), RUNS, ["internal"])
