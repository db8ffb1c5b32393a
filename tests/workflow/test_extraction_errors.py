"""The figure of extraction errors: planned where runs make them, and drawn from the long forms alone."""

from pathlib import Path

import pytest
import yaml

from rsuper.artifacts import Layout, read_table, write_json, write_table
from rsuper.publish.figures.tables import EXTRACTION_ERRORS
from rsuper.schemas import COMPARISONS, FAILED_RUNS, METRICS
from tests.publish.long_forms import comparison, comparisons_of, failed_of, metric, metrics_of
from tests.workflow.conftest import Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("extraction_errors")]

CONFIG = "config/extraction_errors.yaml"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the project without results."""
    return copy_project(tmp_path_factory.mktemp("errors"))


def test_the_figure_is_planned_where_runs_make_errors(project: Project) -> None:
    planned = project.planned("figures", config=CONFIG)
    assert len(planned["extraction_errors"]) == 1
    assert len(planned["fit"]) == 3 * (1 + 2 + 8)  # seeds; first stage, two rows, eight controls
    assert "extraction_errors" not in project.planned("figures")


def test_the_rule_draws_from_the_long_forms(project: Project) -> None:
    layout = Layout(project.root / "results" / "extraction_errors")
    budget = yaml.safe_load((project.root / CONFIG).read_text(encoding="utf-8"))["budgets"]["few"]
    methods = [*budget["methods"], *budget["controls"]]
    rows = [metric("few", method, "auc", 0.7, seed="all") for method in methods]
    compared = [comparison(other, "auc", 0, 0.1, 0.5, budget="few", seed="all") for other in methods]
    write_table(metrics_of(rows), layout.root / "metrics.csv", METRICS)
    write_table(comparisons_of(compared), layout.root / "comparisons.csv", COMPARISONS)
    counts = {"pancreas": 8, "kidney": 8}
    write_table(failed_of([]), layout.root / "failed_runs.csv", FAILED_RUNS)
    write_json({"few": {"masks": counts, "reports": counts}}, layout.root / "supervision.json")
    files = [f"results/extraction_errors/figures/extraction_errors.{kind}" for kind in ("svg", "png", "csv")]
    project.run(files[0], config=CONFIG, options=("--allowed-rules", "extraction_errors"))
    assert all((project.root / name).stat().st_size for name in files)
    points = read_table(project.root / Path(files[2]), EXTRACTION_ERRORS)
    assert sorted(points["rate"].dropna()) == [0.0] + [0.1] * 4 + [0.3] * 4
