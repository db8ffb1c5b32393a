"""The same experiment gives the same bytes, however it is run; the whole of it in `make test-faults`."""

import shutil
from pathlib import Path

import pytest

from tests.workflow.conftest import Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

TABLES = ("metrics.csv", "comparisons.csv", "table2.csv", "table2_validation.csv", "table3.csv")
RUN = Path("runs") / "full" / "r_super" / "seed-0"


def test_a_run_made_again_elsewhere_on_one_core_in_another_order_gives_the_same_bytes(
    finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_project(tmp_path / "elsewhere" / "deeper")
    for part in ("results", ".snakemake"):
        shutil.copytree(finished.root / part, project.root / part)
    expected = {name: (project.results / name).read_bytes() for name in TABLES}
    maps = sorted(path.relative_to(project.results) for path in (project.results / RUN).rglob("*.nii.gz"))
    expected |= {str(path): (project.results / path).read_bytes() for path in maps}
    shutil.rmtree(project.results / RUN)
    for name in TABLES:
        (project.results / name).unlink()
    monkeypatch.setenv("PYTHONHASHSEED", "4711")
    done = project.run("table3", "table2", options=("--scheduler", "greedy", "--cores", "1"))
    assert "Training " in done
    found = {name: (project.results / name).read_bytes() for name in expected}
    assert [name for name in expected if found[name] != expected[name]] == []
