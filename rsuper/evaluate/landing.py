"""Where reported tumors landed during training, against true masks that no method sees."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from rsuper.artifacts import landing_log, read_lines
from rsuper.data.regions import grown
from rsuper.data.store import TUMOR_LABELS, StoredCase, structure_mask

# A run as (budget, method, seed), and what stands in a line of its landing.jsonl.
Run = tuple[str, str, int]
Line = Mapping[str, Any]

NO_TRUTH = "no true mask of the case is withheld"
NO_BALL = "no Ball Loss"
NO_TUMOR = "the report has no tumor there"
NO_ROOM = "no voxel was free"
_COPIED = ("step", "case_id", "target", "region_voxels", "reported_mm3", "predicted_mm3", "predicted_by")


def read_landing(run: Path) -> list[Line]:
    """Read the lines that a run wrote; none where it has no report loss."""
    path = landing_log(run)
    return [json.loads(line) for line in read_lines(path)] if path.is_file() else []


def landing_rows(
    run: Run, lines: Sequence[Line], withheld: Mapping[str, StoredCase]
) -> list[dict[str, object]]:
    """Compare every line of a run with the truth; no line gives no row.

    Args:
        run: budget, method and seed.
        lines: from `read_landing`.
        withheld: report cases with their true tumor masks; may lack cases, and be empty.

    Returns:
        Rows with the columns of LANDING (`rsuper.publish.figures.tables`).
    """
    keys = dict(zip(("budget", "method", "seed"), run, strict=True))
    return [keys | landing_row(line, withheld.get(line["case_id"])) for line in lines]


def landing_row(line: Line, stored: StoredCase | None) -> dict[str, object]:
    """Compare one region with the truth: where its tumors landed, next to chance and ceiling.

    Chance is the share of the region's voxels that are true tumor. The ceiling is what the best choice of as
    many voxels in the region reaches. Both ignore that a ball is round and that two tumors of one region may
    be named in different parts of it. Without truth, Ball Loss, tumor or room there is no share, and the
    reason says which.

    Args:
        line: of landing.jsonl.
        stored: the case with its true tumors; None where nobody has them.
    """
    tumors = line["tumors"]
    requested, assigned = (
        math.nan if tumors is None else sum(tumor[name] for tumor in tumors)
        for name in ("requested", "assigned")
    )
    row = {name: line[name] for name in _COPIED}
    row |= {"structures": " ".join(line["structures"]), "requested": requested, "assigned": assigned}
    row |= {"tumors": math.nan if tumors is None else len(tumors)}
    row |= dict.fromkeys(("share", "chance", "ceiling", "true_mm3"), math.nan)
    if stored is None or line["target"] not in stored.index.tumor_voxels:
        return row | {"reason": NO_TRUTH}
    true = stored.tumors(tuple(line["start"]), tuple(line["size"])) == TUMOR_LABELS[line["target"]]
    in_region = int((true & region_of(line, stored)).sum())
    row["true_mm3"] = in_region * math.prod(stored.index.spacing_mm)
    row["chance"] = in_region / max(line["region_voxels"], 1)
    if not tumors:
        return row | {"reason": NO_BALL if tumors is None else NO_TUMOR}
    if not assigned:
        return row | {"reason": NO_ROOM}
    hits = sum(int(true[voxels].sum()) for voxels in _in_patch(line, stored))
    return row | {"share": hits / assigned, "ceiling": min(assigned, in_region) / assigned, "reason": ""}


def region_of(line: Line, stored: StoredCase) -> Bool[np.ndarray, "x y z"]:
    """Rebuild the region that a line speaks of, in its patch as it lies in the volume."""
    organs = stored.organs(tuple(line["start"]), tuple(line["size"]))
    mask = structure_mask(organs, line["structures"])
    return grown(mask, line["grown_mm"], stored.index.spacing_mm)


def _in_patch(line: Line, stored: StoredCase) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield the assigned voxels of each tumor as indices of the patch, as it lies in the volume."""
    for tumor in line["tumors"]:
        found = np.unravel_index(np.array(tumor["voxels"], dtype=np.int64), stored.index.shape)
        yield tuple(axis - start for axis, start in zip(found, line["start"], strict=True))
