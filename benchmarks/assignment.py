"""How well `assign_tumors` recovers real tumors from a noisy probability map and their reported sizes.

    python benchmarks/assignment.py [--cases n] [--out folder]

One region is one organ with tumor: a kidney with its tumors, or a pancreas with its lesion (2 mm masks of
KiTS19, KiTS23 with several tumors, PANORAMA). The map stands for a network's output: the mask of the region's
tumors, blurred (Gaussian), as logit from -3 (none) to 3 (tumor), plus smooth Gaussian noise (3 mm), through a
sigmoid. Three levels of blur and noise, one random stream per case. The report gives the longest axial
diameter, also the perpendicular, also the cranio-caudal one, as measured on the untouched masks.

Rules for the number of voxels N: `paper` (volume from the diameters), `released` (from the ball, whatever the
volume), `calibrated` (factors of rsuper.reports.sizes), `true` (volume of the mask: what no report gives).
Dice is between all assigned voxels and all tumor voxels of a region, `inside` the share of assigned voxels
in tumor. Beside them for as many voxels: `chance` (random voxels of the region: expected values), `blob` (the
region's voxels nearest to a random one of it) and `ceiling` (as many tumor voxels as the found balls hold).
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from scipy import ndimage

from rsuper.config.real_anatomy import MASK_SPACING_MM
from rsuper.data.sources.real_anatomy.catalog import Diameters, catalog, real_data_folder
from rsuper.data.sources.real_anatomy.masks import read_crop
from rsuper.losses.ball import Assignment, ReportedTumor, assign_tumors
from rsuper.losses.geometry import ball_offsets
from rsuper.metrics.boxes import bounding_box
from rsuper.metrics.overlap import dsc
from rsuper.reports.sizes import tumor_volume_mm3
from rsuper.stats.bootstrap import difference_interval

Rule = Literal["paper", "released", "calibrated", "true"]
RULES: tuple[Rule, ...] = get_args(Rule)
SEED = 0
MARGIN_MM = 2.0
SPACING_MM = (MASK_SPACING_MM,) * 3
NOISE_MM = 3.0
BLOBS = 3  # random blobs per region, level, number of diameters and rule


@dataclass(frozen=True)
class Level:
    """Blur of the true mask, and standard deviation of the noise in its logit."""

    blur_mm: float
    noise: float


LEVELS = {"easy": Level(3.0, 1.0), "medium": Level(5.0, 2.0), "hard": Level(8.0, 3.0)}


@dataclass(frozen=True, eq=False)
class Region:
    """An organ and its tumors, cut to the organ's box: where the tumors may be and where they are."""

    organ: Bool[np.ndarray, "x y z"]
    tumors: tuple[Bool[np.ndarray, "x y z"], ...]
    diameters_mm: tuple[Diameters, ...]

    @property
    def truth(self) -> Bool[np.ndarray, "x y z"]:
        """All tumors."""
        return np.any(self.tumors, axis=0)


