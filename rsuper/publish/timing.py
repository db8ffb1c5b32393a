"""What is printed when the workflow has finished: time and memory per rule, and where to look."""

from pathlib import Path

import pandas as pd

from rsuper.artifacts import read_json


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
    lines += ["", "Time and work per run (seconds; steps and patches over all stages):", *_runs(root)]
    accuracy = [
        path.read_text(encoding="utf-8").strip() for path in sorted(root.glob("data/*/extraction.txt"))
    ]
    if accuracy:
        lines += ["", "Report extraction against what the reports state:", *accuracy]
    return "\n".join(["", *lines, "", f"Tables and figures are in {root}/."])


def _runs(root: Path) -> list[str]:
    """Lines of a table with one row per run that has a record."""
    rows = []
    for path in sorted((root / "runs").glob("*/*/seed-*/run.json")):
        budget, method, seed = path.parent.relative_to(root / "runs").parts
        work = read_json(path)["work"]
        rows.append(
            {
                "budget": budget,
                "method": method,
                "seed": seed.removeprefix("seed-"),
                **{name: int(work[name]) for name in ("steps", "mask_patches", "report_patches")},
                **{f"{rule}_s": seconds_of(root, rule, budget, method, seed) for rule in ("fit", "predict")},
            }
        )
    return [pd.DataFrame(rows).to_string(index=False)] if rows else ["no run"]


def seconds_of(root: Path, rule: str, *names: str) -> float | None:
    """Seconds of the last execution of a rule for a run (budget, method, seed folder); None where unknown."""
    path = root.joinpath("benchmarks", rule, *names).with_suffix(".tsv")
    return round(_record(path)["s"], 1) if path.is_file() else None


def _record(path: Path) -> dict[str, float]:
    last = pd.read_csv(path, sep="\t", na_values="-").iloc[-1]
    return {"s": float(last["s"]), "max_rss": float(last["max_rss"])}
