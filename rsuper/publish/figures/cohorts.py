"""The cohorts of an experiment, and how often each value of a demographic column stands in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.publish.figures.tumor_sizes import UNKNOWN, YES

OTHER = "other"
MOST_CATEGORIES = 6


@dataclass(frozen=True)
class Group:
    """The cases of one role, with what is known about their tumors."""

    label: str
    cases: pd.DataFrame
    unusable: int
    sizes: pd.DataFrame


def cohort_groups(cohort: pd.DataFrame, sizes: pd.DataFrame, experiment: Experiment) -> list[Group]:
    """Split the cohort by role: the two that train, then the test sets; roles without a case are absent."""
    names = {role: f"training, {kind}" for kind, role in _training(experiment)}
    names |= {section.role: f"test, {section.label}" for section in experiment.test_sets.values()}
    groups = []
    for role, name in names.items():
        own = cohort[cohort["role"] == role]
        cases = own[own["reason"] == ""]
        if len(own):
            patients = cases["patient_id"].where(cases["patient_id"] != "", cases["case_id"]).nunique()
            label = f"{name}\n{len(cases):,} CTs, {patients:,} patients"
            known = sizes[sizes["case_id"].isin(cases["case_id"])]
            groups.append(Group(label, cases, len(own) - len(cases), known))
    return groups


def _training(experiment: Experiment) -> list[tuple[str, str]]:
    return [("masks", experiment.roles["mask_train"]), ("reports", experiment.roles["report_train"])]


def shares(groups: Sequence[Group], column: str) -> pd.DataFrame:
    """Count a text column per group: the most frequent values by name, then `other`, then `unknown`.

    A blank is unknown. Rows are the groups in order; columns are there where any group has such a case.
    """
    values = [group.cases[column].str.strip().replace("", UNKNOWN) for group in groups]
    total = pd.concat(values).value_counts() if values else pd.Series(dtype=int)
    named = sorted(total.drop(UNKNOWN, errors="ignore").index, key=lambda name: (-total[name], name))
    kept = sorted(named[:MOST_CATEGORIES])
    folded = [own.where(own.isin([*kept, UNKNOWN]), OTHER) for own in values]
    order = [*kept, *(name for name in (OTHER, UNKNOWN) if any((own == name).any() for own in folded))]
    counts = [[int((own == name).sum()) for name in order] for own in folded]
    return pd.DataFrame(counts, columns=order)


def chosen_diameters(sizes: pd.DataFrame, prefer: str) -> pd.DataFrame:
    """Choose one diameter per tumor CT: `diameter_mm` and its `source`, NaN and blank where there is none."""
    other = "mask" if prefer == "report" else "report"
    tumors = sizes[sizes["tumor"] == YES]
    first, second = tumors[f"{prefer}_diameter_mm"], tumors[f"{other}_diameter_mm"]
    source = np.where(first.notna(), prefer, np.where(second.notna(), other, ""))
    return tumors.assign(diameter_mm=first.fillna(second), source=source)
