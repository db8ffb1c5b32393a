import os
from types import SimpleNamespace

import pytest

from rsuper.errors import DataError
from rsuper.job import run
from rsuper.locks import try_lock


@pytest.fixture
def job(tmp_path, monkeypatch):
    """What a script gets from Snakemake; its log lies in a folder that is not there yet."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    log = [str(tmp_path / "logs" / "fit.log")]
    return SimpleNamespace(threads=3, log=log, rule="fit", resources={}, config={})


def log_of(job):
    with open(job.log[0], encoding="utf-8") as log:
        return log.read()


def test_output_goes_to_the_log_alone(job, capsys, monkeypatch):
    seen = []

    def main(snakemake):
        import sys

        seen.append((snakemake, os.environ["OMP_NUM_THREADS"]))
        sys.stdout.write("done\n")
        sys.stderr.write("beware\n")

    run(main, job)
    assert seen == [(job, "3")]
    assert log_of(job) == "done\nbeware\n"
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # what the user set stays
    run(main, job)
    assert seen[1] == (job, "1")


def test_a_job_holds_its_gpu_and_its_log(job, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RSUPER_DEVICE_LOCKS", str(tmp_path / "locks"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    job.resources = {"gpu": 1}
    lock = tmp_path / "logs" / ".fit.lock"

    def main(snakemake):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "4"
        assert try_lock(lock) is None

    run(main, job)
    assert log_of(job).startswith("GPU 4 taken at ")
    assert "GPU 4 given back at " in log_of(job)
    assert capsys.readouterr() == ("", "")
    job.resources = {"gpu": 3}
    with pytest.raises(SystemExit):
        run(main, job)
    assert log_of(job).startswith("ConfigError: the job asks for 3 GPUs, but 2 can be seen here")


def test_a_users_error_ends_with_its_message_alone(job, capsys):
    def main(snakemake):
        raise DataError("case x: no CT")

    with pytest.raises(SystemExit) as stopped:
        run(main, job)
    assert stopped.value.code == 1
    assert stopped.value.__suppress_context__  # nothing of the first error is printed beside the message
    assert log_of(job) == "DataError: case x: no CT\n"
    assert capsys.readouterr() == ("", "")  # Snakemake shows the end of the log


def test_another_error_leaves_its_traceback(job, capsys):
    def main(snakemake):
        return {}["no such key"]

    with pytest.raises(SystemExit) as stopped:
        run(main, job)
    assert stopped.value.code == 1
    assert log_of(job).startswith("Traceback (most recent call last):\n")
    assert "in main\n" in log_of(job)
    assert log_of(job).endswith("KeyError: 'no such key'\n")
    assert capsys.readouterr() == ("", "")


def test_what_the_log_cannot_take_is_said_on_the_terminal(job, capsys, tmp_path):
    (tmp_path / "logs").write_text("no folder")

    with pytest.raises(SystemExit):
        run(lambda snakemake: None, job)
    err = capsys.readouterr().err
    assert "FileExistsError" in err
    assert f"(rule fit, log {job.log[0]})" in err
