import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from rsuper.files import sha256_of
from rsuper.job import run
from rsuper.provenance import jobs
from rsuper.provenance.jobs import record_file, recorded


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_record_lies_where_the_log_does_and_says_what_was_read_and_made(results):
    record = read(results / "provenance" / "fit" / "few" / "r_super" / "seed-3.json")
    assert record["rule"] == "fit"
    assert record["wildcards"] == {"budget": "few", "method": "r_super", "seed": "3"}
    (made,) = record["outputs"]
    path = results / made["path"]
    assert made == {
        "path": "runs/few/r_super/seed-3/run.json",
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
    }
    assert [item["path"] for item in record["inputs"]] == ["raw/tiny/metadata.csv"]
    assert record["settings"]["code"] == "c1"
    assert record["settings"]["settings"]["schedule"]["steps"] == 2
    assert set(record["hardware"]) == {"machine", "cpu", "cpu_count", "memory_mb", "threads", "gpus"}
    assert {"rsuper-bench", "python", "torch", "numpy"} <= set(record["versions"])
    assert {"commit", "dirty", "changed"} <= set(record)
    assert record["peak_memory_mb"] > 10
    started, ended = (datetime.fromisoformat(record[name]) for name in ("started", "ended"))
    assert timedelta() <= ended - started <= datetime.now(UTC) - started


def test_of_a_file_outside_the_results_only_the_name_is_told(made):
    path = made / "provenance" / "phantom" / "tiny.json"
    (item,) = read(path)["inputs"]
    assert (item["outside"], item["bytes"]) == ("cases.csv", 10)
    assert str(made.parents[1]) not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("log", "record"),
    [
        ("results/x/logs/fit/a.log", "results/x/provenance/fit/a.json"),
        ("results/logs/table2.log", "results/provenance/table2.json"),
        ("somewhere/fit.log", "somewhere/provenance/fit.json"),
    ],
)
def test_where_a_record_lies(tmp_path, log, record):
    assert record_file(tmp_path / log) == tmp_path / record


def test_a_job_that_fails_leaves_no_record_not_even_its_last_one(results, job):
    path = results / "provenance" / "metrics.json"
    assert path.is_file()
    asked = SimpleNamespace(rule="metrics", threads=1, log=[str(results / "logs" / "metrics.log")])
    seen = []

    def fail():
        with recorded(asked):
            seen.append(path.exists())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert seen == [False]
    assert not path.exists()


def test_every_script_leaves_one(tmp_path):
    log = tmp_path / "logs" / "cohort" / "tiny.log"
    asked = SimpleNamespace(threads=1, log=[str(log)], rule="cohort", resources={}, config={})
    run(lambda snakemake: None, asked)
    assert read(tmp_path / "provenance" / "cohort" / "tiny.json")["rule"] == "cohort"


def test_a_clock_that_is_set_back_makes_no_job_end_before_it_began(monkeypatch):
    began = datetime(2030, 1, 1, tzinfo=UTC)
    facts = jobs.finished(began, 2.5)
    assert (facts["started"], facts["ended"]) == (
        "2030-01-01T00:00:00.000+00:00",
        "2030-01-01T00:00:02.500+00:00",
    )


def test_names_of_the_gpus_that_torch_used(monkeypatch):
    cuda = SimpleNamespace(
        is_initialized=lambda: True, device_count=lambda: 1, get_device_name=lambda number: f"GPU {number}"
    )
    monkeypatch.setitem(jobs.sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert jobs.finished(datetime.now(UTC), 0.0)["hardware"]["gpus"] == ["GPU 0"]
