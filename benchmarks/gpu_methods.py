"""What a step of each method costs: time and memory, from the records of runs that were made on a GPU.

On the machine with the GPU the first, here the others:

    python benchmarks/slices.py run --experiment config/gpu_steps.yaml --until fit --out OUT --runs RUNS
    python benchmarks/slices.py take OUT
    python benchmarks/gpu_methods.py [--experiment config/gpu_steps.yaml] [--out steps.csv]

One row per stage of a run. The time of a step is the median over the log's windows but the first, in which
kernels are chosen and memory is taken; it includes waiting for data, whose share is beside it. The peak of
memory is the whole process's: of all stages.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds its other files

import pandas as pd

from rsuper.artifacts import Layout
from rsuper.config.load import load_experiment
from rsuper.errors import ArtifactError, RsuperError

BASE = "segmentation"  # the row that the others' times are divided by


def stage_rows(run: Path) -> Iterator[dict[str, object]]:
    """One row for each stage of a finished run.

    Raises:
        ArtifactError: a stage's log has fewer than three lines: no time of a step can be read from it.
    """
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    for path in sorted((run / "model").rglob("training.json")):
        totals = json.loads(path.read_text(encoding="utf-8"))
        log = path.with_name("log.jsonl")
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        if len(lines) < 3:
            raise ArtifactError(f"{log}: {len(lines)} lines; steps are timed between three or more of them")
        windows = [
            (two["seconds"] - one["seconds"]) / (two["step"] - one["step"]) for one, two in pairwise(lines)
        ]
        stage = path.parent.relative_to(run / "model").as_posix()
        yield {
            "method": record["method"],
            "stage": "main" if stage == "." else stage,
            "device": record["hardware"].get("gpu", record["hardware"]["device"]),
            "steps": totals["step"],
            "mask_patches": totals["mask_patches"] / totals["step"],
            "report_patches": totals["report_patches"] / totals["step"],
            "step_ms": 1000 * statistics.median(windows),
            "stall_share": totals["stall_seconds"] / totals["seconds"],
            "peak_gib": record["peak_memory_mb"].get("accelerator", float("nan")) / 1024,
        }


def table(experiment: Path) -> pd.DataFrame:
    """Rows of all finished runs of an experiment, with times over segmentation's.

    Raises:
        ArtifactError: no run is finished.
    """
    root = Layout.of(load_experiment(experiment).name).root / "runs"
    rows = [row for record in sorted(root.glob("*/*/*/run.json")) for row in stage_rows(record.parent)]
    if not rows:
        raise ArtifactError(f"{root}: no finished run that trains; take a slice first (benchmarks/slices.py)")
    frame = pd.DataFrame(rows)
    base = frame.loc[(frame["method"] == BASE) & (frame["stage"] == "main"), "step_ms"]
    frame["over_segmentation"] = frame["step_ms"] / (base.iloc[0] if len(base) else float("nan"))
    return frame


def main() -> None:
    """Print the table, and write it where asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--experiment", type=Path, default=Path("config/gpu_steps.yaml"))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    try:
        frame = table(given.experiment)
    except RsuperError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(frame.to_string(index=False, float_format="{:.3g}".format))
    if given.out:
        frame.to_csv(given.out, index=False)


if __name__ == "__main__":
    main()
