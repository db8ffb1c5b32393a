"""Organ masks for the cases of a data set that lack them, made by the user's segmenter, one case at a time.

A case that came out has a folder of its own, which appears when it is complete: called again, only the
others run. Its stamp tells what was run on which CT, so that another command or CT runs again.
"""

import math
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd

from rsuper.artifacts import read_json, write_json
from rsuper.config.organ_segmenter import OrganSegmenter
from rsuper.data.headers import Grid
from rsuper.data.mask_sources import CaseMasks, MaskSource, both_kidneys, masks_text
from rsuper.data.masks import MaskReader
from rsuper.data.organ_command import MASKS, run_command
from rsuper.data.sources.raw_case import RawCase
from rsuper.data.volumes import read_grid
from rsuper.errors import ArtifactError, DataError
from rsuper.progress import tracked

MADE, HAD_MASKS, NOT_TRIED, FAILED = "made", "had masks", "not tried", "failed"
GIVE_UP_AFTER = 20  # failures without a success: it is the command, not the CTs
_STAMP = "made.json"
_NAMED = 3  # failures that an error names


def make_organs(
    cases: Sequence[RawCase], settings: OrganSegmenter, folder: Path, threads: int = 1
) -> pd.DataFrame:
    """Run the segmenter on every usable case that lacks a structure it makes; return the rows of organs.csv.

    Args:
        cases: of one data set.
        settings: the command, and where it leaves which structure.
        folder: gets a folder per case that was made.
        threads: that the command may use; it is told by OMP_NUM_THREADS.

    Raises:
        ConfigError: the program cannot be started.
        DataError: nothing came out although many cases were tried, or no other case has organ masks.
    """
    rows, states = [], Counter[str]()
    for case in tracked(cases, "organs"):
        row = _row(case, settings, folder, threads)
        rows.append(row)
        states[row["state"]] += 1
        if row["state"] == FAILED:
            sys.stdout.write(f"failed: {case.case_id}: {row['reason']}\n")
        if not states[MADE] and states[FAILED] >= GIVE_UP_AFTER:
            break
    has_other = any(case.organs and not case.reason for case in cases)
    if states[FAILED] and not states[MADE] and (states[FAILED] >= GIVE_UP_AFTER or not has_other):
        first = [f"{row['case_id']}: {row['reason']}" for row in rows if row["state"] == FAILED][:_NAMED]
        raise DataError(
            f"organ_segmenter: none of the first {states[FAILED]} cases came out; try the command by hand on "
            f"one CT, and mend it: {'; '.join(first)}"
        )
    return pd.DataFrame(rows)


def _row(case: RawCase, settings: OrganSegmenter, folder: Path, threads: int) -> dict[str, Any]:
    row = {"case_id": case.case_id, "state": NOT_TRIED, "seconds": math.nan, "masks": "", "reason": ""}
    if case.reason:
        return row | {"reason": case.reason}
    if set(_sources(settings, folder)) <= set(case.organs):
        return row | {"state": HAD_MASKS}
    try:
        masks, seconds = _made(case, settings, folder, threads)
    except DataError as error:
        return row | {"state": FAILED, "reason": " ".join(str(error).split())}
    return row | {"state": MADE, "seconds": seconds, "masks": masks_text(masks)}


def _made(case: RawCase, settings: OrganSegmenter, folder: Path, threads: int) -> tuple[CaseMasks, float]:
    """Return the masks of a case that have a voxel, and the seconds that they took; made now if need be.

    What was found in them is kept for the structures asked for; for others the files are read again, and
    nothing is run.
    """
    grid, structures = read_grid(case.ct), settings.model_dump(mode="json")["structures"]
    place = folder / case.case_id
    asked, stamp = _asked(case.ct, settings), _stamp(place)
    here = place
    if stamp.get("asked") != asked:
        here = folder / f".unfinished-{case.case_id}"
        start = perf_counter()
        run_command(settings, case.ct, here, threads)
        stamp = {"asked": asked, "seconds": round(perf_counter() - start, 1)}
    if stamp.get("structures") != structures:
        stamp |= {"structures": structures, "held": _held(_sources(settings, here), here / MASKS, grid)}
        write_json(stamp, here / _STAMP)
    if here != place:
        shutil.rmtree(place, ignore_errors=True)  # of another command, or another CT
        here.rename(place)
    sources = _sources(settings, place)
    return CaseMasks({name: sources[name] for name in stamp["held"]}), stamp["seconds"]


def _asked(ct: Path, settings: OrganSegmenter) -> dict[str, object]:
    file = ct.stat()
    return {
        "command": list(settings.command),
        "environment": dict(settings.environment),
        "ct_bytes": file.st_size,
        "ct_mtime_ns": file.st_mtime_ns,
    }


def _stamp(place: Path) -> dict[str, Any]:
    try:
        stamp: dict[str, Any] = read_json(place / _STAMP)
    except ArtifactError:
        return {}
    return stamp


def _sources(settings: OrganSegmenter, case_folder: Path) -> dict[str, MaskSource]:
    sources: dict[str, MaskSource] = {}
    for name, left in settings.structures.items():
        source = MaskSource(case_folder / MASKS / left.file, left.labels)
        sources |= both_kidneys(source) if name == "kidneys" else {name: source}
    return sources


def _held(sources: dict[str, MaskSource], masks: Path, grid: Grid) -> list[str]:
    """Check all that the command left, and name the structures with a voxel.

    Raises:
        DataError: a file is missing, is no mask on the CT's grid, or there is no voxel of any structure.
    """
    missing = [source.path for source in sources.values() if not source.path.is_file()]
    if missing:
        left = sorted(path.relative_to(masks).as_posix() for path in masks.rglob("*") if path.is_file())
        found = ", ".join(left[:5]) or "nothing"
        raise DataError(f"the command left no {missing[0].relative_to(masks)} in {masks}, but {found}")
    reader = MaskReader(CaseMasks(sources), grid)
    held = [
        name
        for name, source in reader.held_organs().items()
        if source.labels or source.side or reader.organ(name).any()
    ]
    if not held:
        raise DataError(f"the masks that the command left in {masks} are all empty")
    return held
