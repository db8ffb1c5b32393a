import json
from pathlib import Path

from rsuper.publish.timing import end_of_run

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def write(root: Path, name: str, *rows: tuple[str, str]) -> None:
    """Write one of Snakemake's benchmark files: per execution its seconds and peak memory."""
    path = root / "benchmarks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{seconds}\t0:00:01\t{memory}\t1\t1\t1\t0\t0\t99\t1\n" for seconds, memory in rows]
    path.write_bytes((HEADER + "".join(lines)).encode())


def printed(root: Path) -> list[list[str]]:
    return [line.split() for line in end_of_run(root).splitlines()]


def test_nothing_was_run(tmp_path):
    assert end_of_run(tmp_path) == "Nothing was run."


def test_time_and_memory_per_rule_longest_first(tmp_path):
    write(tmp_path, "table2.tsv", ("0.5", "80.0"))
    write(tmp_path, "fit/full/segmentation/seed-0.tsv", ("99", "900"), ("20.04", "300.5"))  # the last counts
    write(tmp_path, "fit/full/r_super/seed-0.tsv", ("30", "250.25"))
    lines = printed(tmp_path)
    assert lines[2:6] == [
        ["jobs", "seconds", "longest", "peak_mb"],
        ["rule"],
        ["fit", "2", "50.0", "30.0", "300.5"],  # 20.04 + 30; memory of the larger job
        ["table2", "1", "0.5", "0.5", "80.0"],
    ]
    assert end_of_run(tmp_path).endswith(f"\n\nTables and figures are in {tmp_path}/.")


def test_a_job_too_short_to_be_measured(tmp_path):
    write(tmp_path, "claims.tsv", ("0.02", "-"))
    write(tmp_path, "cohort/a.tsv", ("1.0", "-"))
    write(tmp_path, "cohort/b.tsv", ("2.0", "70.0"))
    assert printed(tmp_path)[4:6] == [
        ["cohort", "2", "3.0", "2.0", "70.0"],
        ["claims", "1", "0.0", "0.0", "NaN"],
    ]


def test_accuracy_of_extraction_where_it_is_known(tmp_path):
    write(tmp_path, "table2.tsv", ("1", "80"))
    for name, text in (("b", "b pancreas: presence 1.000\n"), ("a", "a kidney: presence 0.990\n")):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "extraction.txt").write_bytes(text.encode())
    lines = end_of_run(tmp_path).splitlines()
    start = lines.index("Report extraction against what the reports state:")
    assert lines[start + 1 : start + 3] == ["a kidney: presence 0.990", "b pancreas: presence 1.000"]
    (tmp_path / "data" / "a" / "extraction.txt").unlink()
    (tmp_path / "data" / "b" / "extraction.txt").unlink()
    assert "Report extraction" not in end_of_run(tmp_path)


def test_time_and_work_per_run(tmp_path):
    write(tmp_path, "fit/full/r_super/seed-7.tsv", ("30.06", "250"))
    write(tmp_path, "predict/full/r_super/seed-7.tsv", ("5.5", "90"))
    work = {"steps": 3600.0, "mask_patches": 7200.0, "report_patches": 4800.0}
    for method in ("oracle", "r_super"):
        record = tmp_path / "runs" / "full" / method / "seed-7" / "run.json"
        record.parent.mkdir(parents=True)
        own = dict.fromkeys(work, 0.0) if method == "oracle" else work
        record.write_text(json.dumps({"work": own}))
    lines = printed(tmp_path)
    start = lines.index(
        [
            "Time",
            "and",
            "work",
            "per",
            "run",
            "(seconds;",
            "steps",
            "and",
            "patches",
            "over",
            "all",
            "stages):",
        ]
    )
    assert lines[start + 1 : start + 4] == [
        ["budget", "method", "seed", "steps", "mask_patches", "report_patches", "fit_s", "predict_s"],
        ["full", "oracle", "7", "0", "0", "0", "NaN", "NaN"],
        ["full", "r_super", "7", "3600", "7200", "4800", "30.1", "5.5"],
    ]
