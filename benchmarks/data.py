"""How fast patches of a CT come from the store, and volumes into it.

    python benchmarks/data.py [--parts patches,preprocess] [--cases 3] [--out folder]

Patches: 128^3 from made-up CTs of 512 x 512 x 300 voxels (int16) with organ and tumor labels (uint8), at
random places, by three ways to keep them: our store, a compressed .npz per volume (the authors' way), .npy
files mapped into memory. All read the same patches, CT and both labels of each. `cold`: the pages of a case's
files are dropped from the system's cache before every patch; `warm`: they stay there. The size on disk stands
beside it. The aim is 20 times the .npz and 0.3 times the .npy, at half the size of the .npy.

Preprocessing: a case of the AbdomenAtlas layout (CT, six organ masks, two tumor masks, all .nii.gz) of 512 x
512 x 300 and x 1,000 voxels of 0.8 x 0.8 x 1 mm to 1 mm, by a process of its own: seconds and peak memory.
`floor` is what must happen in any case: each file is decompressed once.

The made-up CTs have a body, organs and noise of 15 HU that neighbors share in part, so that they compress
about as real ones do. Times are of one process; ratios hold on a busy machine, seconds do not.
"""

import argparse
import gzip
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from jaxtyping import Int16, UInt8
from scipy import ndimage

sys.path.append(str(Path(__file__).resolve().parent.parent))  # a script finds only what lies beside it

from benchmarks.peak_memory import watched
from rsuper.config.experiment import Preprocess
from rsuper.data.headers import Shape
from rsuper.data.mask_sources import STRUCTURES, TUMOR_FILES
from rsuper.data.preprocess import store_case
from rsuper.data.store import ORGAN_LABELS, StoredCase, index_case, write_case

ROOT = Path(__file__).resolve().parent.parent
SHAPE: Shape = (512, 512, 300)
LONG: Shape = (512, 512, 1000)
PATCH: Shape = (128, 128, 128)
SPACING_MM = (0.8, 0.8, 1.0)
PATCHES = {"npz": 4, "npy": 100, "store": 60}  # per case, warm; cold a quarter of it
Patch = tuple[np.ndarray, np.ndarray, np.ndarray]


def made_up_labels(shape: Shape) -> tuple[UInt8[np.ndarray, "x y z"], UInt8[np.ndarray, "x y z"]]:
    """Organs as ellipsoids, and a tumor in two of them; sizes and places are shares of the volume."""
    organs, tumors = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    centers = {
        "pancreas_head": (0.42, 0.55, 0.5),
        "pancreas_body": (0.5, 0.58, 0.52),
        "pancreas_tail": (0.58, 0.56, 0.55),
        "kidney_left": (0.33, 0.42, 0.45),
        "kidney_right": (0.67, 0.42, 0.42),
    }
    for name, center in centers.items():
        _fill(organs, center, (0.055, 0.05, 0.13), ORGAN_LABELS[name])
    _fill(tumors, centers["pancreas_head"], (0.02, 0.02, 0.03), 1)
    _fill(tumors, centers["kidney_left"], (0.03, 0.03, 0.04), 2)
    return organs, tumors


def _fill(
    labels: UInt8[np.ndarray, "x y z"],
    center: tuple[float, float, float],
    radii: tuple[float, float, float],
    value: int,
) -> None:
    window = tuple(
        slice(int((c - r) * n), int((c + r) * n) + 1)
        for c, r, n in zip(center, radii, labels.shape, strict=True)
    )
    axes = [
        ((np.arange(n)[part] / n - c) / r) ** 2
        for n, part, c, r in zip(labels.shape, window, center, radii, strict=True)
    ]
    inside = axes[0][:, None, None] + axes[1][None, :, None] + axes[2] <= 1
    labels[window][inside] = value


def made_up_ct(
    organs: UInt8[np.ndarray, "x y z"], tumors: UInt8[np.ndarray, "x y z"], rng: np.random.Generator
) -> Int16[np.ndarray, "x y z"]:
    """A body in air with organs, tumors and noise, plane by plane."""
    width, depth, planes = organs.shape
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, depth), indexing="ij")
    body = (x / 0.8) ** 2 + (y / 0.6) ** 2
    base = np.where(body < 0.8, 50.0, np.where(body < 1, -100.0, -1000.0))  # soft tissue, fat, air
    ct = np.empty(organs.shape, np.int16, order="F")
    for plane in range(planes):
        noise = ndimage.gaussian_filter(rng.standard_normal((width, depth), dtype=np.float32), 0.7)
        noise *= 15 / noise.std()
        hu = base + 60.0 * (organs[:, :, plane] > 0) - 50.0 * (tumors[:, :, plane] > 0) + noise
        ct[:, :, plane] = np.rint(np.maximum(hu, -1024))
    return ct


