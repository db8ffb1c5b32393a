import pytest
from scored_runs import run_cases

from rsuper.artifacts import Layout, write_table
from rsuper.errors import ArtifactError
from rsuper.evaluate.case_tables import read_cases
from rsuper.schemas import CASES

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


def test_no_runs_and_a_missing_table(tmp_path):
    assert set(read_cases(Layout(tmp_path), [], ["internal"])) >= {*CASES.columns, "budget", "method", "seed"}
    with pytest.raises(ArtifactError, match=r"internal\.csv: no such file"):
        read_cases(Layout(tmp_path), RUNS, ["internal"])
