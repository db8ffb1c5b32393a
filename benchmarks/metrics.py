"""How fast surface metrics and tests are, against the usual implementations.

    python benchmarks/metrics.py [--part surface|tests] [--delong compare_auc_delong_xu.py]

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
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from monai.metrics import compute_surface_dice
from scipy import ndimage
from scipy.stats import norm, permutation_test

from rsuper.data.sources.real_anatomy.catalog import real_data_folder
from rsuper.data.volumes import read_volume
from rsuper.metrics.boxes import bounding_box
from rsuper.metrics.surface import hd95_from_distances, nsd_from_distances, surface_distances
from rsuper.stats.delong import DelongResult, delong_test
from rsuper.stats.permutation import PermutationResult, paired_permutation_test

Mask = Bool[np.ndarray, "x y z"]
Spacing = tuple[float, float, float]
TOLERANCES_MM = (1.15, 2.0, 3.0)
IN_PLANE = 512
RESAMPLES = 9999


@dataclass(frozen=True)
class Scene:
    """A structure of a KiTS19 case, its volume, and the grid that it is put on."""

    name: str
    case: str
    labels: tuple[int, ...]
    volume_ml: float
    slices: int
    spacing_mm: Spacing
    predictions: tuple[str, ...] = ("moved", "rough")


TUMOR, KIDNEY = (2,), (1, 2)
SCENES = (
    Scene("tumor", "case_00031", TUMOR, 5, 90, (0.71, 0.71, 5.0), ("moved", "rough", "scattered")),
    Scene("tumor", "case_00066", TUMOR, 35, 261, (0.94, 0.94, 1.0)),
    Scene("tumor", "case_00054", TUMOR, 8, 611, (0.92, 0.92, 0.5)),
    Scene("kidney", "case_00014", KIDNEY, 170, 611, (0.85, 0.85, 0.5)),
    Scene("tumor", "case_00056", TUMOR, 260, 1059, (0.81, 0.81, 0.5)),
)


def in_turn(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """CPU milliseconds of each call: the least of several, all called in turn."""
    best = dict.fromkeys(calls, math.inf)
    for _ in range(repeats):
        for name, call in calls.items():
            started = time.process_time()
            call()
            best[name] = min(best[name], 1000 * (time.process_time() - started))
    return best


def truth_mask(scene: Scene, real: Path) -> Mask:
    """Put the largest piece of a real structure on a full-size grid, scaled to its volume."""
    stored = read_volume(real / "kits19_2mm" / "masks" / f"{scene.case}.nii.gz")
    pieces, _ = ndimage.label(np.isin(stored.array, scene.labels))
    largest = pieces == np.bincount(pieces[pieces > 0]).argmax()
    box = bounding_box(largest)
    assert box is not None
    piece = np.pad(largest[tuple(slice(low, high) for low, high in box)], 4)
    own_ml = piece.sum() * math.prod(stored.spacing_mm) / 1000
    scale = (scene.volume_ml / own_ml) ** (1 / 3)
    zoom = [scale * old / new for old, new in zip(stored.spacing_mm, scene.spacing_mm, strict=True)]
    shape = ndimage.zoom(ndimage.gaussian_filter(piece.astype(np.float32), 0.7), zoom, order=1) > 0.5
    whole = np.full((IN_PLANE, IN_PLANE, scene.slices), False, order="F")
    low = [(n - k) // 2 for n, k in zip(whole.shape, shape.shape, strict=True)]
    whole[tuple(slice(a, a + k) for a, k in zip(low, shape.shape, strict=True))] = shape
    return whole


def predicted_mask(truth: Mask, kind: str, generator: np.random.Generator) -> Mask:
    """Make a prediction of a truth: `moved`, `rough` or `scattered`; see the module."""
    if kind == "rough":
        box = bounding_box(truth)
        assert box is not None
        window = tuple(slice(low - 8, high + 8) for low, high in box)
        soft = ndimage.gaussian_filter(truth[window].astype(np.float32), 2.0)
        noise = ndimage.gaussian_filter(generator.standard_normal(soft.shape), 3.0)
        made = np.full(truth.shape, False, order="F")
        made[window] = soft + 0.2 * noise / noise.std() > 0.5
        return made
    made = np.full(truth.shape, False, order="F")
    made[3:, 3:, 2:] = truth[:-3, :-3, :-2]
    if kind == "scattered":
        for corner in generator.integers(10, np.array(truth.shape) - 20, (8, 3)):
            made[tuple(slice(low, low + 6) for low in corner)] = True
    return made


def ours(truth: Mask, predicted: Mask, spacing_mm: Spacing, hd95: bool) -> list[float]:
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


def monai(truth: Mask, predicted: Mask, spacing_mm: Spacing) -> float:
    """NSD at one tolerance by MONAI's sub-voxel mode."""
    batch = [torch.from_numpy(np.stack([~mask, mask]))[None] for mask in (predicted, truth)]
    return compute_surface_dice(
        *batch, [TOLERANCES_MM[1]], spacing=list(spacing_mm), use_subvoxels=True
    ).item()


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


