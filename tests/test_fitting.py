"""One run by several processes from one job: the numbers of one process, errors that say what happened."""

import json
import multiprocessing

import pytest

from rsuper.errors import MethodError
from rsuper.fitting import Request, fit, fit_together, save
from tests.conftest import CONFIG
from tests.methods.contract import log_lines


@pytest.fixture
def request_of(collection, tmp_path, monkeypatch):
    """`request_of(method)` in a folder where the tiny experiment lies as an experiment does."""
    root = str(collection.layout.root.parent / "raw")
    content = {**CONFIG, "datasets": {"tiny": {"source": "abdomenatlas", "root": root}}}
    (tmp_path / "tiny.yaml").write_text(json.dumps(content))
    (tmp_path / "results" / "tiny").mkdir(parents=True)
    for name in ("data", "report_vectors"):
        (tmp_path / "results" / "tiny" / name).symlink_to(collection.layout.root / name)
    monkeypatch.chdir(tmp_path)
    settings = {"experiment": str(tmp_path / "tiny.yaml"), "seed": 0, "device": "cpu"}
    return lambda method, budget="full": Request(
        method=method, budget=budget, log=str(tmp_path / "log.txt"), **settings
    )


def by_a_process_of_its_own(request):
    """Fit as a job does: afterwards its process opens no report any more."""
    child = multiprocessing.get_context("fork").Process(target=fit, args=(request,))
    child.start()
    child.join()
    assert child.exitcode == 0


@pytest.mark.slow
def test_two_processes_fit_what_one_fits(request_of, tmp_path):
    request = request_of("segmentation-stage1")
    run = tmp_path / "results" / "tiny" / "runs" / "full" / "segmentation-stage1" / "seed-0"
    by_a_process_of_its_own(request)
    alone = log_lines(run)
    run.rename(tmp_path / "alone")
    fit_together(request, 2)
    together = log_lines(run)
    assert len(together) == len(alone) == 2
    for one, two in zip(alone, together, strict=True):
        assert one == pytest.approx(two, rel=1e-5, abs=1e-5)
    assert "2/2 steps (100%)" in (tmp_path / "log.txt").read_text()


@pytest.mark.slow
def test_an_error_of_one_ends_all_and_stands_in_the_log(request_of, tmp_path):
    request = request_of("r_super")  # its first stage was never trained
    with pytest.raises(
        MethodError, match=r"one of 2 processes that trained 'r_super' failed, .*: see .*log.txt"
    ):
        fit_together(request, 2)
    said = (tmp_path / "log.txt").read_text()
    assert "ArtifactError" in said
    assert "weights.pt: no such file" in said


def test_a_request_goes_through_a_file(request_of, tmp_path):
    request = request_of("silent").model_copy(update={"log": None})
    save(request, tmp_path / "request.json")
    assert Request(**json.loads((tmp_path / "request.json").read_text())) == request
