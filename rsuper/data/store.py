"""Preprocessed volumes on disk: chunked and compressed, so that a patch is read without its volume.

Per case three arrays on one grid: CT in int16 HU, organ labels and tumor labels in uint8; beside them an
index with what a sampler must know (boxes of the organs, some tumor voxels), so that sampling reads no voxel.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from jaxtyping import Bool, Int16, Shaped, UInt8

from rsuper.artifacts import read_lines, write_lines
from rsuper.data.arrays import CheckedArray, Ends, write_array
from rsuper.data.volumes import AIR_HU, Shape, Spacing
from rsuper.errors import ArtifactError
from rsuper.files import seal_of, sha256_of
from rsuper.metrics import boxes as mask_boxes

# One label per finest structure; "pancreas" holds what no segment claims.
ORGAN_LABELS = {
    "pancreas_head": 1,
    "pancreas_body": 2,
    "pancreas_tail": 3,
    "pancreas": 4,
    "kidney_left": 5,
    "kidney_right": 6,
}
WHOLE = {"pancreas": (1, 2, 3, 4)}
TUMOR_LABELS = {"pancreas": 1, "kidney": 2}
VOLUMES_FOLDER, WITHHELD_FOLDER, INDEX = "volumes", "withheld", "index.jsonl"
INDEXED_TUMOR_VOXELS = 200
# Arrays of a few chunks cost more to decompress than to copy, and a sampler comes back to them hundreds of
# times: they stay whole in memory, as long as all of them together are small.
_SMALL_BYTES, _MEMORY_BYTES = 2**18, 2**29
_OPEN_FILES = 300  # an open array holds a file; many systems let a process have a thousand

Number = TypeVar("Number", int, float)
Box = tuple[Shape, Shape]  # first voxel and one past the last, per axis


def structure_labels(structure: str) -> tuple[int, ...]:
    """Return the labels that make up a structure; the whole pancreas includes its segments."""
    return WHOLE.get(structure, (ORGAN_LABELS[structure],))


def structure_mask(
    organs: UInt8[np.ndarray, "x y z"], structures: Sequence[str]
) -> Bool[np.ndarray, "x y z"]:
    """Return the union of structures as a mask; no structure gives an empty mask."""
    lookup = np.zeros(256, dtype=bool)
    for structure in structures:
        lookup[list(structure_labels(structure))] = True
    return lookup[organs]


class _Memory:
    """Bytes that this process may still keep of small arrays."""

    left = _MEMORY_BYTES


@dataclass(frozen=True)
class _OnDisk:
    """An array that is opened when it is read, again where others had to be opened since."""

    path: Path
    ends: Ends | None
    changed_ns: int  # another content under the same name is another array

    def __getitem__(self, box: tuple[slice, ...]) -> Shaped[np.ndarray, "x y z"]:
        return _opened(self)[box]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of voxels along x, y and z."""
        shape: tuple[int, ...] = _opened(self).opened.shape
        return shape


_Array: TypeAlias = _OnDisk | np.ndarray


@lru_cache(maxsize=_OPEN_FILES)
def _opened(array: _OnDisk) -> CheckedArray:
    return CheckedArray(array.path, array.ends)


@dataclass(frozen=True)
class CaseIndex:
    """What a sampler knows about a stored case without reading it."""

    case_id: str
    shape: Shape
    spacing_mm: Spacing
    mean_hu: float  # of the clipped CT, for normalization by the volume's own statistics
    std_hu: float
    boxes: Mapping[str, Box]  # per structure that is present
    tumor_voxels: Mapping[str, Sequence[Shape]]  # per target a sample of voxels; absent = not annotated
    sha256: Mapping[str, str] = field(default_factory=dict)  # of the array files, by what they hold
    ends: Mapping[str, Ends] = field(default_factory=dict)  # per array, what its file must look like


