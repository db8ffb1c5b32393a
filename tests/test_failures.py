import logging
from types import SimpleNamespace

from rsuper.failures import LastLines, last_lines, show_last_lines


def record(event, **said):
    made = logging.LogRecord("snakemake", logging.ERROR, "x.py", 1, "failed", (), None)
    made.__dict__.update(event=SimpleNamespace(name=event), **said)
    return made


def test_the_last_lines_of_a_log(tmp_path):
    path = tmp_path / "fit.log"
    assert last_lines(path) == []
    path.write_text("")
    assert last_lines(path) == []
    path.write_bytes(
        b"".join(b"line %d\n\n" % number for number in range(50)) + b"\x1b[31mred \xff\n" + b"x" * 9000
    )
    lines = last_lines(path)
    assert len(lines) == 15
    assert lines[0] == "line 37"
    assert lines[-2] == " [31mred \ufffd"  # nothing that controls a terminal
    assert lines[-1] == "x" * 3000
    path.write_text("a" * 10**6 + "\nlast\n")
    assert last_lines(path, 1) == ["last"]


def test_a_failed_job_is_told_with_them(tmp_path):
    path = tmp_path / "fit.log"
    path.write_text("first\nDataError: no CT\n")
    failed = record("JOB_ERROR", input=["a"] * 99, log=[str(path)], aux={"external": 7}, rule_msg=None)
    assert LastLines().filter(failed)
    assert failed.input == []
    assert failed.aux == {"external": 7, f"last lines of {path}": "\n        first\n        DataError: no CT"}
    failed = record("JOB_ERROR", log=[str(tmp_path / "none.log")])
    assert LastLines().filter(failed)
    assert list(failed.aux.values()) == ["none: it ended before it wrote any"]


def test_a_job_that_begins_has_a_short_reason():
    begun = record(
        "JOB_INFO", rule_msg="Training", reason="Input files updated: " + ", ".join(["x.csv"] * 99)
    )
    assert LastLines().filter(begun)
    assert len(begun.reason) <= 160
    assert begun.reason.endswith(" ...")
    dry = record("JOB_INFO", rule_msg=None, reason="y" * 500)
    assert LastLines().filter(dry)
    assert len(dry.reason) == 500
    assert LastLines().filter(logging.LogRecord("x", logging.INFO, "x.py", 1, "said", (), None))


def test_a_logger_gets_it_once():
    logger = logging.Logger("own")
    show_last_lines(logger)
    show_last_lines(logger)
    assert len(logger.filters) == 1
