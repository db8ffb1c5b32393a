"""Jobs are per data set or per run, never per case, and planning reads no file of a case."""

from pathlib import Path

import pytest

from benchmarks import plan
from rsuper.artifacts import Layout
from rsuper.config.load import load_experiment
from rsuper.data.sources.raw_case import origin_of
from rsuper.data.sources.registry import read_cases

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

CONFIG = plan.ROOT / "config"
CTS = 16_488


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the paper's data sets before the first run; no file that the tables name exists."""
    folder = tmp_path_factory.mktemp("site")
    plan.write_sources(folder)
    return folder


def test_the_papers_cohorts_and_sizes(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site)
    assert sum(len(list(plan.made_up_cases(dataset))) for dataset in plan.COHORTS) == CTS
    experiment = load_experiment(CONFIG / "paper.yaml")
    roles: dict[str, int] = {}
    for dataset, settings in experiment.datasets.items():
        for case in read_cases(origin_of(dataset, settings, Layout.of("paper"))):
            roles[case.role] = roles.get(case.role, 0) + 1
            assert "no such file" in case.reason
    assert roles == {"mask_train": 9_262, "report_train": 6_718, "test_internal": 408, "test_external": 100}


def test_planning_the_papers_size(site: Path, tmp_path: Path) -> None:
    first = plan.planned(site, CONFIG / "paper.yaml")
    assert 50 < first.jobs < 500
    assert first.peak_mib < 1024
    # As many jobs as without a single case.
    assert plan.planned(tmp_path, CONFIG / "paper.yaml").jobs == first.jobs

    plan.write_cohorts(site)
    again = plan.planned(site, CONFIG / "paper.yaml")
    shards = sum(dataset.shards for dataset in load_experiment(CONFIG / "paper.yaml").datasets.values())
    assert again.jobs == first.jobs - 3 * 3 - shards  # per data set: findings, cohort, preprocess
    assert again.peak_mib < 1024


def test_the_peak_is_the_planned_runs_own(tmp_path: Path) -> None:
    # Memory that the measuring process once held must not count: 1.2 GB of it, touched.
    held = bytearray(1_200 * 2**20)
    held[::4096] = b"x" * len(held[::4096])
    assert plan.planned(tmp_path, CONFIG / "public.yaml").peak_mib < 1024
    assert len(held) > 2**30


def test_planning_public_data(tmp_path: Path) -> None:
    assert 50 < plan.planned(tmp_path, CONFIG / "public.yaml").jobs < 500