def main() -> None:
    """Run all regions, print the tables, write them as CSV if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, help="only so many cases of each source")
    parser.add_argument("--out", type=Path, help="folder for CSV files")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    frame = pd.DataFrame(measure(real_data_folder(), arguments.cases))
    tables = {
        "dice": ("Dice with the true tumors, mean over regions", summary(frame, "dice").reset_index()),
        "inside": (
            "Share of assigned voxels inside the true tumors, mean over regions",
            summary(frame, "inside").reset_index(),
        ),
        "voxels": (
            "Assigned / true number of voxels, median over regions",
            count_summary(frame).reset_index(),
        ),
        "differences": (
            "Dice against the paper's N, 95 % bootstrap interval over patients",
            differences(frame, np.random.default_rng(SEED)),
        ),
    }
    for name, (title, table) in tables.items():
        print(f"\n{title}\n{table.to_string(index=False, float_format=lambda x: f'{x:.3f}')}")
        if arguments.out is not None:
            arguments.out.mkdir(parents=True, exist_ok=True)
            table.round(4).to_csv(arguments.out / f"{name}.csv", index=False)


def measure(real: Path, cases: int | None = None) -> list[dict[str, object]]:
    """Assign the tumors of every real region; one row per region, level, number of diameters and rule.

    Args:
        real: folder of the real masks.
        cases: only the first so many of each source; None: all. Their rows do not depend on it.
    """
    entries = catalog(real)
    streams = np.random.default_rng(SEED).spawn(len(entries))
    seen: dict[str, int] = {}
    rows = []
    for entry, rng in zip(entries, streams, strict=True):
        seen[entry.source] = seen.get(entry.source, 0) + 1
        if cases is not None and seen[entry.source] > cases:
            continue
        crop = read_crop(entry, cyst_from_mm3=np.inf)
        for organ in sorted({tumor.organ for tumor in crop.tumors}):
            own = [tumor for tumor in crop.tumors if tumor.organ == organ]
            masks, diameters = [tumor.mask for tumor in own], [tumor.diameters_mm for tumor in own]
            region = cut_region(crop.organs[organ], masks, diameters)
            about = {"source": entry.source, "patient_id": entry.patient_id, "organ": organ}
            rows += [about | row for row in compare(region, rng)]
    return rows


def cut_region(
    organ: Bool[np.ndarray, "x y z"],
    tumors: Sequence[Bool[np.ndarray, "x y z"]],
    diameters_mm: Sequence[Diameters],
) -> Region:
    """Cut an organ, tumors included, to its bounding box.

    Raises:
        ValueError: the organ is empty.
    """
    box = bounding_box(organ)
    if box is None:
        raise ValueError("organ is empty: there is no region to assign tumors in")
    window = tuple(slice(low, high) for low, high in box)
    inner = organ[window]
    return Region(inner, tuple(mask[window] & inner for mask in tumors), tuple(diameters_mm))


def compare(region: Region, rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """Assign one region's tumors at every level, with every number of diameters, by every rule."""
    for name, level in LEVELS.items():
        probability = probability_map(region.truth, region.organ, level, rng)
        plain = dsc(probability > 0.5, region.truth)
        for count in (1, 2, 3):
            for rule in RULES:
                assignment = assign(probability, region, count, rule)
                scores = score(assignment, region, count, rule, rng)
                yield {"level": name, "diameters": count, "rule": rule, "threshold": plain, **scores}


def probability_map(
    tumor: Bool[np.ndarray, "x y z"],
    organ: Bool[np.ndarray, "x y z"],
    level: Level,
    rng: np.random.Generator,
) -> Float[np.ndarray, "x y z"]:
    """Make a plausible network output from a true mask (recipe: see the module); 0 outside the organ."""
    blurred = ndimage.gaussian_filter(
        tumor.astype(np.float64), [level.blur_mm / step for step in SPACING_MM], mode="constant"
    )
    noise = ndimage.gaussian_filter(
        rng.standard_normal(tumor.shape), [NOISE_MM / step for step in SPACING_MM]
    )
    noise *= level.noise / noise.std()
    return np.where(organ, 1 / (1 + np.exp(3 - 6 * blurred - noise)), 0.0)


def assign(probability: Float[np.ndarray, "x y z"], region: Region, count: int, rule: Rule) -> Assignment:
    """Assign the tumors of a region, each reported with its first `count` diameters, by one rule for N."""
    organ = torch.from_numpy(region.organ)
    return assign_tumors(
        torch.from_numpy(probability),
        [
            ReportedTumor(organ, volume_mm3(mask, diameters[:count], rule), max(diameters[:count]))
            for mask, diameters in zip(region.tumors, region.diameters_mm, strict=True)
        ],
        SPACING_MM,
        margin_mm=MARGIN_MM,
        border_mm=0.0,
        voxels_from="ball" if rule == "released" else "volume",
    )


def volume_mm3(mask: Bool[np.ndarray, "x y z"], diameters_mm: Sequence[float], rule: Rule) -> float:
    """Volume that a rule makes of a tumor's diameters; only `true` looks at the mask."""
    if rule == "true":
        return float(mask.sum()) * MASK_SPACING_MM**3
    return tumor_volume_mm3(diameters_mm, rule="calibrated" if rule == "calibrated" else "paper")


