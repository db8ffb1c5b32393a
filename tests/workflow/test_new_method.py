"""docs/new-method.md, followed to the letter: a folder more, no other file changed, a row everywhere."""

import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import new_method
from rsuper.artifacts import read_json
from tests.workflow.conftest import ROOT, Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

NAME, LABEL = "my_idea", "Smooth maximum"
TEXT = new_method.DOCUMENT.read_text(encoding="utf-8")
FILES = {
    f"methods/{NAME}/{name}"
    for name in ("method.yaml", "method.py", "config/micro.yaml", "config/phantom.yaml")
}


def trained(results: Path) -> dict[str, int]:
    """When each run was finished."""
    return {str(path.relative_to(results)): path.stat().st_mtime_ns for path in results.rglob("run.json")}


@pytest.fixture(scope="module")
def walked(finished: Project, tmp_path_factory: pytest.TempPathFactory):
    """A copy of the project with the micro experiment run, after the walk; and what each command printed."""
    folder = tmp_path_factory.mktemp("walk") / "project"
    ignored = shutil.ignore_patterns(*new_method.LEFT_OUT, "results")
    shutil.copytree(ROOT, folder, ignore=ignored)
    for name in ("results", ".snakemake"):
        shutil.copytree(finished.root / name, folder / name)
    new_method.copied(folder)
    before = trained(folder / "results" / "micro")
    printed = {}
    for step, seconds, output in new_method.walk(folder, TEXT):
        sys.stdout.write(f"{seconds:6.1f} s  {step.what.splitlines()[0][:100]}\n")
        printed[step.what] = output
    return Project(folder), before, printed


def test_one_folder_is_new_and_no_other_file_changed(walked):
    project, _, printed = walked
    assert printed["git status --short"] == f"?? methods/{NAME}/\n"
    listed = new_method.git(project.root, "status", "--porcelain", "--untracked-files=all")
    assert {line[3:] for line in listed.splitlines()} == FILES


def test_the_new_row_alone_was_trained(walked):
    project, before, _ = walked
    after = trained(project.results)
    assert {key: after[key] for key in before} == before
    assert set(after) - set(before) == {f"runs/{budget}/{NAME}/seed-0/run.json" for budget in ("few", "full")}


@pytest.mark.parametrize("table", ["table2", "table3"])
def test_the_row_stands_in_the_tables(walked, table):
    project, _, _ = walked
    frame = pd.read_csv(project.results / f"{table}.csv")
    rows = frame[frame["method"] == NAME]
    assert set(rows["budget"]) == {"few", "full"}
    assert set(rows["label"]) == {LABEL}
    assert set(rows["status"]) == {"run"}
    numbers = [name for name in frame if str(name).endswith(("_auc", "_f1")) and "kidney" in str(name)]
    assert len(numbers) >= 4
    # A size of which there is no tumor has no number.
    assert rows[numbers].notna().any(axis=1).all()
    assert table != "table2" or rows[numbers].notna().all(axis=None)
    assert LABEL in (project.results / f"{table}.md").read_text(encoding="utf-8")


def test_table1_says_what_it_uses(walked):
    project, _, _ = walked
    row = pd.read_csv(project.results / "table1.csv").set_index("method").loc[NAME]
    assert (row["uses_reports"], row["uses_detailed_report_info"]) == ("yes", "no")


def test_it_is_compared_and_drawn(walked):
    project, _, _ = walked
    comparisons = pd.read_csv(project.results / "comparisons.csv").query("other == @NAME")
    assert {"auc", "f1", "dsc", "nsd"} <= set(comparisons["metric"])
    for figure in ("figure4", "roc"):
        assert LABEL in (project.results / "figures" / f"{figure}.svg").read_text(encoding="utf-8")


def test_it_is_in_the_report(walked):
    """The page is made by `make all` where the workflow has it: then the row must stand in it."""
    project, _, _ = walked
    page = project.results / "report.html"
    if not page.exists():
        pytest.skip("this workflow makes no report.html")
    assert LABEL in page.read_text(encoding="utf-8")


def test_records_and_notes_say_which_rows_were_added(walked):
    project, _, _ = walked
    record = read_json(project.results / "runs" / "full" / NAME / "seed-0" / "run.json")
    assert record["resolved_experiment"]["add_rows"] == {"few": [NAME], "full": [NAME]}
    note = f"Rows that were added to the experiment: few: {NAME}; full: {NAME}."
    assert note in (project.results / "table2.md").read_text(encoding="utf-8")


def test_without_the_row_nothing_is_trained(walked):
    project, _, _ = walked
    planned = project.planned("table2")
    assert "fit" not in planned
    assert "table2" in planned
    assert project.planned("all", config=f"methods/{NAME}/config/micro.yaml") == {}


def test_the_document_shows_what_the_scaffold_would_not_write(walked):
    """What the reader is asked to write stands there as the method that was run."""
    project, _, printed = walked
    written = [step for step in new_method.steps(TEXT) if step.file]
    assert [step.file for step in written] == [f"methods/{NAME}/method.yaml", f"methods/{NAME}/method.py"]
    for step in written:
        assert (project.root / step.file).read_text(encoding="utf-8") == step.text
    assert any(LABEL in text for text in printed.values())
