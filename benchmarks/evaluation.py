"""How long a complete evaluation takes from stored maps, and what bounds it.

    python benchmarks/evaluation.py [--runs 13] [--sets 2] [--cases 400]

A sample of full-size cases is written as the suite stores them (masks uint8, maps uint16, gzip): two kidneys
and a pancreas as ellipsoids with a tumor each, and maps that are smooth, noisy around the organs and zero
elsewhere, as a network's are after rounding. Each case is read and scored by the functions of the rule
`cases`, stage by stage; the mean over the sample is scaled to all runs and cases. A line that begins with "-"
is a part of another line: `- decompress alone` is the floor of the lines that read. Jobs of runs are
independent, so n cores take an n-th. `metrics` is the rule of that name, all of which runs again when a
convention changes: its metrics for one run and test set, its comparisons for one pair of runs and a test set,
both scaled likewise. CPU time of one thread.
"""

import argparse
import gzip
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import nibabel as nib
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy import ndimage

from rsuper.config.experiment import Evaluation, Target
from rsuper.config.load import load_experiment
from rsuper.data.mask_sources import CaseMasks, MaskSource
from rsuper.data.masks import MaskReader
from rsuper.data.volumes import PORTION_BYTES, read_grid, read_mask, read_probability, write_probability
from rsuper.evaluate.cases import CaseInput, Row, TargetInput, cases_frame, nsd_columns, score_case
from rsuper.evaluate.compare import comparisons_frame
from rsuper.evaluate.read import organ_mask
from rsuper.evaluate.summary import metrics_frame
from rsuper.metrics.boxes import bounding_box, union_window
from rsuper.metrics.detection import case_scores
from rsuper.metrics.lesions import lesion_counts
from rsuper.metrics.overlap import MASK_THRESHOLD, dsc
from rsuper.metrics.surface import BOUNDARIES, surface_distances

Result = TypeVar("Result")
MICRO = Path(__file__).resolve().parent.parent / "config" / "micro.yaml"
# Slices and spacing; in plane 512 x 512. From thick slices to thin ones, each as often as the others.
GRIDS = ((90, (0.75, 0.75, 5.0)), (160, (0.8, 0.8, 2.5)), (261, (0.94, 0.94, 1.0)), (611, (0.92, 0.92, 0.5)))
# Center from the volume's, half axes of organ and tumor in mm.
ORGANS = {
    "pancreas": ((0.0, 0.0, 0.0), (60.0, 15.0, 20.0), 12.0),
    "kidney_left": ((-70.0, -30.0, -20.0), (28.0, 25.0, 55.0), 18.0),
    "kidney_right": ((70.0, -30.0, -20.0), (28.0, 25.0, 55.0), 0.0),
}

TARGETS: dict[Target, list[str]] = {"pancreas": ["pancreas"], "kidney": ["kidney_left", "kidney_right"]}


@dataclass
class Stopwatch:
    """CPU seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    def __call__(
        self, stage: str, call: Callable[..., Result], *arguments: object, **named: object
    ) -> Result:
        """Call, and add the time to a stage."""
        started = time.process_time()
        result = call(*arguments, **named)
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - started
        return result


def ellipsoid(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    center_mm: tuple[float, ...],
    half_axes_mm: tuple[float, ...],
) -> Bool[np.ndarray, "x y z"]:
    """Mark an ellipsoid on a grid, in Fortran order as NIfTI is."""
    axes = [
        ((np.arange(n) - n / 2) * step - center) / half
        for n, step, center, half in zip(shape, spacing_mm, center_mm, half_axes_mm, strict=True)
    ]
    return np.asfortranarray(axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2] ** 2 <= 1)


def probability_map(
    tumor: Bool[np.ndarray, "x y z"], organ: Bool[np.ndarray, "x y z"], generator: np.random.Generator
) -> Float[np.ndarray, "x y z"]:
    """Blur the tumor, and add smooth noise where the blurred organ is."""
    where = ndimage.find_objects(organ.astype(np.uint8))[0]
    window = tuple(slice(max(axis.start - 8, 0), axis.stop + 8) for axis in where)
    blurred = ndimage.gaussian_filter(tumor[window].astype(np.float32), 2.0)
    near = ndimage.gaussian_filter(organ[window].astype(np.float32), 3.0)
    noise = ndimage.gaussian_filter(generator.standard_normal(blurred.shape), 2.0)
    whole = np.zeros(tumor.shape, order="F")
    whole[window] = np.clip(0.95 * blurred + 0.05 * near * noise / noise.std(), 0, 1)
    return whole


def write_case(
    folder: Path, slices: int, spacing_mm: tuple[float, float, float], generator: np.random.Generator
) -> None:
    """Write a case's organ and tumor masks and the maps of one run."""
    shape, affine = (512, 512, slices), np.diag([*spacing_mm, 1.0])
    masks = {}
    for name, (center_mm, half_axes_mm, tumor_mm) in ORGANS.items():
        masks[name] = ellipsoid(shape, spacing_mm, center_mm, half_axes_mm)
        if tumor_mm:
            masks[f"{name}_tumor"] = ellipsoid(shape, spacing_mm, center_mm, (tumor_mm,) * 3)
            probability = probability_map(masks[f"{name}_tumor"], masks[name], generator)
            write_probability(probability, folder / f"{name}_map.nii.gz", affine)
    for name, mask in masks.items():
        nib.save(nib.Nifti1Image(mask.astype(np.uint8), affine), folder / f"{name}.nii.gz")


