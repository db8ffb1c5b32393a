"""Ten random faults of those of `make test-faults`: they meet the last jobs of a run, which take seconds."""

import os
from pathlib import Path

import pytest

from tests.faults.kinds import AS_ROOT, HALFWAY, KINDS
from tests.faults.project import Project as Disturbed
from tests.faults.trial import trial
from tests.workflow.conftest import Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

# Seeds whose file no earlier job must make anew.
SEEDS = {"removed": 4, "truncated": 3, "bytes flipped": 4, "memory limit": 2}
CHOSEN = [(kind, SEEDS.get(kind, 1)) for kind in KINDS if kind != HALFWAY] + [("bytes flipped", 3)]


@pytest.mark.parametrize(("kind", "seed"), CHOSEN)
def test_after_a_fault_the_tables_are_the_same(
    finished: Project, tmp_path: Path, kind: str, seed: int
) -> None:
    if kind in AS_ROOT and os.geteuid() != 0:
        pytest.skip("mounts a file system: needs root")
    base = Disturbed(finished.root, Path("config/micro.yaml"), finished.root, late=True)
    outcome = trial(base, kind, seed, tmp_path / "disturbed")
    assert outcome.verdict in ("same", "mended"), (outcome.what, outcome.said)
