"""How fast surface metrics and tests are, against the usual implementations.

    python benchmarks/metrics.py [--part agreement|surface|tests] [--delong compare_auc_delong_xu.py]

Agreement: pairs of real masks of three data sets, all four numbers of surface-distance, the NSDs of MONAI.

Surface: real tumors (KiTS19) and a kidney, resampled and scaled to the stated volume, on grids of 512 x 512 x
90 to 1,059 voxels, Fortran-ordered as NIfTI is. Predictions: the truth moved by 3, 3 and 2 voxels; one whose
outline is off by smooth noise; the moved one with false pieces all over a CT. `nsd` is NSD at 1.15, 2 and
3 mm, `all` HD95 too. `floor` reads both masks once to find their boxes: no exact method that is given whole
masks is faster. Google DeepMind's surface-distance takes part where it can be imported (it is no dependency),
with all four numbers; MONAI's sub-voxel mode with one NSD: it shares no work among tolerances, so the ratio
is that of three calls.

Times are CPU time of one process, the least of some repeats, contestants in turn: ratios hold on a busy
machine, milliseconds do not.
"""

import argparse
import importlib.util
import math
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import torch
from monai.metrics import compute_surface_dice

sys.path.append(str(Path(__file__).resolve().parent.parent))  # a script finds only what lies beside it

from benchmarks.metrics_agreement import Numbers, agreement_rows
from benchmarks.metrics_scenes import SCENES, Mask, Scene, Spacing, predicted_mask, truth_mask
from benchmarks.metrics_tests import load_delong, statistics_rows
from benchmarks.timing import in_turn
from rsuper.data.sources.real_anatomy.catalog import real_data_folder
from rsuper.metrics.boxes import bounding_box
from rsuper.metrics.surface import hd95_from_distances, nsd_from_distances, surface_distances

TOLERANCES_MM = (1.15, 2.0, 3.0)


def ours(truth: Mask, predicted: Mask, spacing_mm: Spacing, *, hd95: bool) -> list[float]:
    """NSD at all tolerances, and HD95 where asked, from one set of distances."""
    cap_mm = math.inf if hd95 else max(TOLERANCES_MM)
    distances = surface_distances(truth, predicted, spacing_mm, boundary="surfel", cap_mm=cap_mm)
    values = [nsd_from_distances(distances, tolerance_mm) for tolerance_mm in TOLERANCES_MM]
    return [*values, hd95_from_distances(distances)] if hd95 else values


def deepmind(package: ModuleType, truth: Mask, predicted: Mask, spacing_mm: Spacing) -> list[float]:
    """The same numbers by surface-distance."""
    distances = package.compute_surface_distances(truth, predicted, spacing_mm)
    values = [package.compute_surface_dice_at_tolerance(distances, t) for t in TOLERANCES_MM]
    return [*map(float, values), float(package.compute_robust_hausdorff(distances, 95))]


def monai(truth: Mask, predicted: Mask, spacing_mm: Spacing, tolerance_mm: float = TOLERANCES_MM[1]) -> float:
    """NSD at one tolerance by MONAI's sub-voxel mode."""
    batch = [torch.from_numpy(np.stack([~mask, mask]))[None] for mask in (predicted, truth)]
    return compute_surface_dice(*batch, [tolerance_mm], spacing=list(spacing_mm), use_subvoxels=True).item()


def monai_numbers(truth: Mask, predicted: Mask, spacing_mm: Spacing) -> list[float]:
    """NSD at all tolerances by MONAI's sub-voxel mode."""
    return [monai(truth, predicted, spacing_mm, tolerance_mm) for tolerance_mm in TOLERANCES_MM]


def surface_rows(real: Path, package: ModuleType | None, with_monai: bool) -> Iterator[dict[str, object]]:
    """One row per scene and prediction."""
    for scene in SCENES:
        truth = truth_mask(scene, real)
        for kind in scene.predictions:
            predicted = predicted_mask(truth, kind, np.random.default_rng(0))
            yield _surface_row(scene, kind, truth, predicted, package, with_monai)


def _surface_row(
    scene: Scene, kind: str, truth: Mask, predicted: Mask, package: ModuleType | None, with_monai: bool
) -> dict[str, object]:
    pair = (truth, predicted, scene.spacing_mm)
    calls: dict[str, Callable[[], object]] = {
        "floor": lambda: (bounding_box(truth), bounding_box(predicted)),
        "nsd": lambda: ours(*pair, hd95=False),
        "all": lambda: ours(*pair, hd95=True),
    }
    values = ours(*pair, hd95=True)
    distances = surface_distances(*pair, boundary="surfel", cap_mm=0.0)
    row: dict[str, object] = {
        "scene": f"{scene.name} {scene.volume_ml:g} mL x{scene.slices}",
        "prediction": kind,
        "MB": round((truth.nbytes + predicted.nbytes) / 1e6),
        "surfels": distances.gt_weights.size + distances.pred_weights.size,
        "nsd_2mm": values[1],
    }
    if package is not None:
        calls["deepmind"] = lambda: deepmind(package, *pair)
        row["gap_deepmind"] = float(np.abs(np.subtract(deepmind(package, *pair), values)).max())
    ms = in_turn(calls, 3)
    row |= {f"{name}_ms": value for name, value in ms.items()}
    if package is not None:
        row |= {f"{name}/deepmind": ms[name] / ms["deepmind"] for name in ("nsd", "all")}
    if with_monai:
        row["gap_monai"] = abs(monai(*pair) - values[1])
        row["monai_ms"] = in_turn({"monai": lambda: monai(*pair)}, 1)["monai"]
        row["monai x3/nsd"] = len(TOLERANCES_MM) * float(str(row["monai_ms"])) / ms["nsd"]
    return row


def surface_distance_package() -> ModuleType | None:
    """Import surface-distance where it is installed."""
    if importlib.util.find_spec("surface_distance") is None:
        return None
    return importlib.import_module("surface_distance")


def _agreement(real: Path, package: ModuleType | None, with_monai: bool) -> Iterator[dict[str, object]]:
    others: dict[str, Numbers] = {}
    if package is not None:
        others["deepmind"] = partial(deepmind, package)
    if with_monai:
        others["monai"] = monai_numbers
    yield from agreement_rows(real, partial(ours, hd95=True), others)


def main() -> None:
    """Measure the parts asked for, print their tables, write them as CSV if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=["agreement", "surface", "tests"], help="default: all")
    parser.add_argument("--delong", type=Path, help="a copy of yandex's compare_auc_delong_xu.py")
    parser.add_argument("--no-monai", action="store_true", help="MONAI takes minutes")
    parser.add_argument("--out", type=Path, help="folder for CSV files")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    package, with_monai = surface_distance_package(), not arguments.no_monai
    module = load_delong(arguments.delong) if arguments.delong else None
    parts: dict[str, Callable[[], Iterator[dict[str, object]]]] = {
        "agreement": lambda: _agreement(real_data_folder(), package, with_monai),
        "surface": lambda: surface_rows(real_data_folder(), package, with_monai),
        "tests": lambda: statistics_rows(module),
    }
    if package is None and arguments.part != "tests":
        print("surface-distance is not installed")
    for name, rows in parts.items():
        if arguments.part in (None, name):
            frame = pd.DataFrame(rows())
            print(f"{name}\n{frame.to_string(index=False, float_format='{:.3g}'.format)}\n", flush=True)
            if arguments.out is not None:
                arguments.out.mkdir(parents=True, exist_ok=True)
                frame.to_csv(arguments.out / f"{name}.csv", index=False, float_format="%.3g")


if __name__ == "__main__":
    main()