def decompress(path: Path) -> None:
    """Decompress a file and drop what comes out."""
    portion = bytearray(PORTION_BYTES)
    with gzip.open(path) as file:
        while file.readinto(portion):
            pass


def evaluate_case(folder: Path, watch: Stopwatch, tolerances_mm: tuple[float, ...]) -> list[Row]:
    """Read and score a case as the rule `cases` does, with the time of each stage."""
    grid = watch("read grid", read_grid, folder / "pancreas.nii.gz")
    targets: dict[Target, TargetInput] = {}
    for target, names in TARGETS.items():
        masks = CaseMasks({name: MaskSource(folder / f"{name}.nii.gz") for name in names})
        organ = watch("read organ masks", organ_mask, MaskReader(masks, grid), target)
        truth = watch("read truth", read_mask, folder / f"{names[0]}_tumor.nii.gz", grid)
        probability = watch("read map", read_probability, folder / f"{names[0]}_map.nii.gz", grid)
        for name in (*names, f"{names[0]}_tumor", f"{names[0]}_map"):
            watch("- decompress alone", decompress, folder / f"{name}.nii.gz")
        targets[target] = TargetInput(probability, organ, truth, reported_diameter_mm=24.0)
        watch("- case score", case_scores, probability, organ, grid.spacing_mm)
        predicted = probability >= MASK_THRESHOLD
        window = union_window([bounding_box(truth), bounding_box(predicted)])
        truth, predicted = truth[window], predicted[window]
        watch("- DSC", dsc, truth, predicted)
        watch("- lesions", lesion_counts, truth, predicted, grid.spacing_mm)
        for boundary in BOUNDARIES:
            cap_mm = 2 * max(tolerances_mm)
            pair = (truth, predicted, grid.spacing_mm)
            watch(f"- NSD {boundary}", surface_distances, *pair, boundary=boundary, cap_mm=cap_mm)
    case = CaseInput(folder.name, folder.name, "sample", grid.spacing_mm, targets)
    return list(watch("score (all of it)", score_case, case, tolerances_mm=tolerances_mm).values())


def sample_cases(rows: list[Row], evaluation: Evaluation, cases: int, method: str, seed: int) -> pd.DataFrame:
    """Make up the table of so many cases of a run, half of them without tumor, with validation cases."""
    generator = np.random.default_rng(seed)
    frame = pd.concat([cases_frame(rows, evaluation.nsd_tolerances_mm)] * math.ceil(cases / len(GRIDS)))
    frame = frame.assign(budget="full", method=method, seed=0, reason="")
    frame["case_id"] = frame.groupby("target").cumcount().map("case-{}".format)
    frame["patient_id"] = frame["case_id"]
    frame["truth"] = np.random.default_rng(0).random(len(frame)) < 0.5
    frame["stratum"] = np.where(frame["truth"], np.where(frame["truth"].cumsum() % 3, "large", "small"), "")
    for name in ("score_top_volume_mean", "dsc", *nsd_columns(evaluation.nsd_tolerances_mm).values()):
        frame[name] = generator.random(len(frame))
    return pd.concat([frame, frame.assign(test_set="validation")])


def metrics_seconds(rows: list[Row], evaluation: Evaluation, cases: int) -> tuple[float, float]:
    """Time the rule `metrics` for one run and test set of so many cases, and for one pair of runs."""
    generator = np.random.default_rng(0)
    ours, other = (sample_cases(rows, evaluation, cases, name, seed) for seed, name in enumerate("ab"))
    started = time.process_time()
    metrics_frame(ours, evaluation, generator)
    between = time.process_time()
    settings = evaluation.model_copy(update={"reference": "a"})
    changed = {"evaluation": settings, "controls": (), "budgets": {}}
    experiment = load_experiment(MICRO).model_copy(update=changed)
    comparisons_frame(pd.concat([ours, other]), experiment, generator)
    return between - started, time.process_time() - between


def main() -> None:
    """Write a sample, evaluate it, print seconds by stage and hours for everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("runs", 13), ("sets", 2), ("cases", 400)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    evaluation = Evaluation()
    rows: list[Row] = []
    columns: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for slices, spacing_mm in GRIDS:
            place = Path(folder) / str(slices)
            place.mkdir()
            write_case(place, slices, spacing_mm, np.random.default_rng(slices))
            watch = Stopwatch()
            rows += evaluate_case(place, watch, evaluation.nsd_tolerances_mm)
            columns[f"x{slices}"] = watch.seconds
    table = pd.DataFrame(columns)
    table["mean"] = table.mean(axis=1)
    evaluations = arguments.runs * arguments.sets * arguments.cases
    table["share"] = table["mean"] / table["mean"][~table.index.str.startswith("-")].sum()
    print(f"CPU seconds per case, both targets\n{table.to_string(float_format='{:.3f}'.format)}\n")
    hours = table["mean"][~table.index.str.startswith("-")].sum() * evaluations / 3600
    run, pair = metrics_seconds(rows, evaluation, arguments.cases)
    print(f"cases: {evaluations} evaluations of a case, {hours:.1f} core hours")
    seconds = (run * arguments.runs + pair * (arguments.runs - 1)) * arguments.sets
    print(f"metrics: {seconds:.0f} s: {run:.2f} s per run and {pair:.2f} s per pair, of each test set")


if __name__ == "__main__":
    main()
