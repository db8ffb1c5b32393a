"""Methods that read text, and methods that read what they must not: through the workflow, on micro.yaml."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.extraction.server import Server, answer_by_rules
from tests.workflow.conftest import ROOT, Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

CONFIG = "config/micro_text.yaml"
EXPERIMENT = """\
extends: micro.yaml
name: micro_text
budgets:
  full: {methods: [clip_like, peeker]}
  fewer: {reports: 8, methods: [clip_like]}
"""
RUNS = "results/micro_text/runs"
PEEKER = """
def fit(task: Task, config: Config) -> None:
    \"\"\"Read what the card does not declare.\"\"\"
    folder = task.cohort.masks[0].folder
    print((folder.parent.parent / "phantom_reports" / "findings.jsonl").read_text())


"""


@pytest.fixture(scope="module")
def project(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy with the data of the micro experiment, and a method that reads what it must not."""
    copied = copy_project(tmp_path_factory.mktemp("text"))
    shutil.copytree(finished.results / "raw", copied.root / "results" / "micro_text" / "raw")
    (copied.root / CONFIG).write_text(EXPERIMENT)
    folder = copied.root / "methods" / "peeker"
    shutil.copytree(ROOT / "methods" / "segmentation", folder, ignore=shutil.ignore_patterns("__pycache__"))
    code = (folder / "method.py").read_text()
    head, _, rest = code.partition("def fit(")
    (folder / "method.py").write_text(head + PEEKER.lstrip() + rest[rest.index("def predict(") :])
    return copied


def vectors(project: Project, budget: str) -> pd.DataFrame:
    return pd.read_csv(project.root / "results" / "micro_text" / "report_vectors" / budget / "seed-0.csv")


def test_text_reaches_a_method_as_vectors_of_its_own_training_reports(project: Project) -> None:
    files = [
        f"{RUNS}/{budget}/clip_like/seed-0/predictions/internal/predictions.csv"
        for budget in ("full", "fewer")
    ]
    project.run(*files, config=CONFIG)
    cohort = pd.read_csv(project.root / "results/micro_text/data/phantom_reports/cohort.csv")
    training = set(cohort.loc[cohort["role"] == "report_train", "case_id"])
    full, fewer = vectors(project, "full"), vectors(project, "fewer")
    held_out = round(0.25 * (20 + 10))
    assert len(full) == 20 - held_out
    assert set(fewer["case_id"]) < set(full["case_id"]) < training
    assert len(fewer) == 8
    # Fitted on these reports alone: fewer reports, fewer axes.
    assert (full.shape[1], fewer.shape[1]) == (1 + len(full) - 1, 1 + len(fewer) - 1)


def test_another_rule_for_vectors_trains_their_readers_anew(project: Project) -> None:
    files = [f"{RUNS}/full/clip_like/seed-0/run.json"]
    path = project.root / "rsuper" / "reports" / "vectors.py"
    text = path.read_text()
    assert project.planned(*files, config=CONFIG) == {}
    path.write_text(text.replace("sublinear_tf=True", "sublinear_tf=False"))
    try:
        assert {"report_vectors", "fit"} <= set(project.planned(*files, config=CONFIG))
    finally:
        path.write_text(text)


def test_a_method_cannot_read_reports_from_files_either(project: Project) -> None:
    done = project.attempt(f"{RUNS}/full/peeker/seed-0/run.json", config=CONFIG)
    assert done.returncode != 0
    assert "MethodError: method 'peeker' opened" in done.stdout
    assert "findings.jsonl: what reports say reaches a method by its task alone" in done.stdout
    assert not Path(project.root, RUNS, "full/peeker/seed-0/run.json").exists()


def without_places(findings: list[dict[str, object]]) -> list[str]:
    """Findings as texts, in one order; a sentence that stands twice may be quoted from either place."""
    return sorted(json.dumps({**finding, "span": 0}) for finding in findings)


def test_a_language_model_reads_the_reports_of_an_experiment(project: Project) -> None:
    """The model answers as our rules read, after a failure now and then: so the findings are theirs."""
    server = Server(
        lambda report, before, body: 503 if len(report) % 3 == 0 and not before else answer_by_rules(report)
    )
    section = f"extraction: {{extractor: llm, server: '{server.url}', model: m}}"
    (project.root / "config/micro_llm.yaml").write_text(f"extends: micro.yaml\nname: micro_text\n{section}\n")
    folder = project.root / "results/micro_text/data/phantom_reports"
    by_rules = [json.loads(line) for line in (folder / "findings.jsonl").read_text().splitlines()]
    try:
        target = "results/micro_text/data/phantom_reports/findings.jsonl"
        project.run(target, config="config/micro_llm.yaml")
        by_model = [json.loads(line) for line in (folder / "findings.jsonl").read_text().splitlines()]
        asked = sum(server.asked.values())
        (folder / "findings.jsonl").unlink()
        project.run(target, config="config/micro_llm.yaml")
        assert sum(server.asked.values()) == asked  # nothing is asked twice
    finally:
        server.close()
    ledger = pd.read_csv(folder / "extraction.csv")
    assert (ledger["read_by"] == "llm").all()
    assert set(ledger["case_id"]) == {found["case_id"] for found in by_model}
    assert "presence 1.000" in (folder / "extraction.txt").read_text()
    for own, other in zip(by_rules, by_model, strict=True):
        assert own["extractor"] == "rules"
        assert other["extractor"] == "llm"
        for key in ("absent", "unmentioned", "report_sha256"):
            assert own[key] == other[key]
        assert without_places(own["findings"]) == without_places(other["findings"])
