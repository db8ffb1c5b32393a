"""Collect what is needed to score one predicted case, from the files of a run and of the cohort."""

from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from rsuper.artifacts import predictions_table, read_table
from rsuper.collection import Collection
from rsuper.data.cohort import TARGET_ORGANS
from rsuper.data.mask_sources import case_masks
from rsuper.data.masks import MaskReader
from rsuper.data.volumes import Grid, read_grid, read_probability
from rsuper.errors import ArtifactError, DamagedError, DataError
from rsuper.evaluate.cases import CaseInput, TargetInput
from rsuper.metrics.boxes import bounding_box, union_window
from rsuper.reports.supervision import case_truth, largest_diameter_mm
from rsuper.schemas import PREDICTIONS


class PredictedSet:
    """The predictions of one run on one test set, case by case.

    Raises:
        ArtifactError: the table of predictions is missing or damaged, or a case has two rows for a target;
            when a case is read: its map is missing or damaged.
    """

    def __init__(self, collection: Collection, run: Path, test_set: str) -> None:
        self.collection = collection
        self.test_set = test_set
        self.table = predictions_table(run, test_set)
        frame = read_table(self.table, PREDICTIONS)
        twice = frame[frame.duplicated(["case_id", "target"])]
        if len(twice):
            case, target = twice.iloc[0][["case_id", "target"]]
            raise ArtifactError(f"{self.table}: case '{case}' has two rows for {target}; predict again")
        self._rows = {(row.case_id, row.target): row for row in frame.itertuples(index=False)}
        # A failed prediction is a row with a reason; a target without any row was not the method's task.
        self._targets = {target for _, target in self._rows}

    def case(self, case_id: str) -> CaseInput:
        """Read one case: truth, organ masks and predictions of the method's targets in its field of view."""
        row = self.collection.row(case_id)
        grid = read_grid(Path(row["ct"]))
        names = row["organs"].split()
        targets = {
            target: self._target(case_id, target, row, grid)
            for target in self.collection.experiment.targets
            if target in self._targets and any(name.startswith(target) for name in names)
        }
        return CaseInput(case_id, row["patient_id"], self.test_set, grid.spacing_mm, targets)

    def _target(self, case_id: str, target: str, row: pd.Series, grid: Grid) -> TargetInput:
        reader = MaskReader(case_masks(row), grid)
        findings = self.collection.findings.get(case_id)
        truth = None
        if target in row["annotated"].split():
            truth = reader.tumor(target)
        probability, reason = self._probability(case_id, target, grid)
        return TargetInput(
            probability=probability,
            organ=organ_mask(reader, target),
            truth=truth,
            reported_presence=case_truth(findings, target) if findings else None,
            reported_diameter_mm=largest_diameter_mm(findings, target),
            reason=reason,
        )

    def _probability(
        self, case_id: str, target: str, grid: Grid
    ) -> tuple[Float[np.ndarray, "x y z"] | None, str]:
        row = self._rows.get((case_id, target))
        if row is None:
            return None, "no row in predictions.csv"
        if row.reason:
            return None, str(row.reason)
        try:
            return read_probability(self.table.parent / str(row.file), grid), ""
        except DamagedError as error:  # it was whole when the table was written
            raise ArtifactError(
                f"{error}; to have it made anew, run again after: rm -f {self.table}"
            ) from None
        except DataError as error:
            return None, str(error)


def organ_mask(reader: MaskReader, target: str) -> Bool[np.ndarray, "x y z"]:
    """Union of the organ's masks; for a pancreas that has only segments, of those."""
    names = list(reader.masks.organs)
    wanted = [name for name in TARGET_ORGANS[target] if name in names]
    wanted = wanted or [name for name in names if name.startswith(target)]
    union, *others = [reader.organ(name) for name in wanted]
    for mask in others:
        # Nothing is written where a mask is empty: what `read_mask` leaves untouched takes no memory.
        window = union_window([bounding_box(mask)])
        union[window] |= mask[window]
    return union
