"""How well reports are read, as a target: it needs no run of the experiment."""

from pathlib import Path

import pandas as pd
import pytest

from rsuper.extraction_report.real_sets import SKIPPED
from rsuper.reports.findings import TARGETS
from tests.extraction.server import Server, answer_by_rules
from tests.workflow.conftest import Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("extraction_report")]

FOLDER = "results/micro/extraction_report"
SETS = ["phantom_first", "phantom_second", "phantom_third"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy on a machine without real data."""
    monkeypatch.setenv("RSUPER_REAL_DATA", str(tmp_path / "none"))
    return copy_project(tmp_path)


def files(project: Project) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (project.root / FOLDER).glob("[!.]*")}  # no seals


def test_the_rules_are_scored_and_the_same_bytes_come_again(project: Project) -> None:
    project.run("extraction_report")
    first = files(project)
    assert sorted(first) == ["accuracy.csv", "accuracy.md", "disagreements.csv"]
    accuracy = pd.read_csv(project.root / FOLDER / "accuracy.csv")
    assert list(accuracy["set"].unique()) == SETS
    assert set(accuracy["extractor"]) == {"rules"}
    assert not accuracy.duplicated(["extractor", "set", "target", "measure"]).any()
    assert accuracy.groupby(["set", "target"]).size().nunique() == 1
    scored = accuracy[accuracy["measure"] == "error_unread"]
    assert scored["n"].tolist() == [40] * len(SETS) * len(TARGETS)
    assert SKIPPED in first["accuracy.md"].decode()
    assert SKIPPED in (project.results / "logs" / "extraction_report.log").read_text()
    assert project.planned("extraction_report") == {}
    project.run("extraction_report", options=("--forcerun", "extraction_report"))
    assert files(project) == first


def test_a_language_model_is_asked_about_each_report_once(project: Project) -> None:
    server = Server(lambda report, before, body: answer_by_rules(report))
    section = f"extraction: {{extractor: llm, server: '{server.url}', model: m}}"
    text = f"extends: micro.yaml\n{section}\nextraction_report: {{phantoms: 10}}\n"
    (project.root / "config" / "llm.yaml").write_text(text)
    try:
        project.run("extraction_report", config="config/llm.yaml")
        assert set(server.asked.values()) == {1}
        assert len(server.asked) == 10 * len(SETS)
        first = files(project)
        project.run(
            "extraction_report", config="config/llm.yaml", options=("--forcerun", "extraction_report")
        )
        assert set(server.asked.values()) == {1}
    finally:
        server.close()
    assert {name: content for name, content in files(project).items() if "sqlite" not in name} == {
        name: content for name, content in first.items() if "sqlite" not in name
    }
    accuracy = pd.read_csv(project.root / FOLDER / "accuracy.csv")
    rules, model = (
        accuracy[accuracy["extractor"] == name].drop(columns=["extractor", "version"]).reset_index(drop=True)
        for name in ("rules", "llm")
    )
    assert model.equals(rules)  # it answers as they read
    ledger = pd.read_csv(project.root / FOLDER / "ledger.csv")
    assert len(ledger) == ledger["case_id"].nunique() == 30
    assert set(ledger["read_by"]) == {"llm"}