@dataclass(frozen=True)
class StoredCase:
    """A case in the store. Arrays are opened on first use and read by box; small ones stay in memory."""

    folder: Path
    index: CaseIndex
    tumor_folder: Path | None = None  # where the tumor labels lie apart from the CT

    @property
    def case_id(self) -> str:
        """Key of the case."""
        return self.index.case_id

    @cached_property
    def _ct(self) -> _Array:
        return self._open(self.folder, "ct")

    @cached_property
    def _organs(self) -> _Array:
        return self._open(self.folder, "organs")

    @cached_property
    def _tumors(self) -> _Array:
        return self._open(self.tumor_folder or self.folder, "tumors")

    def _open(self, folder: Path, name: str) -> _Array:
        path, ends = folder / f"{self.case_id}.{name}.b2nd", self.index.ends.get(name)
        array = CheckedArray(path, ends)
        if array.opened.nbytes > min(_SMALL_BYTES, _Memory.left):
            return _OnDisk(path, ends, path.stat().st_mtime_ns)
        _Memory.left -= array.opened.nbytes
        return array[(slice(None),) * array.opened.ndim]

    def ct(self, start: Shape, size: Shape) -> Int16[np.ndarray, "x y z"]:
        """Read a box of the CT in HU; outside the volume there is air."""
        return _read_box(self._ct, start, size, AIR_HU)

    def organs(self, start: Shape, size: Shape) -> UInt8[np.ndarray, "x y z"]:
        """Read a box of the organ labels; outside the volume there is none."""
        return _read_box(self._organs, start, size, 0)

    def tumors(self, start: Shape, size: Shape) -> UInt8[np.ndarray, "x y z"]:
        """Read a box of the tumor labels; outside the volume there is none."""
        return _read_box(self._tumors, start, size, 0)


def write_case(
    folder: Path,
    case_id: str,
    ct: Int16[np.ndarray, "x y z"],
    organs: UInt8[np.ndarray, "x y z"],
    tumors: UInt8[np.ndarray, "x y z"] | None,
) -> dict[str, Ends]:
    """Store the arrays of one case; `tumors` is None where nobody segmented them.

    Returns:
        What its index must know to tell later whether they are still as they were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Shaped[np.ndarray, "x y z"] | None] = {"ct": ct, "organs": organs, "tumors": tumors}
    ends = {}
    for name, array in arrays.items():
        path = folder / f"{case_id}.{name}.b2nd"
        path.unlink(missing_ok=True)
        if array is not None:
            ends[name] = write_array(path, array)
    return ends


def is_stored(folder: Path, case_id: str) -> bool:
    """Whether the arrays of a case are there; not whether they are whole."""
    return all((folder / f"{case_id}.{name}.b2nd").is_file() for name in ("ct", "organs"))


def write_withheld(folder: Path, case_id: str, tumors: UInt8[np.ndarray, "x y z"]) -> Ends:
    """Store tumor labels apart from the volumes, out of sight of whoever opens these; say what file it is."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_array(folder / f"{case_id}.tumors.b2nd", tumors)


def array_hashes(folder: Path, case_id: str) -> dict[str, str]:
    """SHA-256 of a case's arrays by what they hold; cheap just after they were written, from memory."""
    files = {name: folder / f"{case_id}.{name}.b2nd" for name in ("ct", "organs", "tumors")}
    return {name: sha256_of(path) for name, path in files.items() if path.is_file()}


def index_case(
    case_id: str,
    ct: Int16[np.ndarray, "x y z"],
    organs: UInt8[np.ndarray, "x y z"],
    tumors: UInt8[np.ndarray, "x y z"] | None,
    targets: Sequence[str],
    spacing_mm: Spacing,
    clip_hu: tuple[float, float] = (-math.inf, math.inf),
) -> CaseIndex:
    """Compute the index of a case; `targets` are annotated; mean and deviation are of the clipped CT."""
    boxes = {name: bounding_box(structure_mask(organs, [name])) for name in ORGAN_LABELS}
    x, y, z = organs.shape
    mean_hu, std_hu = _mean_and_deviation(ct, clip_hu)
    return CaseIndex(
        case_id=case_id,
        shape=(x, y, z),
        spacing_mm=spacing_mm,
        mean_hu=mean_hu,
        std_hu=max(std_hu, 1.0),
        boxes={name: box for name, box in boxes.items() if box is not None},
        tumor_voxels={} if tumors is None else tumor_voxels(tumors, targets),
    )


def _mean_and_deviation(hu: Int16[np.ndarray, "x y z"], clip_hu: tuple[float, float]) -> tuple[float, float]:
    """Mean and deviation of clipped HU, from how often each value occurs: no copy of the volume is made."""
    lowest, highest = int(hu.min()), int(hu.max())
    counts = np.zeros(highest - lowest + 1, dtype=np.int64)
    for plane in hu:
        counts += np.bincount(np.subtract(plane, lowest, dtype=np.intp).ravel(), minlength=len(counts))
    values = np.arange(lowest, highest + 1).clip(*clip_hu)
    mean = float((counts * values).sum() / hu.size)
    return mean, float(np.sqrt((counts * (values - mean) ** 2).sum() / hu.size))


