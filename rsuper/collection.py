"""All cohorts of an experiment with their findings and volumes: who is trained on, and who is tested."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool

from rsuper.artifacts import Layout, read_table
from rsuper.config.experiment import Experiment
from rsuper.data.cohort import read_findings
from rsuper.data.mask_sources import case_masks
from rsuper.data.masks import MaskReader
from rsuper.data.roles import (
    budget_ids,
    leaked_cases,
    refuse_patients_in_two_roles,
    report_ids,
    validation_ids,
)
from rsuper.data.sources.abdomenatlas import STATED_FILE
from rsuper.data.sources.raw_case import Origin, origin_of
from rsuper.data.sources.registry import read_reports, report_files
from rsuper.data.store import StoredCase, open_store, open_withheld
from rsuper.data.volumes import read_grid
from rsuper.errors import DataError
from rsuper.reports.findings import ReportFindings
from rsuper.reports.supervision import case_truth
from rsuper.schemas import COHORT, VOLUMES
from rsuper.task import TestVolume

VALIDATION = "validation"


@dataclass(frozen=True)
class Collection:
    """All cohorts of an experiment, their findings and stored volumes."""

    experiment: Experiment
    layout: Layout

    @cached_property
    def cohort(self) -> pd.DataFrame:
        """Rows of all cohorts that can be used; what the store had to leave out is not among them.

        Raises:
            DataError: a patient has two roles that must be kept apart.
        """
        frames = [read_table(self.layout.cohort(name), COHORT) for name in self.experiment.datasets]
        cohort = pd.concat(frames, ignore_index=True)
        refused = cohort["case_id"].isin(self._refused_by_the_store())
        cohort = cohort[(cohort["reason"] == "") & ~refused].reset_index(drop=True)
        refuse_patients_in_two_roles(cohort, self.experiment)
        return cohort

    def _refused_by_the_store(self) -> list[str]:
        tables = [self.layout.volumes(name) for name in self.experiment.datasets]
        frames = [read_table(path, VOLUMES) for path in tables if path.is_file()]
        return [case for frame in frames for case in frame.loc[frame["reason"] != "", "case_id"]]

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

    def report_texts(self, budget: str, seed: int) -> dict[str, str]:
        """Reports that a budget's runs may train on, by case."""
        texts = {
            f"{name}_{case}": text
            for name in self.experiment.datasets
            for case, text in read_reports(self._origin(name)).items()
        }
        return {case: texts[case] for case in self.report_ids(budget, seed)}

    def report_files(self) -> list[Path]:
        """Every file that tells what reports say; what a run may know of it, its task holds."""
        files = sorted(self.layout.root.glob("report_vectors/*/*.csv"))
        for name in self.experiment.datasets:
            origin = self._origin(name)
            files += [*report_files(origin), origin.root / STATED_FILE]
            files += [self.layout.findings(name), self.layout.cohort(name), self.layout.answers(name)]
        return files

    def _origin(self, dataset: str) -> Origin:
        return origin_of(dataset, self.experiment.datasets[dataset], self.layout)

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
        reader = MaskReader(case_masks(row), read_grid(Path(row["ct"])))
        annotated = row["annotated"].split()
        truth = {target: reader.tumor(target) for target in annotated}
        for target in self.experiment.targets:
            organs = [name for name in row["organs"].split() if name.startswith(target)]
            if target not in annotated and organs and case_truth(self.findings.get(case_id), target):
                masks = [reader.organ(name) for name in organs]
                truth[target] = np.logical_or.reduce(masks)
        return truth

    def supervision_counts(self, budget: str) -> dict[str, object]:
        """How many CT-Mask and CT-Report pairs a budget has per target, for the tables."""
        seed = self.experiment.seeds[0]  # counts are the same for all
        cases, pairs = self.budget_cases(budget, seed), self.report_ids(budget, seed)
        targets = self.experiment.targets
        masks = {
            target: sum(bool(self.stored[case].index.tumor_voxels.get(target)) for case in cases)
            for target in targets
        }
        reports = {target: sum(bool(self.findings[case].of(target)) for case in pairs) for target in targets}
        return {
            "masks": masks,
            "mask_cases": len(cases),
            "reports": reports,
            "report_cases": len(pairs),
        }

    def volumes_hash(self) -> str:
        """Hash of the stored volumes: what training reads, byte by byte, as noted when it was written."""
        lines = [[case, sorted(stored.index.sha256.items())] for case, stored in self.stored.items()]
        return hashlib.sha256(json.dumps(lines).encode()).hexdigest()[:16]

    def hash(self) -> str:
        """Hash of the cohort: cases, roles, and the contents of CTs, masks and findings."""
        columns = self.cohort[["case_id", "role", "sha256"]].to_csv(index=False)
        return hashlib.sha256(columns.encode()).hexdigest()[:16]