# ------------------------------------------------------------------------------------------- patches


class Store:
    """Our store: three chunked compressed arrays per case."""

    def __init__(self, folder: Path, case_id: str, arrays: Patch) -> None:
        ct, organs, tumors = arrays
        write_case(folder, case_id, ct, organs, tumors)
        index = index_case(case_id, ct, organs, tumors, ["pancreas", "kidney"], (1.0, 1.0, 1.0))
        self.case = StoredCase(folder, index)
        self.files = [folder / f"{case_id}.{name}.b2nd" for name in ("ct", "organs", "tumors")]

    def patch(self, start: Shape) -> Patch:
        """Read a patch."""
        return self.case.ct(start, PATCH), self.case.organs(start, PATCH), self.case.tumors(start, PATCH)


class Npz:
    """One compressed .npz per case: a patch costs the volume."""

    def __init__(self, folder: Path, case_id: str, arrays: Patch) -> None:
        self.files = [folder / f"{case_id}.npz"]
        np.savez_compressed(self.files[0], *arrays)

    def patch(self, start: Shape) -> Patch:
        """Read a patch."""
        with np.load(self.files[0]) as content:
            ct, organs, tumors = (content[name][_box(start)].copy() for name in content.files)
        return ct, organs, tumors


class Npy:
    """Three .npy files per case, mapped into memory."""

    def __init__(self, folder: Path, case_id: str, arrays: Patch) -> None:
        self.files = [folder / f"{case_id}.{name}.npy" for name in ("ct", "organs", "tumors")]
        for path, array in zip(self.files, arrays, strict=True):
            np.save(path, np.ascontiguousarray(array))
        self.arrays = [np.load(path, mmap_mode="r") for path in self.files]

    def patch(self, start: Shape) -> Patch:
        """Read a patch."""
        ct, organs, tumors = (np.array(array[_box(start)]) for array in self.arrays)
        return ct, organs, tumors


KINDS: dict[str, Callable[[Path, str, Patch], Store | Npz | Npy]] = {"npz": Npz, "npy": Npy, "store": Store}


def _box(start: Shape) -> tuple[slice, ...]:
    return tuple(slice(first, first + width) for first, width in zip(start, PATCH, strict=True))