def tumor_voxels(tumors: UInt8[np.ndarray, "x y z"], targets: Sequence[str]) -> dict[str, list[Shape]]:
    """Sample the tumor voxels of each annotated target, evenly in index order."""
    voxels = {}
    for target in targets:
        found = np.argwhere(tumors == TUMOR_LABELS[target])
        step = max(1, len(found) // INDEXED_TUMOR_VOXELS)
        voxels[target] = [(int(x), int(y), int(z)) for x, y, z in found[::step]]
    return voxels


def bounding_box(mask: Bool[np.ndarray, "x y z"]) -> Box | None:
    """Return the smallest box around a mask, None where it is empty."""
    spans = mask_boxes.bounding_box(mask)
    if spans is None:
        return None
    (x0, x1), (y0, y1), (z0, z1) = spans
    return (x0, y0, z0), (x1, y1, z1)


def plain_index(index: CaseIndex) -> dict[str, Any]:
    """Return an index as what JSON can hold; inverse of `index_from`."""
    copies = {name: dict(getattr(index, name)) for name in ("boxes", "tumor_voxels", "sha256", "ends")}
    return {**index.__dict__, **copies}


def index_from(content: Mapping[str, Any]) -> CaseIndex:
    """Inverse of `plain_index`, after JSON too."""
    return CaseIndex(
        case_id=content["case_id"],
        shape=_triple(content["shape"]),
        spacing_mm=_triple(content["spacing_mm"]),
        mean_hu=content["mean_hu"],
        std_hu=content["std_hu"],
        boxes={name: (_triple(low), _triple(high)) for name, (low, high) in content["boxes"].items()},
        tumor_voxels={t: [_triple(v) for v in voxels] for t, voxels in content["tumor_voxels"].items()},
        sha256=content.get("sha256", {}),
        ends={name: tuple(numbers) for name, numbers in content.get("ends", {}).items()},
    )


def write_index(indexes: Iterable[CaseIndex], folder: Path) -> None:
    """Write the index of a store; last, when all its arrays are there."""
    write_lines((json.dumps(plain_index(index)) for index in indexes), folder / INDEX)


def open_store(volumes_csv: Path) -> dict[str, StoredCase]:
    """Return the stored cases of a data set by case id.

    Raises:
        ArtifactError: the store was not finished, or its index is missing or damaged.
    """
    if not volumes_csv.is_file():
        raise ArtifactError(f"{volumes_csv}: no such file; the store is not finished")
    folder = volumes_csv.parent / VOLUMES_FOLDER
    return {index.case_id: StoredCase(folder, index) for index in _read_index(folder / INDEX, volumes_csv)}


def open_withheld(volumes_csv: Path) -> dict[str, StoredCase]:
    """Return the cases of a data set whose tumor labels are withheld from methods, with these labels."""
    folder, apart = volumes_csv.parent / VOLUMES_FOLDER, volumes_csv.parent / WITHHELD_FOLDER
    if not (apart / INDEX).is_file() and not seal_of(apart / INDEX).is_file():
        return {}
    return {
        index.case_id: StoredCase(folder, index, apart) for index in _read_index(apart / INDEX, volumes_csv)
    }


def _read_index(path: Path, volumes_csv: Path) -> Iterator[CaseIndex]:
    try:
        for line in read_lines(path):
            yield index_from(json.loads(line))
    except ArtifactError:
        raise ArtifactError(
            f"{path}: missing, or not as it was written; to have it made anew, run again after: "
            f"rm -f {path} {volumes_csv}"
        ) from None


def _triple(values: Sequence[Number]) -> tuple[Number, Number, Number]:
    x, y, z = values
    return (x, y, z)


def _read_box(array: _Array, start: Shape, size: Shape, fill: int) -> Shaped[np.ndarray, "x y z"]:
    low = [max(0, s) for s in start]
    high = [min(n, s + w) for n, s, w in zip(array.shape, start, size, strict=True)]
    inside = array[tuple(slice(a, max(a, b)) for a, b in zip(low, high, strict=True))]
    if inside.shape == tuple(size):
        return inside.copy() if isinstance(array, np.ndarray) else inside  # whoever reads may write into it
    box = np.full(size, fill, dtype=inside.dtype)
    offset = [a - s for a, s in zip(low, start, strict=True)]
    box[tuple(slice(o, o + n) for o, n in zip(offset, inside.shape, strict=True))] = inside
    return box
