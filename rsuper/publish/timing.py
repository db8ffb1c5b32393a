"""What is printed when the workflow has finished: time and memory per rule, and where to look."""

from pathlib import Path

import pandas as pd


def end_of_run(root: Path) -> str:
    """Summarize the rules' last executions from Snakemake's benchmark files below `root`/benchmarks."""
    rows = [
        {"rule": path.relative_to(root / "benchmarks").parts[0].removesuffix(".tsv"), **_record(path)}
        for path in sorted((root / "benchmarks").rglob("*.tsv"))
    ]
    if not rows:
        return "Nothing was run."
    frame = pd.DataFrame(rows)
    table = frame.groupby("rule", sort=False).agg(
        jobs=("s", "size"), seconds=("s", "sum"), longest=("s", "max"), peak_mb=("max_rss", "max")
    )
    table = table.sort_values("seconds", ascending=False).round(1)
    lines = [
        "Time per rule (last execution of each job, seconds; peak memory of one job, MB):",
        table.to_string(),
    ]
    accuracy = [
        path.read_text(encoding="utf-8").strip() for path in sorted(root.glob("data/*/extraction.txt"))
    ]
    if accuracy:
        lines += ["", "Report extraction against what the reports state:", *accuracy]
    return "\n".join(["", *lines, "", f"Tables and figures are in {root}/."])


def _record(path: Path) -> dict[str, float]:
    last = pd.read_csv(path, sep="\t", na_values="-").iloc[-1]
    return {"s": float(last["s"]), "max_rss": float(last["max_rss"])}
