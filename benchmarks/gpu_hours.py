"""GPU hours per row at the paper's size, from step times that were measured.

    python benchmarks/gpu_hours.py [--measured gpu.jsonl] [--experiment config/paper.yaml]

Training: steps of the experiment x time of a step. Measured are steps of two patches, of a segmentation and
of R-Super with half of its patches from reports (benchmarks/gpu.py); more patches count in proportion.
Taken for granted: data come in time; what a baseline adds to the network costs nothing; a setting in which
R-Super was not measured slows it by as much as segmentation. nnU-Net was not measured: no hours.

Prediction was not measured: a window's forward pass is set to a third of its training step, a CT to 400 x 400
x 500 mm. Its hours are a guess at the order.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds its other files

from benchmarks.plan import COHORTS
from rsuper.config.experiment import Experiment
from rsuper.config.load import load_experiment
from rsuper.methods import with_upstream

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ROOT / "results" / "reference" / "gpu" / "gpu.jsonl"
PAPER = ROOT / "config" / "paper.yaml"
# Name here -> setting of benchmarks/gpu.py. The first is what torch does unless told otherwise.
SETTINGS = {
    "TF32 convolutions": "float32, torch's defaults (TF32 in convolutions)",
    "bf16": "bf16",
    "bf16, norms compiled": "bf16, norms compiled",
}
FORWARD_SHARE = 1 / 3
EXTENT_MM = (400.0, 400.0, 500.0)
UNMEASURED = ("nnunet",)


@dataclass(frozen=True)
class Work:
    """Patches that a training runs through the network; those of R-Super's steps cost more."""

    plain: float
    r_super: float = 0.0


@dataclass(frozen=True)
class Speed:
    """Hours per patch."""

    plain: float
    r_super: float


def measured(path: Path) -> dict[str, Speed]:
    """Read the speed of every setting from the benchmark's rows.

    Raises:
        ValueError: the file lacks a row of a setting, or R-Super's; the setting is named.
    """
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    steps = {
        row["setting"]: row for row in rows if row["part"] in ("train", "compile") and "median_ms" in row
    }
    ratios = [row["ratio"] for row in rows if row["part"] == "r_super"]
    missing = [setting for setting in SETTINGS.values() if setting not in steps]
    if missing or not ratios:
        raise ValueError(f"{path}: no row of {missing or 'part r_super'}; run benchmarks/gpu.py there")
    speeds = {}
    for name, setting in SETTINGS.items():
        hours = steps[setting]["median_ms"] / steps[setting]["patches"] / 3.6e6
        speeds[name] = Speed(hours, hours * ratios[-1])
    return speeds


def work(method: str, experiment: Experiment) -> Work | None:
    """Patches of one training, as the methods' cards have them; None for what was not measured."""
    schedule = experiment.schedule
    folder, _, variant = method.partition("-")
    masks, both = schedule.mask_patches, schedule.mask_patches + schedule.report_patches
    first, second = schedule.stage1_steps, schedule.steps
    if folder in UNMEASURED:
        return None
    if folder == "segmentation":
        return Work(first * masks if variant.startswith("stage1") else second * masks)
    if folder == "r_super":
        return Work(0, second * both)
    return {
        "models_genesis": Work(first * both + second * masks),
        "clip_like": Work(first * 2 * both + second * masks),
        "multi_task": Work(second * both),
        "rg_pseudo_labels": Work(second * both),
    }[folder]


def training_hours(done: Work, speed: Speed) -> float:
    """Hours of one training."""
    return done.plain * speed.plain + done.r_super * speed.r_super


def prediction_hours(experiment: Experiment, speed: Speed, cases: float) -> float:
    """Hours to predict so many CTs by sliding windows."""
    windows = 1
    for extent, side, spacing in zip(
        EXTENT_MM, experiment.network.patch, experiment.preprocess.spacing_mm, strict=True
    ):
        length = side * spacing
        windows *= math.ceil(max(extent - length, 0) / (length * (1 - experiment.predict.overlap))) + 1
    return cases * windows * speed.plain * FORWARD_SHARE


def tested_cases(experiment: Experiment) -> int:
    """Test and validation CTs of the paper, which every row predicts."""
    roles: dict[str, int] = {}
    for groups in COHORTS.values():
        for role, counts in groups.items():
            roles[role] = roles.get(role, 0) + sum(counts.values())
    trained = roles["mask_train"] + roles["report_train"]
    return sum(roles.values()) - trained + round(experiment.validation.share * trained)


def report_cases() -> int:
    """CT-Report pairs of the paper: pseudo-labels are made for them."""
    return sum(COHORTS["ucsf"]["report_train"].values())


def table(experiment: Experiment, speeds: Mapping[str, Speed]) -> list[dict[str, object]]:
    """One row per training, those that other rows need included: hours by setting, and to predict."""
    rows: list[dict[str, object]] = []
    for budget, settings in experiment.budgets.items():
        for method in with_upstream(settings.methods):
            done = work(method, experiment)
            predicts = method in settings.methods
            row: dict[str, object] = {"budget": budget, "method": method}
            for name, speed in speeds.items():
                row[name] = None if done is None else round(training_hours(done, speed), 1)
            fastest = speeds["bf16"]
            cases = tested_cases(experiment) * predicts + report_cases() * (method == "rg_pseudo_labels")
            row["predict"] = None if done is None else round(prediction_hours(experiment, fastest, cases), 1)
            rows.append(row)
    return rows


def printed(rows: list[dict[str, object]], experiment: Experiment) -> str:
    """Return the rows as the Markdown table of docs/cluster.md, with their sum."""
    names = [*SETTINGS, "predict"]
    lines = [f"| budget | training | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for row in rows:
        cells = ["not measured" if row[name] is None else f"{row[name]:.1f}" for name in names]
        lines.append(f"| {row['budget']} | {row['method']} | {' | '.join(cells)} |")
    sums = [sum(value for row in rows if isinstance(value := row[name], float)) for name in names]
    seeds = len(experiment.seeds)
    cells = [f"{seeds * total:.0f}" for total in sums]
    lines.append(f"| all | {seeds} seed{'s' if seeds > 1 else ''}, without nnU-Net | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measured", type=Path, default=MEASURED)
    parser.add_argument("--experiment", type=Path, default=PAPER)
    arguments = parser.parse_args()
    experiment = load_experiment(arguments.experiment)
    print(printed(table(experiment, measured(arguments.measured)), experiment))


if __name__ == "__main__":
    main()