def kernel_delong(
    labels: Int[np.ndarray, " n"], a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]
) -> float:
    """Return p by the kernel over all pairs of a positive and a negative."""
    gaps = [s[labels == 1][:, None] - s[labels == 0] for s in (a, b)]
    gap = np.heaviside(gaps[0], 0.5) - np.heaviside(gaps[1], 0.5)
    variance = gap.mean(1).var(ddof=1) / gap.shape[0] + gap.mean(0).var(ddof=1) / gap.shape[1]
    return float(2 * norm.sf(abs(gap.mean()) / math.sqrt(variance)))


def load_delong(path: Path) -> ModuleType:
    """Load the implementation published by yandexdataschool/roc_comparison from a copy of its file."""
    module = ModuleType(path.stem)
    # The file is older than numpy's removal of its name for Python's float.
    exec(compile(path.read_text().replace("np.float", "float"), path, "exec"), module.__dict__)
    return module


def yandex_delong(
    module: ModuleType,
    labels: Int[np.ndarray, " n"],
    a: Float[np.ndarray, " n"],
    b: Float[np.ndarray, " n"],
) -> float:
    """Return p by that file; its own entry point prints, so its steps are called one by one."""
    order, positives = module.compute_ground_truth_statistics(labels)
    aucs, covariance = module.fastDeLong(np.vstack([a, b])[:, order], positives)
    return float(10 ** module.calc_pvalue(aucs, covariance).item())


def statistics_rows(module: ModuleType | None) -> Iterator[dict[str, object]]:
    """DeLong and permutation against others; one row per test and size."""
    published = kernel_delong if module is None else partial(yandex_delong, module)
    name = "kernel" if module is None else "yandex"
    for n in (100, 408, 10_000):
        rng = np.random.default_rng(n)
        labels = np.arange(n) % 2
        a, b = np.round(rng.standard_normal((2, n)) + labels, 2)
        yield _test_row("DeLong", name, (labels, a, b), delong_test, published, repeats=9)
    for n in (100, 239, 408):
        rng = np.random.default_rng(n)
        labels = np.arange(n) % 2
        a, b = (rng.random((2, n)) < 0.3 + 0.4 * labels).astype(int)
        against = f"scipy, {RESAMPLES} draws"
        yield _test_row("F1", against, (labels, a, b), paired_permutation_test, scipy_permutation, repeats=3)


def _test_row(
    test: str,
    against: str,
    data: tuple[np.ndarray, np.ndarray, np.ndarray],
    own: Callable[..., DelongResult | PermutationResult],
    other: Callable[..., float],
    repeats: int,
) -> dict[str, object]:
    ms = in_turn({"ours": partial(own, *data), "other": partial(other, *data)}, repeats)
    gap = abs(own(*data).p_value - other(*data))
    times = {"ours_ms": ms["ours"], "other_ms": ms["other"], "other/ours": ms["other"] / ms["ours"]}
    return {"test": test, "against": against, "cases": data[0].size, **times, "gap_in_p": gap}


def scipy_permutation(
    labels: Int[np.ndarray, " n"], a: Int[np.ndarray, " n"], b: Int[np.ndarray, " n"]
) -> float:
    """Return p by random swaps with scipy."""

    def gap(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        f1 = [2 * (c * labels).sum(axis) / (labels.sum() + c.sum(axis)) for c in (x, y)]
        return f1[0] - f1[1]

    return float(
        permutation_test(
            (a, b), gap, permutation_type="samples", n_resamples=RESAMPLES, vectorized=True,
            rng=np.random.default_rng(0),
        ).pvalue
    )  # fmt: skip


def surface_distance_package() -> ModuleType | None:
    """Import surface-distance where it is installed."""
    if importlib.util.find_spec("surface_distance") is None:
        return None
    return importlib.import_module("surface_distance")


def main() -> None:
    """Measure the parts asked for and print their tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=["surface", "tests"], help="default: all")
    parser.add_argument("--delong", type=Path, help="a copy of yandex's compare_auc_delong_xu.py")
    parser.add_argument("--no-monai", action="store_true", help="MONAI takes minutes")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.part in (None, "surface"):
        package = surface_distance_package()
        print("surface metrics" + ("" if package else "; surface-distance is not installed"), flush=True)
        for row in surface_rows(real_data_folder(), package, not arguments.no_monai):
            print("  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))
    if arguments.part in (None, "tests"):
        module = load_delong(arguments.delong) if arguments.delong else None
        print(
            "\ntests\n"
            + pd.DataFrame(statistics_rows(module)).to_string(index=False, float_format="{:.4g}".format)
        )


if __name__ == "__main__":
    main()