def score(
    assignment: Assignment, region: Region, count: int, rule: Rule, rng: np.random.Generator
) -> dict[str, float]:
    """Compare an assignment with the truth, with chance, and with the best that its balls allow."""
    truth, organ = region.truth, region.organ
    assigned = assignment.labels.numpy() > 0
    sizes = [int(size) for size in assignment.assigned]
    n, tumor = sum(sizes), int(truth.sum())
    blobs = [random_blobs(organ, sizes, rng) for _ in range(BLOBS)]
    reachable = int((truth & _balls(assignment, region)).sum())
    return {
        "voxels": n,
        "true_voxels": tumor,
        "organ_voxels": int(organ.sum()),
        "dice": dsc(assigned, truth),
        "inside": float(truth[assigned].mean()),
        "chance_dice": 2 * n * tumor / int(organ.sum()) / (n + tumor),
        "chance_inside": tumor / int(organ.sum()),
        "blob_dice": float(np.mean([dsc(blob, truth) for blob in blobs])),
        "blob_inside": float(np.mean([truth[blob].mean() for blob in blobs])),
        "ceiling_dice": 2 * min(n, reachable) / (n + tumor),
        "ceiling_inside": min(n, reachable) / n,
    }


def random_blobs(
    organ: Bool[np.ndarray, "x y z"], sizes: Sequence[int], rng: np.random.Generator
) -> Bool[np.ndarray, "x y z"]:
    """Place blobs of so many voxels, largest first: the free organ voxels nearest to a random one of them."""
    free = organ.copy()
    for size in sorted(filter(None, sizes), reverse=True):
        places = np.argwhere(free)
        distance = np.square(places - rng.choice(places)).sum(axis=1)
        free[tuple(places[np.argpartition(distance, size - 1)[:size]].T)] = False
    return organ & ~free


def summary(frame: pd.DataFrame, measure: Literal["dice", "inside"]) -> pd.DataFrame:
    """Average a measure over regions: by rule, ceilings of three of them, and chance with the paper's N."""
    table = _by_rule(frame, measure).mean().unstack("rule")[list(RULES)]
    ceilings = _by_rule(frame, f"ceiling_{measure}").mean().unstack("rule")
    for rule in ("paper", "calibrated", "true"):
        table[f"ceiling:{rule}"] = ceilings[rule]
    by_chance = {"blob": f"blob_{measure}", "chance": f"chance_{measure}"}
    by_chance |= {"map>0.5": "threshold"} if measure == "dice" else {}
    for name, column in by_chance.items():
        table[name] = _by_rule(frame, column).mean().unstack("rule")["paper"]
    return table


def count_summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Median of assigned / true voxels by data set, number of diameters and rule."""
    ratio = frame["voxels"] / frame["true_voxels"]
    table = frame.assign(ratio=ratio)[frame["level"] == "easy"]
    return table.groupby(["source", "diameters", "rule"])["ratio"].median().unstack("rule")[list(RULES)]


def differences(frame: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    """Bound the mean gain in Dice over the paper's N; regions averaged per patient, all sources together."""
    rows = []
    for (level, count), part in frame.groupby(["level", "diameters"], sort=False):
        by = part.groupby(["patient_id", "rule"])["dice"].mean().unstack("rule")
        row: dict[str, object] = {"level": level, "diameters": count, "patients": len(by)}
        for rule in RULES[1:]:
            values, strata = (by[rule].to_numpy(), by["paper"].to_numpy()), np.zeros(len(by), int)
            found = difference_interval("mean", strata, *values, generator=generator)
            row[rule] = f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
        rows.append(row)
    return pd.DataFrame(rows)


def _by_rule(frame: pd.DataFrame, measure: str) -> "pd.core.groupby.SeriesGroupBy":
    return frame.groupby(["source", "level", "diameters", "rule"], sort=False)[measure]


def _balls(assignment: Assignment, region: Region) -> Bool[np.ndarray, "x y z"]:
    """The voxels of all balls that the assignment found, inside the organ."""
    balls = np.zeros(region.organ.shape, bool)
    for center, diameter_mm in zip(assignment.centers, assignment.diameters_mm, strict=True):
        if center is None:
            continue
        places = ball_offsets(diameter_mm, SPACING_MM).numpy() + center
        places = places[((places >= 0) & (places < region.organ.shape)).all(axis=1)]
        balls[tuple(places.T)] = True
    return balls & region.organ


if __name__ == "__main__":
    main()
