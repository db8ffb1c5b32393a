"""Tumor masks for report cases, from a teacher's predictions and the number of tumors in the report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, UInt8
from torch import nn

from rsuper.artifacts import read_table, write_table
from rsuper.data.candidates import lesion_candidates
from rsuper.data.cohort import TARGET_ORGANS
from rsuper.data.patches import whole_input
from rsuper.data.regions import grown
from rsuper.data.store import (
    TUMOR_LABELS,
    StoredCase,
    structure_mask,
    tumor_voxels,
    write_withheld,
)
from rsuper.engine import distributed
from rsuper.engine.computing import computed, device_of
from rsuper.engine.predict import probability_map
from rsuper.progress import tracked
from rsuper.schemas import PSEUDO_LABELS
from rsuper.task import CountedCase, Task

FOLDER, TABLE = "pseudo_labels", "pseudo_labels.csv"


@dataclass(frozen=True)
class Rule:
    """What becomes a pseudo-mask; see `rsuper.data.candidates` for the search.

    `margin_mm`: candidates lie within the target's organ masks and so far around them; None: anywhere.
    `exclude`: a case in which fewer candidates than reported tumors are found is left out; else it keeps
    those that are found.
    """

    smallest_mm3: float
    cut: float
    least: float
    margin_mm: float | None
    exclude: bool


def pseudo_labelled(teacher: nn.Module, task: Task, rule: Rule, workdir: Path) -> list[StoredCase]:
    """Give the report cases that get pseudo-masks, with these as their tumor labels.

    The first call predicts every case and leaves masks and `pseudo_labels.csv` (written last: a row per case
    and target, and why a case is left out) in `workdir`; a later one reads them. Of processes that train
    together one does it, and the others wait.
    """
    cases = task.cohort.counted
    with distributed.leader_first():
        if not (workdir / TABLE).is_file():
            rows = []
            teacher = computed(teacher.eval(), task.engine, device_of(teacher))
            for case in tracked(cases, "pseudo-labels"):
                rows += _label(teacher, task, rule, case, workdir / FOLDER)
            frame = pd.DataFrame(rows, columns=list(PSEUDO_LABELS.columns))
            write_table(frame, workdir / TABLE, PSEUDO_LABELS)
    table = read_table(workdir / TABLE, PSEUDO_LABELS)
    used = set(table.loc[table["used"], "case_id"])
    return [
        _with_labels(case.stored, task.targets, workdir / FOLDER)
        for case in cases
        if case.stored.case_id in used
    ]


def _label(
    teacher: nn.Module, task: Task, rule: Rule, case: CountedCase, folder: Path
) -> list[dict[str, object]]:
    """Store the pseudo-masks of a case, unless it is left out; give its rows."""
    stored, wanted = case.stored, {target: case.counts[target] for target in task.targets}
    reasons = {target: "the report gives no number" for target, n in wanted.items() if n is None}
    found: dict[str, list[Bool[np.ndarray, "x y z"]]] = {}
    if not reasons:
        found = _candidates(teacher, task, rule, stored, wanted)
        missing = {t: int(n or 0) - len(found[t]) for t, n in wanted.items()}
        if rule.exclude:
            reasons = {t: f"{n} of the reported tumors not found" for t, n in missing.items() if n > 0}
    if not reasons:
        write_withheld(folder, stored.case_id, _labels(found, stored.index.shape))
    return [
        {
            "case_id": stored.case_id,
            "target": target,
            "reported": math.nan if n is None else n,
            "found": len(found.get(target, [])),
            "used": not reasons,
            "reason": reasons.get(target, ""),
        }
        for target, n in wanted.items()
    ]


def _candidates(
    teacher: nn.Module, task: Task, rule: Rule, stored: StoredCase, wanted: Mapping[str, int | None]
) -> dict[str, list[Bool[np.ndarray, "x y z"]]]:
    if not any(wanted.values()):
        return {target: [] for target in wanted}
    maps = probability_map(
        lambda window: teacher(window).final,
        whole_input(stored, task.preprocess, task.network),
        task.network.patch,
        task.inference,
        task.device,
    )
    smallest = max(1, math.ceil(rule.smallest_mm3 / math.prod(stored.index.spacing_mm)))
    return {
        target: lesion_candidates(
            _within_organ(probability, stored, target, rule.margin_mm),
            int(wanted[target] or 0),
            smallest_voxels=smallest,
            cut=rule.cut,
            least=rule.least,
        )
        for target, probability in zip(task.targets, maps, strict=True)
    }


def _within_organ(
    probability: Float[np.ndarray, "x y z"], stored: StoredCase, target: str, margin_mm: float | None
) -> Float[np.ndarray, "x y z"]:
    if margin_mm is None:
        return probability
    organs = structure_mask(stored.organs((0, 0, 0), stored.index.shape), TARGET_ORGANS[target])
    return np.where(grown(organs, margin_mm, stored.index.spacing_mm), probability, np.float32(0))


def _labels(
    found: Mapping[str, Sequence[Bool[np.ndarray, "x y z"]]], shape: tuple[int, int, int]
) -> UInt8[np.ndarray, "x y z"]:
    labels = np.zeros(shape, dtype=np.uint8)
    for target, masks in found.items():
        for mask in masks:
            labels[mask] = TUMOR_LABELS[target]
    return labels


def _with_labels(stored: StoredCase, targets: Sequence[str], folder: Path) -> StoredCase:
    labelled = StoredCase(stored.folder, stored.index, folder)
    voxels = tumor_voxels(labelled.tumors((0, 0, 0), stored.index.shape), targets)
    return replace(labelled, index=replace(stored.index, tumor_voxels=voxels))
