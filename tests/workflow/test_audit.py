"""The target `audit`: its tables, that it stops, and that it costs no training."""

import json
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
def audited(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The finished experiment, audited in a copy that a test may edit."""
    project = copy_project(tmp_path_factory.mktemp("audited"))
    shutil.copytree(finished.root / "results", project.root / "results")
    shutil.copytree(finished.root / ".snakemake", project.root / ".snakemake")
    project.run("audit")
    return project


def written(project: Project) -> dict[str, bytes]:
    folder = project.results / "audit"
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_phantoms_pass(audited: Project) -> None:
    frame = pd.read_csv(audited.results / "audit" / "audit.csv", keep_default_na=False)
    assert "stop" not in set(frame["severity"])
    # A tenth of the phantoms' reports give no size, on purpose.
    assert set(frame["check"]) <= {"tumors_without_size"}
    assert (audited.results / "audit" / "passed.txt").read_text(encoding="utf-8").startswith("0 stops")
    text = (audited.results / "audit" / "audit.md").read_text(encoding="utf-8")
    assert text.startswith("# Audit of the data of `micro`\n\n58 CTs of ")
    assert "- `same_image`: No image is there under two ids" in text


def test_nothing_runs_twice_and_twice_is_the_same(audited: Project) -> None:
    assert audited.planned("audit") == {}
    first = written(audited)
    shutil.rmtree(audited.results / "audit")
    audited.run("audit")
    assert written(audited) == first


def test_it_tells_nothing_of_the_reports(audited: Project) -> None:
    content = b"".join(written(audited).values()).decode()
    for reports in (audited.results / "raw").glob("*/reports.csv"):
        for text in pd.read_csv(reports)["report"]:
            assert not any(part.strip() in content for part in text.split(".") if len(part) > 15)


def test_no_training_needs_it_and_it_needs_none(tmp_path: Path) -> None:
    fresh = copy_project(tmp_path)
    assert set(fresh.planned("audit")) == {
        "phantom",
        "findings",
        "cohort",
        "audit_facts",
        "audit_findings",
        "audit",
    }
    assert not {rule for rule in fresh.planned("all") if rule.startswith("audit")}


def test_a_leaking_patient_stops_it_with_one_paragraph(audited: Project) -> None:
    path = audited.results / "data" / "phantom_reports" / "cohort.csv"
    cohort = pd.read_csv(path, dtype=str, keep_default_na=False)
    trained, tested = (cohort.index[cohort["role"] == role][0] for role in ("report_train", "test_internal"))
    cohort.loc[tested, "patient_id"] = cohort.loc[trained, "patient_id"]
    times = path.stat().st_mtime_ns
    cohort.to_csv(path, index=False)
    seal(path)
    os.utime(path, ns=(times, times))  # not as an edit of the user's, which would make it again
    shutil.rmtree(audited.results / "audit")
    done = audited.attempt("audit")
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    message = next(line for line in done.stdout.splitlines() if "the audit stops the run" in line)
    assert "patients_in_two_roles: 1 patient with more than one role" in message
    assert "or set leaked_patients to exclude or with_and_without" in message
    assert message.endswith("All findings: results/micro/audit/audit.md")
    folder = audited.results / "audit"
    assert not (folder / "passed.txt").exists()
    both = {cohort.loc[trained, "case_id"], cohort.loc[tested, "case_id"]}
    frame = pd.read_csv(folder / "audit.csv", keep_default_na=False)
    assert set(frame.loc[0, "cases"].split()) == both
    # The experiment says what to do: then it is a warning.
    config = audited.root / "config" / "micro.yaml"
    content = yaml.safe_load(config.read_text(encoding="utf-8"))
    config.write_text(
        yaml.safe_dump(content | {"leaked_patients": "exclude"}, sort_keys=False), encoding="utf-8"
    )
    assert "audit_facts" not in audited.planned("audit")
    audited.run("audit")
    frame = pd.read_csv(folder / "audit.csv", keep_default_na=False)
    row = frame.set_index("check").loc["patients_in_two_roles"]
    assert (row["severity"], row["action"]) == ("warning", "left out of every test set")
    assert row["cases"] == cohort.loc[tested, "case_id"]
    for line in (folder / "facts" / "phantom_reports.jsonl").read_text(encoding="utf-8").splitlines():
        assert json.loads(line)["facts"]
