"""Checks of who is in the cohorts: patients, images and public data sets that are in two places."""

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations

import pandas as pd

from rsuper.data.audit.known import Fault, Known, Severity
from rsuper.data.audit.public_sources import PublicSource, recognized, shared_sources
from rsuper.data.roles import leaked_cases, refused_patients

# The layout that any hospital's folder has; it says nothing about where the cases come from.
PLAIN_LAYOUT = "abdomenatlas"
USED = "used as if they were different patients"
# Above the likeness of test_internal and test_external, which are two roles.
NEAR = 0.88


def patients_in_two_roles(known: Known) -> Iterator[Fault]:
    """No patient is trained on and tested on, or trained on with masks and with reports."""
    cohort, policy = known.cohort, known.experiment.leaked_patients
    refused = refused_patients(cohort, known.experiment)
    if refused:
        rows = cohort[cohort["patient_id"].isin(list(refused))]
        advice = "give all CTs of a patient one role"
        if policy == "stop":
            advice += ", or set leaked_patients to exclude or with_and_without"
        yield Fault(
            "stop",
            f"{_number(len(refused), 'patient')} with more than one role: {_combinations(refused)}",
            list(rows["case_id"]),
            "the run stops",
            advice,
        )
    leaked = leaked_cases(cohort, known.experiment)
    leaked = leaked[~leaked["patient_id"].isin(list(refused))]
    if len(leaked):
        action = {
            "exclude": "left out of every test set",
            "with_and_without": "used; every table is made without them and with them",
        }[policy]
        patients = _number(leaked["patient_id"].nunique(), "patient")
        advice = "nothing: leaked_patients says what is done with them"
        yield Fault("warning", f"test CTs of {patients} in training", list(leaked["case_id"]), action, advice)


def roles_not_used(known: Known) -> Iterator[Fault]:
    """Every case has a role that the experiment names."""
    named = sorted(known.training_roles | known.test_roles)
    rows = known.cohorts[(known.cohorts["reason"] == "") & ~known.cohorts["role"].isin(named)]
    for role, own in rows.groupby("role", sort=True):
        near = difflib.get_close_matches(str(role).casefold().replace("-", "_"), named, 1, NEAR)
        text = f"role '{role}' is none of the experiment's: {', '.join(named)}"
        advice = f"do you mean '{near[0]}'?" if near else "nothing, where the role is for another experiment"
        yield Fault("warning" if near else "note", text, list(own["case_id"]), "left out", advice)


def patients_not_known(known: Known) -> Iterator[Fault]:
    """Where a data set is both trained and tested on, its table tells patients from CTs."""
    for name, rows in known.cohort.groupby("dataset", sort=True):
        roles = set(rows["role"])
        split = roles & known.training_roles and roles & known.test_roles
        if not split or (rows["patient_id"] != rows["case_id"]).any():
            continue
        repeats = any(source.several_cts for source in _sources(known, str(name), rows))
        yield Fault(
            "warning" if repeats else "note",
            f"data set {name}: every CT is a patient of its own"
            + (", but its patients are known to have several CTs" if repeats else ""),
            list(rows["case_id"]),
            USED,
            "fill patient_id with the patients' ids; without them no overlap of roles can be seen",
        )


def same_image(known: Known) -> Iterator[Fault]:
    """No image is there under two ids: the same voxels, whatever the file's order, type or compression."""
    cts = known.cts[known.cts["values"] > 1]
    images = dict(zip(cts["case_id"], cts["image"], strict=True))
    cohort = known.cohort.assign(image=[images.get(case, "") for case in known.cohort["case_id"]])
    rows = cohort[(cohort["image"] != "") & cohort["image"].duplicated(keep=False)]
    yield from _twice(known, rows, rows["image"], "the same image under two ids")


def same_public_patient(known: Known) -> Iterator[Fault]:
    """No patient is in two data sets that are, or are parts of, one public data set."""
    parts = []
    for name, rows in known.cohort.groupby("dataset", sort=True):
        for source in _sources(known, str(name), rows):
            patients = rows["patient_id"].str.removeprefix(f"{name}_")
            parts.append(rows.assign(same=source.name + " " + patients))
    if not parts:
        return
    cohort = pd.concat(parts, ignore_index=True)
    shared = cohort.groupby("same")["dataset"].transform("nunique") > 1
    rows = cohort[shared]
    for public, own in rows.groupby(rows["same"].str.split(" ").str[0], sort=True):
        what = f"the same patients of {public} in data sets {', '.join(sorted(set(own['dataset'])))}"
        yield from _twice(known, own, own["same"], what)


def shared_public_sources(known: Known) -> Iterator[Fault]:
    """Data sets that are trained on and tested on were not made from the same public ones."""
    cohort = known.cohort
    datasets = {str(name): rows for name, rows in cohort.groupby("dataset", sort=True)}
    sources = {name: _sources(known, name, rows) for name, rows in datasets.items()}
    roles = {name: set(rows["role"]) for name, rows in datasets.items()}
    for one, other in combinations(datasets, 2):
        shared = shared_sources(sources[one], sources[other])
        if not shared or sources[one] == sources[other]:  # then ids tell: same_public_patient
            continue
        tested = [
            name
            for name, opposite in ((one, other), (other, one))
            if roles[name] & known.test_roles and roles[opposite] & known.training_roles
        ]
        rows = cohort[cohort["dataset"].isin(tested) & cohort["role"].isin(list(known.test_roles))]
        severity: Severity = "warning" if tested else "note"
        yield Fault(
            severity,
            f"data sets {one} and {other} may hold the same patients: both have cases of {', '.join(shared)}",
            list(rows["case_id"]),
            USED,
            "test on data that share no source with training, or name the shared cases and drop them"
            if tested
            else "be aware that patients may count twice",
        )


def _twice(known: Known, rows: pd.DataFrame, same: pd.Series, what: str) -> Iterator[Fault]:
    """Faults for cases that are one and the same by `same`, but stand there as several."""
    strict = known.experiment.model_copy(update={"leaked_patients": "stop"})
    patients = rows["patient_id"].groupby(same).transform("nunique")
    # Where they bear one patient id, the patient's roles were judged already.
    mixed = refused_patients(rows[patients > 1].assign(patient_id=same), strict)
    crossing = same.isin(list(mixed))
    if crossing.any():
        yield Fault(
            "stop",
            f"{what}, in roles that must be kept apart: {_combinations(mixed)}",
            list(rows.loc[crossing, "case_id"]),
            "the audit stops; training alone would not notice",
            "drop one of each from its metadata table, or, within a data set, give both one patient_id",
        )
    if not crossing.all():
        yield Fault(
            "warning",
            what,
            list(rows.loc[~crossing, "case_id"]),
            "used as often as they are there",
            "drop all but one of each from their metadata tables",
        )


def _sources(known: Known, dataset: str, rows: pd.DataFrame) -> list[PublicSource]:
    settings = known.experiment.datasets.get(dataset)
    layout = settings.source if settings is not None else PLAIN_LAYOUT
    names = [dataset] if layout == PLAIN_LAYOUT else [dataset, layout]
    return recognized(names, rows["case_id"].str.removeprefix(f"{dataset}_"))


def _combinations(mixed: Mapping[str, list[str]]) -> str:
    """How often which roles meet, such as "mask_train and test_internal (2)"."""
    counts = Counter(" and ".join(roles) for roles in mixed.values())
    return ", ".join(f"{roles} ({n})" for roles, n in sorted(counts.items()))


def _number(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"
