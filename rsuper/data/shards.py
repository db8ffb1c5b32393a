"""Preprocessing in jobs that share a cohort: each stores its part, one more gathers what they did.

A job notes every case when its arrays are on disk. One that was killed, or that is run again because an
array was lost, finds its notes and stores the other cases alone; what was noted under other settings, other
code or other files is done again.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rsuper.artifacts import read_lines, write_lines
from rsuper.config.experiment import Preprocess
from rsuper.data.mask_sources import case_masks
from rsuper.data.preprocess import Row, Stored, store_case
from rsuper.data.sources.raw_case import refuse
from rsuper.data.store import (
    WITHHELD_FOLDER,
    CaseIndex,
    index_from,
    is_stored,
    plain_index,
    write_index,
)
from rsuper.errors import DataError
from rsuper.progress import tracked

SHARDS_FOLDER = "shards"


@dataclass(frozen=True)
class Storing:
    """How the cases of a data set are stored.

    Attributes:
        settings: spacing in mm and window in HU.
        folder: of the store.
        mask_role: the role whose tumor labels are stored.
        strict: a case that cannot be stored is an error; else it gets a reason, while the others go on.
        code: what stands for the code that stores.
    """

    settings: Preprocess
    folder: Path
    mask_role: str
    strict: bool = True
    code: str = ""


def preprocess_cohort(
    cohort: pd.DataFrame, settings: Preprocess, folder: Path, mask_role: str, *, strict: bool = True
) -> pd.DataFrame:
    """Store a whole cohort in one go and return the rows of volumes.csv; arguments as of `Storing`.

    Raises:
        DataError: as `store_shard` and `gathered`.
    """
    storing, notes = Storing(settings, folder, mask_role, strict), folder.parent / SHARDS_FOLDER / "all.jsonl"
    store_shard(cohort, storing, notes)
    return gathered(cohort, storing, [notes])


def shard_of(cohort: pd.DataFrame, number: int, shards: int) -> pd.DataFrame:
    """Return the cases of a shard: every so many of the cohort's, which may be sorted by size."""
    return cohort.iloc[number::shards]


def store_shard(cohort: pd.DataFrame, storing: Storing, notes: Path) -> None:
    """Store the cases of a shard, and write what became of each.

    Args:
        cohort: rows of cohort.csv.
        storing: how.
        notes: JSON lines, one per case; complete when it exists. Beside it, with `.part` at the end, what
            the job knows when it is run again.

    Raises:
        DataError: where `strict`: as `store_case`.
    """
    part = notes.with_name(notes.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    known = _noted(part) if part.exists() else {}
    lines = []
    with part.open("a", encoding="utf-8") as stream:
        stream.write("\n")  # behind a line that a kill cut off
        for row in tracked(cohort.to_dict("records"), "preprocess"):
            if row["reason"]:
                continue
            key = _key(row, storing)
            line = known.get(key)
            if line is None or not is_stored(storing.folder, row["case_id"]):
                line = json.dumps({"key": key, **_plain(row["case_id"], _stored(row, storing))})
                stream.write(_summed(line) + "\n")
                stream.flush()
            lines.append(line)
    write_lines(map(_summed, lines), part, sealed=False)
    write_lines(lines, notes)


def gathered(cohort: pd.DataFrame, storing: Storing, notes: Sequence[Path]) -> pd.DataFrame:
    """Write the index of the store from what all shards noted, and return the rows of volumes.csv.

    Raises:
        DataError: no case could be stored; names up to ten reasons.
    """
    noted = {content["case_id"]: _from_plain(content) for path in notes for content in _read(path)}
    rows, stored = [], []
    for row in cohort.to_dict("records"):
        found = Stored(reason=row["reason"]) if row["reason"] else noted[row["case_id"]]
        stored.append(found)
        rows.append(_volumes_row(row["case_id"], found))
    volumes = [found.index for found in stored if found.index is not None]
    if not volumes:
        refuse([f"{row['case_id']}: {row['reason']}" for row in rows])
    write_index(volumes, storing.folder)
    withheld = [found.withheld for found in stored if found.withheld is not None]
    if withheld:
        write_index(withheld, storing.folder.parent / WITHHELD_FOLDER)
    return pd.DataFrame(rows)


def _volumes_row(case_id: str, stored: Stored) -> dict[str, object]:
    index = stored.index
    return {
        "case_id": case_id,
        "shape": "" if index is None else " ".join(map(str, index.shape)),
        "spacing_mm": "" if index is None else " ".join(f"{length:.4g}" for length in index.spacing_mm),
        "has_tumors": stored.has_tumors,
        "reason": stored.reason,
    }


def _stored(row: Row, storing: Storing) -> Stored:
    try:
        return store_case(row, storing.settings, storing.folder, storing.mask_role)
    except DataError as error:
        if storing.strict:
            raise
        return Stored(reason=str(error))


def _key(row: Row, storing: Storing) -> str:
    """Stand for all that a stored case follows from; for files their size and time, as reading takes long."""
    ct = Path(row["ct"])
    files = [ct, *case_masks(row).files, *sorted((ct.parent / WITHHELD_FOLDER).glob("*.nii.gz"))]
    states = [(path.name, _state(path)) for path in files]
    content = [sorted(row.items()), storing.settings.model_dump(), storing.mask_role, storing.code, states]
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()


def _state(path: Path) -> tuple[int, int]:
    if not path.exists():
        return (0, 0)
    found = path.stat()
    return (found.st_size, found.st_mtime_ns)


def _noted(part: Path) -> dict[str, str]:
    """Lines of a job that ran before, by key; one that is torn or damaged is none."""
    lines = {}
    for noted in part.read_text(encoding="utf-8", errors="replace").splitlines():
        line = noted.partition("\t")[0]
        if line and noted == _summed(line):
            lines[json.loads(line)["key"]] = line
    return lines


def _summed(line: str) -> str:
    """A line of JSON, a tab, and the line's checksum."""
    return f"{line}\t{zlib.crc32(line.encode()):08x}"


def _read(path: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in read_lines(path))


def _plain(case_id: str, stored: Stored) -> dict[str, Any]:
    def index(found: CaseIndex | None) -> dict[str, Any] | None:
        return None if found is None else plain_index(found)

    return {
        "case_id": case_id,
        "has_tumors": stored.has_tumors,
        "reason": stored.reason,
        "index": index(stored.index),
        "withheld": index(stored.withheld),
    }


def _from_plain(content: dict[str, Any]) -> Stored:
    index, withheld = (
        None if content[name] is None else index_from(content[name]) for name in ("index", "withheld")
    )
    return Stored(index, withheld, content["has_tumors"], content["reason"])
