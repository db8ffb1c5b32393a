"""From artifacts to a task: what a run may see, which cases it predicts, and the record it leaves."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool
from tqdm import tqdm

from rsuper.artifacts import Layout, read_json, read_table, write_json
from rsuper.config.experiment import Experiment
from rsuper.data.cohort import read_findings
from rsuper.data.roles import (
    budget_ids,
    leaked_cases,
    refuse_patients_in_two_roles,
    report_ids,
    validation_ids,
)
from rsuper.data.sources.abdomenatlas import TUMOR_FILES
from rsuper.data.store import StoredCase, open_store, open_withheld
from rsuper.data.volumes import read_grid, read_mask, write_probability
from rsuper.errors import ArtifactError, DataError
from rsuper.methods import Method
from rsuper.reports.findings import ReportFindings
from rsuper.reports.supervision import case_truth
from rsuper.schemas import COHORT
from rsuper.task import Prediction, ReportCase, Task, TestVolume, VisibleCohort

VALIDATION = "validation"
KEY = "key.json"


@dataclass(frozen=True)
class Collection:
    """All cohorts of an experiment, their findings and stored volumes."""

    experiment: Experiment
    layout: Layout

    @cached_property
    def cohort(self) -> pd.DataFrame:
        """Rows of all cohorts that can be used.

        Raises:
            DataError: a patient has two roles that must be kept apart.
        """
        frames = [read_table(self.layout.cohort(name), COHORT) for name in self.experiment.datasets]
        cohort = pd.concat(frames, ignore_index=True)
        cohort = cohort[cohort["reason"] == ""].reset_index(drop=True)
        refuse_patients_in_two_roles(cohort, self.experiment)
        return cohort

    @cached_property
    def findings(self) -> dict[str, ReportFindings]:
        """What the reports say, by case."""
        parts = [read_findings(self.layout.findings(name)) for name in self.experiment.datasets]
        return {case: findings for part in parts for case, findings in part.items()}

    @cached_property
    def stored(self) -> dict[str, StoredCase]:
        """Preprocessed volumes, by case."""
        parts = [open_store(self.layout.volumes(name)) for name in self.experiment.datasets]
        return {case: stored for part in parts for case, stored in part.items()}

    def budget_cases(self, budget: str, seed: int) -> list[str]:
        """CT-Mask pairs of a budget and seed."""
        role = self.experiment.roles["mask_train"]
        tumors = {
            case: [target for target, voxels in stored.index.tumor_voxels.items() if voxels]
            for case, stored in self.stored.items()
        }
        return budget_ids(self.cohort, tumors, self.experiment.budgets[budget], role, seed)

    def report_ids(self, budget: str, seed: int) -> list[str]:
        """CT-Report pairs of a budget: the role's cases with a report, less the validation cases.

        Raises:
            DataError: there are fewer than the budget asks for.
        """
        held_out = set(self.validation)
        rows = self.cohort[(self.cohort["role"] == self.experiment.roles["report_train"])]
        pairs = [case for case in rows["case_id"] if case in self.findings and case not in held_out]
        return report_ids(pairs, self.experiment.budgets[budget], seed)

    @cached_property
    def withheld(self) -> dict[str, StoredCase]:
        """Cases whose tumor masks no method may see, for the ceiling control; none where there are none."""
        parts = [open_withheld(self.layout.volumes(name)) for name in self.experiment.datasets]
        return {case: stored for part in parts for case, stored in part.items()}

    @cached_property
    def validation(self) -> list[str]:
        """Held-out cases for thresholds."""
        return validation_ids(self.cohort, self.experiment)

    @cached_property
    def leaked(self) -> pd.DataFrame:
        """Test cases whose patient is in training too, as rows of LEAKED."""
        return leaked_cases(self.cohort, self.experiment)

    def evaluated(self, test_set: str) -> list[str]:
        """Cases of a test set, or of the validation set; without leaked ones where these are excluded.

        Raises:
            DataError: there is none.
        """
        if test_set == VALIDATION:
            return self.validation
        role = self.experiment.test_sets[test_set].role
        cases = list(self.cohort.loc[self.cohort["role"] == role, "case_id"])
        if not cases:
            raise DataError(f"test set '{test_set}': no case has role '{role}'")
        if self.experiment.leaked_patients == "exclude":
            leaked = set(self.leaked["case_id"])
            cases = [case for case in cases if case not in leaked]
            if not cases:
                raise DataError(f"test set '{test_set}': the patients of all cases are in training too")
        return cases

    def row(self, case_id: str) -> pd.Series:
        """Cohort row of a case."""
        row = self._rows.loc[case_id]
        assert isinstance(row, pd.Series)  # one row per case
        return row

    @cached_property
    def _rows(self) -> pd.DataFrame:
        return self.cohort.set_index("case_id", drop=False)

    def test_volumes(self, test_set: str) -> list[TestVolume]:
        """Volumes of a test set, ready to predict."""
        return [
            TestVolume(self.stored[case], read_grid(Path(self.row(case)["ct"])).shape)
            for case in self.evaluated(test_set)
        ]

    def truth(self, case_id: str) -> dict[str, Bool[np.ndarray, "x y z"]]:
        """Best knowledge of a case's tumors on its CT's own grid, for the ceiling control.

        The mask where there is one. Validation cases have reports alone: there the whole organ stands for a
        tumor that the report states, so that a threshold chosen on them separates.
        """
        row = self.row(case_id)
        grid = read_grid(Path(row["ct"]))
        folder, annotated = Path(row["segmentations"]), row["annotated"].split()
        truth = {t: read_mask(folder / f"{TUMOR_FILES[t]}.nii.gz", grid) for t in annotated}
        for target in self.experiment.targets:
            organs = [name for name in row["organs"].split() if name.startswith(target)]
            if target not in annotated and organs and case_truth(self.findings.get(case_id), target):
                masks = [read_mask(folder / f"{name}.nii.gz", grid) for name in organs]
                truth[target] = np.logical_or.reduce(masks)
        return truth

    def hash(self) -> str:
        """Hash of the cohort: cases, roles, and the contents of CTs, masks and findings."""
        columns = self.cohort[["case_id", "role", "sha256"]].to_csv(index=False)
        return hashlib.sha256(columns.encode()).hexdigest()[:16]


def make_task(
    collection: Collection,
    method: Method,
    budget: str,
    seed: int,
    *,
    device: str,
) -> Task:
    """Assemble what a method is handed for one run."""
    experiment, layout = collection.experiment, collection.layout
    masks = [collection.stored[case] for case in collection.budget_cases(budget, seed)]
    pairs = collection.report_ids(budget, seed)
    reports = [ReportCase(collection.stored[case], collection.findings[case]) for case in pairs]
    withheld = [collection.withheld[case] for case in pairs if case in collection.withheld]
    return Task(
        cohort=VisibleCohort(method.card, masks, reports, collection.truth, withheld),
        targets=experiment.targets,
        preprocess=experiment.preprocess,
        network=experiment.network,
        schedule=experiment.schedule,
        inference=experiment.predict,
        seed=seed,
        device=device,
        workdir=layout.run(budget, method.name, seed),
        upstream={name: layout.run(budget, name, seed) for name in method.needs},
    )


def claim(workdir: Path, key: Mapping[str, object]) -> None:
    """Prepare a run's folder: keep what an interrupted run with the same key left, clear anything else.

    The key says all that the result depends on; what another key left must not be continued.
    """
    digest = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()
    path = workdir / KEY
    if path.is_file():
        try:
            kept = read_json(path)
            if isinstance(kept, dict) and kept.get("digest") == digest:
                return
        except ArtifactError:
            pass  # a damaged key is no claim
    for name in ("model", "predictions", "cases"):
        shutil.rmtree(workdir / name, ignore_errors=True)
    write_json({"digest": digest, **key}, path)


def training_totals(workdir: Path) -> dict[str, float]:
    """Steps and patches of a run, summed over its stages; all zero for a method that does not train."""
    totals = {"steps": 0.0, "mask_patches": 0.0, "report_patches": 0.0}
    for path in sorted((workdir / "model").rglob("training.json")):
        stage = read_json(path)
        totals["steps"] += stage["step"]
        totals["mask_patches"] += stage["mask_patches"]
        totals["report_patches"] += stage["report_patches"]
    return totals


def supervision_counts(collection: Collection, budget: str, seeds: Sequence[int]) -> dict[str, object]:
    """How many CT-Mask and CT-Report pairs a budget has per target, for the tables."""
    cases = collection.budget_cases(budget, seeds[0])
    pairs = collection.report_ids(budget, seeds[0])
    targets = collection.experiment.targets
    masks = {
        target: sum(bool(collection.stored[case].index.tumor_voxels.get(target)) for case in cases)
        for target in targets
    }
    reports = {
        target: sum(bool(collection.findings[case].of(target)) for case in pairs) for target in targets
    }
    return {
        "masks": masks,
        "mask_cases": len(cases),
        "reports": reports,
        "report_cases": len(pairs),
    }


def store_predictions(
    predictions: Iterable[Prediction],
    volumes: Sequence[TestVolume],
    collection: Collection,
    folder: Path,
    targets: Sequence[str],
) -> pd.DataFrame:
    """Write probability maps as they come and return the rows of predictions.csv, one per case and target.

    A case that the method gave no valid map for is a row with the reason.
    """
    shapes = {volume.case_id: volume.native_shape for volume in volumes}
    rows = []
    seen = set()
    for prediction in tqdm(predictions, total=len(volumes), desc=folder.name, mininterval=5):
        seen.add(prediction.case_id)
        affine = read_grid(Path(collection.row(prediction.case_id)["ct"])).file_affine
        for target in targets:
            probability = prediction.probabilities.get(target)
            reason = _unfit(probability, shapes[prediction.case_id])
            name = f"{prediction.case_id}.{target}.nii.gz"
            if probability is not None and not reason:
                write_probability(probability, folder / name, affine)
            rows.append(_prediction_row(prediction.case_id, target, name, reason))
    for case in sorted(set(shapes) - seen):
        rows += [_prediction_row(case, target, "", "the method gave no prediction") for target in targets]
    return pd.DataFrame(rows)


def _prediction_row(case_id: str, target: str, name: str, reason: str) -> dict[str, str]:
    return {"case_id": case_id, "target": target, "file": "" if reason else name, "reason": reason}


def _unfit(probability: np.ndarray | None, shape: tuple[int, int, int]) -> str:
    if probability is None:
        return "the method gave no map for this target"
    if probability.shape != shape:
        return f"the map has shape {probability.shape}, its CT {shape}"
    if not np.isfinite(probability).all() or probability.min() < 0 or probability.max() > 1:
        return "the map has values outside [0, 1]"
    return ""
