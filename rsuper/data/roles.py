"""What cases are for: roles, patients in several of them, budgets and the held-out validation cases."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rsuper.config.experiment import Budget, Experiment
from rsuper.data.cohort import TARGET_ORGANS
from rsuper.errors import DataError, listed


def refuse_patients_in_two_roles(cohort: pd.DataFrame, experiment: Experiment) -> None:
    """Make sure that no patient is trained on and tested on, or trained on in two ways.

    Roles that the experiment does not use are ignored; a patient may be in several test sets. Patients of
    different data sets are different patients. Where the experiment says what to do with patients who are
    both trained and tested on (`leaked_patients`), only those trained on in two ways are refused: their
    masks would leak into the validation cases, which are drawn from the report cohort.

    Raises:
        DataError: names two CTs of up to ten such patients, and no patient: messages stand in logs.
    """
    mixed = refused_patients(cohort, experiment)
    remedy = "give all CTs of a patient one role"
    if experiment.leaked_patients == "stop":
        remedy += ", or set leaked_patients to exclude or with_and_without"
    if mixed:
        rows = cohort.drop_duplicates(["patient_id", "role"])
        pairs = [rows[(rows["patient_id"] == one) & rows["role"].isin(own)] for one, own in mixed.items()]
        named = [" and ".join(f"{row.case_id} ({row.role})" for row in pair.itertuples()) for pair in pairs]
        raise DataError(f"patients with more than one role: CTs {listed(named)}; {remedy}")


def refused_patients(cohort: pd.DataFrame, experiment: Experiment) -> dict[str, list[str]]:
    """List the patients whose roles stop a run, each with these roles; see `refuse_patients_in_two_roles`.

    Args:
        cohort: rows with `patient_id` and `role`; whatever stands in `patient_id` is taken for the patient.
        experiment: names the roles of training and of the test sets, and what to do with leaked patients.
    """
    mixed = _patients_in_two_roles(cohort, experiment)
    if experiment.leaked_patients == "stop":
        return mixed
    training = set(experiment.roles.values())
    return {patient: own for patient, own in mixed.items() if len(training & set(own)) > 1}


def leaked_cases(cohort: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """List the test cases whose patient is in training too.

    Args:
        cohort: rows of cohort.csv.
        experiment: names the roles of training and of the test sets.

    Returns:
        Rows of LEAKED, in the cohort's order; none where all patients are kept apart.
    """
    tests = {test_set.role for test_set in experiment.test_sets.values()}
    mixed = _patients_in_two_roles(cohort, experiment)
    rows = cohort[cohort["role"].isin(tests) & cohort["patient_id"].isin(list(mixed))]
    trained = [
        " ".join(role for role in mixed[patient] if role not in tests) for patient in rows["patient_id"]
    ]
    return rows[["case_id", "patient_id", "role"]].assign(training_roles=trained).reset_index(drop=True)


def _patients_in_two_roles(cohort: pd.DataFrame, experiment: Experiment) -> dict[str, list[str]]:
    tests = {test_set.role for test_set in experiment.test_sets.values()}
    training = set(experiment.roles.values())
    roles = {str(patient): sorted(set(rows)) for patient, rows in cohort.groupby("patient_id")["role"]}
    used = {patient: [r for r in own if r in tests | training] for patient, own in roles.items()}
    return {patient: own for patient, own in used.items() if len(own) > 1 and not set(own) <= tests}


def has_tumor(cohort: pd.DataFrame, tumors: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Return one boolean column per target: whether the case's mask (or report) shows such a tumor.

    Args:
        cohort: rows of cohort.csv.
        tumors: case id -> targets with a tumor.
    """
    return pd.DataFrame(
        {
            target: cohort["case_id"].map(lambda case, t=target: t in tumors.get(case, ())).astype(bool)
            for target in TARGET_ORGANS
        }
    )


def validation_ids(cohort: pd.DataFrame, experiment: Experiment) -> list[str]:
    """Draw the held-out validation cases from the report cohort, the same for every method and budget.

    A tenth of a small mask budget would be a case or two; so the whole tenth of the training cases comes from
    the role report_train, whole patients at a time, and their labels are what their reports say.
    """
    reports = cohort[cohort["role"] == experiment.roles["report_train"]]
    masks = cohort[cohort["role"] == experiment.roles["mask_train"]]
    wanted = round(experiment.validation.share * (len(reports) + len(masks)))
    rng = np.random.default_rng([experiment.data_seed, 1])
    patients = rng.permutation(np.sort(reports["patient_id"].unique()))
    counts = reports["patient_id"].value_counts()[patients].cumsum().to_numpy()
    held_out = set(patients[: int(np.searchsorted(counts, wanted, side="left")) + 1]) if wanted else set()
    return sorted(reports.loc[reports["patient_id"].isin(held_out), "case_id"])


def budget_ids(
    cohort: pd.DataFrame, tumors: Mapping[str, Sequence[str]], budget: Budget, role: str, seed: int
) -> list[str]:
    """Draw the CT-Mask pairs of a budget; another seed draws others.

    The counts are CTs with a pancreatic tumor, CTs with a kidney tumor (a CT with both counts for the one it
    was drawn for) and tumor-free CTs. None takes all.

    Raises:
        DataError: the cohort holds fewer cases than the budget asks for.
    """
    rows = cohort[cohort["role"] == role].sort_values("case_id").reset_index(drop=True)
    flags = has_tumor(rows, tumors)
    rng = np.random.default_rng([seed, 2])
    groups = {
        "pancreas": flags["pancreas"],
        "kidney": flags["kidney"],
        "normal": ~flags.any(axis=1),
    }
    drawn: list[str] = []
    for name, members in groups.items():
        pool = [case for case in rows.loc[members, "case_id"] if case not in drawn]
        wanted = getattr(budget, name)
        if wanted is None:
            drawn += pool
            continue
        if wanted > len(pool):
            raise DataError(
                f"budget asks for {wanted} {name} CTs of role '{role}', the cohort has {len(pool)}"
            )
        drawn += [pool[index] for index in rng.permutation(len(pool))[:wanted]]
    return sorted(drawn)


def report_ids(pairs: Sequence[str], budget: Budget, seed: int) -> list[str]:
    """Draw the CT-Report pairs of a budget; another seed draws others, and a larger budget keeps the smaller.

    Args:
        pairs: every case with a report that may be trained on.
        budget: `reports` pairs are drawn; None takes all.
        seed: of the run.

    Raises:
        DataError: there are fewer pairs than the budget asks for.
    """
    if budget.reports is None:
        return list(pairs)
    if budget.reports > len(pairs):
        raise DataError(f"budget asks for {budget.reports} CT-Report pairs, the cohort has {len(pairs)}")
    order = np.random.default_rng([seed, 3]).permutation(len(pairs))
    chosen = set(order[: budget.reports].tolist())
    return [case for index, case in enumerate(pairs) if index in chosen]
