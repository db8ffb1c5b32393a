"""What planning takes at the paper's size: made-up tables of its 16,488 CTs, no images.

    python benchmarks/plan.py

Two states are planned (`snakemake -n`): nothing made yet, and all cohorts listed and preprocessed. The tables
name CTs, masks and reports that do not exist: planning reads no file of a case.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent))  # a script finds only what lies beside it

from benchmarks.peak_memory import watched
from rsuper.artifacts import Layout, write_lines, write_table
from rsuper.config.load import load_experiment
from rsuper.data.shards import SHARDS_FOLDER
from rsuper.schemas import COHORT, VOLUMES

ROOT = Path(__file__).resolve().parent.parent
PAPER = ROOT / "config" / "paper.yaml"
# §3 of the paper: data set of config/paper.yaml -> role -> CTs by tumor (CTs with both: it does not say).
COHORTS: dict[str, dict[str, dict[str, int]]] = {
    "abdomenatlas": {"mask_train": {"pancreas": 344, "kidney": 1_674, "normal": 7_244}},
    "ucsf": {
        "report_train": {"pancreas": 2_229, "kidney": 2_738, "normal": 1_751},
        "test_internal": {"pancreas": 139, "kidney": 169, "normal": 100},
    },
    "jhh": {"test_external": {"pancreas": 50, "normal": 50}},
}
ORGANS = ("pancreas", "pancreas_head", "pancreas_body", "pancreas_tail", "kidney_left", "kidney_right")


@dataclass(frozen=True)
class Plan:
    """What planning a run took, and the jobs that it planned."""

    jobs: int
    seconds: float
    peak_mib: float


def made_up_cases(dataset: str) -> Iterator[tuple[str, str, str]]:
    """Yield id, role and tumor ("normal": none) of every CT of a data set of the paper."""
    number = 0
    for role, groups in COHORTS[dataset].items():
        for tumor, count in groups.items():
            for _ in range(count):
                number += 1
                yield f"BDMAP_{number:08d}", role, tumor


def write_sources(folder: Path) -> None:
    """Write what is there before the first run: folders of AbdomenAtlas cases, tables of two hospitals."""
    for case, _, _ in made_up_cases("abdomenatlas"):
        (folder / "data" / "abdomenatlas" / case / "segmentations").mkdir(parents=True)
    for dataset in ("ucsf", "jhh"):
        rows = []
        for case, role, _ in made_up_cases(dataset):
            row = {"case_id": case, "patient_id": f"P{case}", "ct": f"ct/{case}.nii.gz"}
            row |= {organ: f"organs/{case}/{organ}.nii.gz" for organ in ORGANS}
            row |= {"age": "60", "sex": "F", "scanner": "made up"}
            if dataset == "ucsf":
                row |= {"role": role, "phase": "venous", "report_file": f"reports/{case}.txt"}
            else:
                row |= {"phase": "arterial", "pancreas_tumor": f"tumors/{case}.nii.gz"}
            rows.append(row)
        path = folder / "data" / dataset / "cases.csv"
        path.parent.mkdir(parents=True)
        pd.DataFrame(rows).to_csv(path, index=False)


def write_cohorts(folder: Path) -> None:
    """Write the artifacts up to the store's tables, as a finished preprocessing leaves them."""
    layout = Layout(folder / "results" / "paper")
    for dataset in COHORTS:
        cases = list(made_up_cases(dataset))
        findings = (
            json.dumps({"case_id": f"{dataset}_{case}", "tumors": [{"organ": tumor, "diameters_mm": [21]}]})
            for case, _, tumor in cases
        )
        write_lines(findings, layout.findings(dataset))
        (layout.data(dataset) / "extraction.txt").write_text("made up\n", encoding="utf-8")
        (layout.data(dataset) / "extraction.csv").write_text("case_id\n", encoding="utf-8")
        write_table(_cohort(dataset, cases), layout.cohort(dataset), COHORT)
        volumes = [_filled(VOLUMES.columns, case_id=f"{dataset}_{case}") for case, _, _ in cases]
        shards = load_experiment(PAPER).datasets[dataset].shards
        for shard in range(shards):
            write_lines([], layout.data(dataset) / SHARDS_FOLDER / f"{shard}_of_{shards}.jsonl")
        write_table(pd.DataFrame(volumes), layout.volumes(dataset), VOLUMES)


def _cohort(dataset: str, cases: Sequence[tuple[str, str, str]]) -> pd.DataFrame:
    rows = [
        _filled(
            COHORT.columns,
            case_id=f"{dataset}_{case}",
            patient_id=f"{dataset}_P{case}",
            dataset=dataset,
            role=role,
            ct=f"data/{dataset}/ct/{case}.nii.gz",
            segmentations=f"data/{dataset}/organs/{case}",
            organs=" ".join(ORGANS),
            sha256="0" * 64,
            state_pancreas="annotated" if tumor == "pancreas" else "negative",
        )
        for case, role, tumor in cases
    ]
    return pd.DataFrame(rows)


def _filled(columns: dict[str, str], **cells: str) -> dict[str, object]:
    """A row of a table; what is not given is a zero or blank."""
    blank = {"text": "", "number": 0.0, "count": 0, "flag": False}
    return {name: cells.get(name, blank[kind]) for name, kind in columns.items()}


def planned(folder: Path, experiment: Path, targets: Sequence[str] = ("all", "audit")) -> Plan:
    """Plan a run in a folder with Snakemake, in a process of its own.

    Raises:
        RuntimeError: Snakemake could not plan it; with the end of what it printed.
    """
    arguments = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), "--cores", "1"]
    arguments += ["--dry-run", "--quiet", "rules", "--config", f"experiment={experiment}", "--", *targets]
    # This checkout's package wins over an installed one.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    began = time.perf_counter()
    run = watched([sys.executable, "-m", "snakemake", *arguments], folder, environment)
    seconds = time.perf_counter() - began
    count = re.search(r"^total\s+(\d+)$", run.text, re.MULTILINE)
    return Plan(int(count.group(1)) if count else 0, seconds, run.peak_mib)


def main() -> None:
    """Print a line per state."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for state, write in (("nothing made yet", write_sources), ("cohorts preprocessed", write_cohorts)):
            write(folder)
            plan = planned(folder, PAPER)
            print(f"{state}: {plan.jobs} jobs, {plan.seconds:.1f} s, {plan.peak_mib:.0f} MiB")


if __name__ == "__main__":
    main()
