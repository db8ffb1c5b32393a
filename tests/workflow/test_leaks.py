"""A patient in training and in a test set: stopped, or shown with and without, and always named."""

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from rsuper.files import seal
from tests.workflow.conftest import Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]


@pytest.fixture(scope="module")
def leaking(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The finished experiment, where a patient of a test set turns out to be one of the report cohort's."""
    project = copy_project(tmp_path_factory.mktemp("leaking"))
    shutil.copytree(finished.root / "results", project.root / "results")
    shutil.copytree(finished.root / ".snakemake", project.root / ".snakemake")
    path = project.results / "data" / "phantom_reports" / "cohort.csv"
    cohort = pd.read_csv(path, dtype=str, keep_default_na=False)
    trained, tested = (cohort.index[cohort["role"] == role][0] for role in ("report_train", "test_internal"))
    cohort.loc[tested, "patient_id"] = cohort.loc[trained, "patient_id"]
    written = path.stat().st_mtime_ns
    cohort.to_csv(path, index=False)
    seal(path)
    os.utime(path, ns=(written, written))  # not as an edit, which would train everything again
    return project


def choose(project: Project, policy: str) -> None:
    # In the same file: its name is a setting of every rule.
    path = project.root / "config" / "micro.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(content | {"leaked_patients": policy}, sort_keys=False), encoding="utf-8")


def cases_in(path: Path) -> int:
    """Test CTs behind the kidney's internal columns of a table."""
    counts = pd.read_csv(path)["kidney_internal_n"].dropna().loc[lambda text: text != "0+0"]
    return sum(map(int, counts.iloc[0].split("+")))


def test_a_leaking_patient_stops_the_run(leaking: Project) -> None:
    choose(leaking, "stop")
    done = leaking.attempt("table2", options=("--forcerun", "metrics"))
    assert done.returncode != 0
    assert "patients with more than one role: CTs phantom_reports_" in done.stdout
    assert "or set leaked_patients to exclude or with_and_without" in done.stdout
    assert "Traceback" not in done.stdout


def test_tables_with_and_without_leaked_patients(finished: Project, leaking: Project) -> None:
    choose(leaking, "with_and_without")
    leaking.run("table2")
    results = leaking.results
    leaked = pd.read_csv(results / "leaked.csv")
    assert leaked[["role", "training_roles"]].to_numpy().tolist() == [["test_internal", "report_train"]]
    everyone = cases_in(finished.results / "table2.csv")
    assert cases_in(results / "table2.csv") == everyone - 1
    assert cases_in(results / "table2_with_leaked.csv") == everyone
    with_leaked = pd.read_csv(results / "table2_with_leaked.csv")
    pd.testing.assert_frame_equal(with_leaked, pd.read_csv(finished.results / "table2.csv"))
    note = "1 test CTs of 1 patients who are in training too"
    assert f"Without {note}" in (results / "table2.md").read_text(encoding="utf-8")
    assert f"With {note}" in (results / "table2_with_leaked.md").read_text(encoding="utf-8")


def test_excluded_patients_are_not_even_scored(leaking: Project) -> None:
    target = "results/micro/runs/full/segmentation/seed-0/cases/internal.csv"
    choose(leaking, "exclude")
    leaking.run(target)
    scored = set(pd.read_csv(leaking.root / target)["case_id"])
    cohort = pd.read_csv(leaking.results / "data" / "phantom_reports" / "cohort.csv")
    tested = cohort[cohort["role"] == "test_internal"]
    trained = set(cohort.loc[cohort["role"] == "report_train", "patient_id"])
    assert scored == set(tested.loc[~tested["patient_id"].isin(trained), "case_id"])
    assert len(scored) == len(tested) - 1