def _forget(files: list[Path]) -> None:
    """Drop the pages of files from the system's cache."""
    for path in files:
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)  # what is not on disk yet cannot be dropped
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def patch_rows(folder: Path, cases: int) -> list[dict[str, object]]:
    """One row per way to keep cases."""
    rng = np.random.default_rng(0)
    organs, tumors = made_up_labels(SHAPE)
    kept: dict[str, list[Store | Npz | Npy]] = {kind: [] for kind in KINDS}
    for number in range(cases):
        arrays = (made_up_ct(organs, tumors, rng), organs, tumors)
        for kind, keep in KINDS.items():
            kept[kind].append(keep(folder, f"c{number}", arrays))
    rows: list[dict[str, object]] = []
    for kind, ways in kept.items():
        size = sum(path.stat().st_size for way in ways for path in way.files)
        cold, warm = (_per_second(ways, max(2, PATCHES[kind] // share), cold=share > 1) for share in (4, 1))
        rows.append(
            {"way": kind, "cold_per_s": cold, "warm_per_s": warm, "mib_per_case": size / cases / 2**20}
        )
    _require_equal(kept)
    own = rows[-1]
    for row in rows:
        for name in ("cold_per_s", "warm_per_s", "mib_per_case"):
            row[f"store_to_it_{name.partition('_')[0]}"] = float(str(own[name])) / float(str(row[name]))
    return rows


def _starts(count: int) -> Iterator[Shape]:
    rng = np.random.default_rng(1)
    for _ in range(count):
        x, y, z = (int(rng.integers(0, n - width + 1)) for n, width in zip(SHAPE, PATCH, strict=True))
        yield x, y, z


def _per_second(ways: list[Store | Npz | Npy], patches: int, *, cold: bool) -> float:
    spent, count = 0.0, 0
    for way in ways:
        way.patch((0, 0, 0))  # files are open, and warm
        for start in _starts(patches):
            if cold:
                _forget(way.files)
            began = time.perf_counter()
            way.patch(start)
            spent, count = spent + time.perf_counter() - began, count + 1
    return count / spent


def _require_equal(kept: dict[str, list[Store | Npz | Npy]]) -> None:
    for ways in zip(*kept.values(), strict=True):
        for start in _starts(2):
            first, *others = [way.patch(start) for way in ways]
            for other in others:
                for ours, theirs in zip(first, other, strict=True):
                    np.testing.assert_array_equal(ours, theirs)


# ---------------------------------------------------------------------------------------- preprocessing


def write_raw_case(folder: Path, shape: Shape) -> None:
    """Write a case of the AbdomenAtlas layout, stored as scanners do: x to the left, z slowest."""
    affine = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
    organs, tumors = made_up_labels(shape)
    masks = {name: organs == ORGAN_LABELS[name] for name in STRUCTURES if name != "pancreas"}
    masks["pancreas"] = (organs >= ORGAN_LABELS["pancreas_head"]) & (organs <= ORGAN_LABELS["pancreas"])
    masks |= {name: tumors == number for number, name in enumerate(TUMOR_FILES.values(), start=1)}
    (folder / "segmentations").mkdir(parents=True)
    for name, mask in masks.items():
        image = nib.Nifti1Image(mask.astype(np.uint8), affine)
        nib.save(image, folder / "segmentations" / f"{name}.nii.gz")
    nib.save(
        nib.Nifti1Image(made_up_ct(organs, tumors, np.random.default_rng(0)), affine), folder / "ct.nii.gz"
    )


def preprocess_row(folder: Path, shape: Shape) -> dict[str, object]:
    """Preprocess one case in a process of its own."""
    raw = folder / "x".join(map(str, shape))
    write_raw_case(raw, shape)
    command = [sys.executable, __file__, "--one", str(raw)]
    run = watched(command, folder, {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})
    empty = watched([*command[:2], "--one", ""], folder, {**os.environ, "PYTHONPATH": str(ROOT)})
    seconds, floor = (float(part) for part in run.text.split()[-2:])
    voxels = float(np.prod(shape))
    return {
        "shape": raw.name,
        "seconds": seconds,
        "floor_s": floor,
        "to_floor": seconds / floor,
        "mvoxel_per_s": voxels / seconds / 1e6,
        "ct_mib": 2 * voxels / 2**20,
        "peak_mib": run.peak_mib,
        "imports_mib": empty.peak_mib,
        "peak_per_voxel": (run.peak_mib - empty.peak_mib) * 2**20 / voxels,
    }


def preprocess_one(raw: Path) -> None:
    """Preprocess a case and print the seconds, and those of decompressing its files alone."""
    files = sorted(raw.rglob("*.nii.gz"))
    row = {
        "case_id": raw.name,
        "ct": str(raw / "ct.nii.gz"),
        "segmentations": str(raw / "segmentations"),
        "organs": " ".join(STRUCTURES),
        "annotated": " ".join(TUMOR_FILES),
        "role": "mask_train",
    }
    began = time.perf_counter()
    store_case(row, Preprocess(), raw / "volumes", "mask_train")
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    portion = bytearray(2**16)
    for path in files:
        with gzip.open(path) as stream:
            while stream.readinto(portion):
                pass
    print(f"{seconds:.3f} {time.perf_counter() - began:.3f}")


def main() -> None:
    """Print a table per part, and write all rows where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default="patches,preprocess")
    parser.add_argument("--cases", type=int, default=3)
    parser.add_argument("--out", type=Path, help="folder for patches.csv and preprocess.csv")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        if arguments.one:
            preprocess_one(Path(arguments.one))
        return
    for part in arguments.parts.split(","):
        with tempfile.TemporaryDirectory() as name:
            if part == "patches":
                rows = patch_rows(Path(name), arguments.cases)
            else:
                rows = [preprocess_row(Path(name), shape) for shape in (SHAPE, LONG)]
        frame = pd.DataFrame(rows)
        print(f"\n{part}\n{frame.to_string(index=False, float_format='{:.2f}'.format)}")
        if arguments.out:
            arguments.out.mkdir(parents=True, exist_ok=True)
            frame.to_csv(arguments.out / f"{part}.csv", index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
