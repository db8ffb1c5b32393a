"""Checks of masks and of what reports say: empty, misplaced, of impossible size or number, without size."""

from collections.abc import Iterator

import pandas as pd

from rsuper.data.audit.case_masks import TUMOR_SUFFIX
from rsuper.data.audit.facts import MARGIN_MM
from rsuper.data.audit.known import Fault, Known
from rsuper.data.cohort import COUNTS_COLUMN
from rsuper.reports.findings import TARGETS, Finding, ReportFindings
from rsuper.reports.supervision import State, case_truth, regions
from rsuper.reports.tables import LARGEST_MM, MOST_TUMORS

LOOK = "look at the mask; drop the case from its metadata table where it is wrong"
# From a pancreas or kidney that is only partly there to the largest ones with tumors.
ORGAN_ML = {"pancreas": (5.0, 500.0), "kidney_left": (10.0, 3000.0), "kidney_right": (10.0, 3000.0)}
# Of 32 real tumors, 92 % and more lay inside the masks that segmenters draw, without any margin.
LEAST_INSIDE = 0.9
SMALLEST_MM = 1.0


def organ_masks(known: Known) -> Iterator[Fault]:
    """Organ masks are not empty, and as large as the organ may be."""
    masks = known.masks[~known.masks["file"].str.endswith(TUMOR_SUFFIX)]
    for name, own in masks.groupby("file", sort=True):
        empty = list(own.loc[own["volume_ml"] == 0, "case_id"])
        if empty:
            action = "used as if the CT did not show the organ"
            yield Fault("warning", f"mask {name} is empty", empty, action, LOOK)
        low, high = ORGAN_ML.get(str(name), (0.0, float("inf")))
        odd = own[(own["volume_ml"] > 0) & ((own["volume_ml"] < low) | (own["volume_ml"] > high))]
        if len(odd):
            text = f"mask {name} outside {low:g} to {high:g} ml"
            yield Fault("warning", text, list(odd["case_id"]), "used as it is", LOOK)


def empty_tumor_masks(known: Known) -> Iterator[Fault]:
    """Where a report, or the table in its place, states a tumor, its mask is not empty."""
    for target, own in _tumor_masks(known):
        empty = own.loc[own["volume_ml"] == 0, "case_id"]
        cases = [case for case in empty if case_truth(known.findings.get(case), target)]
        if cases:
            text = f"a tumor of the {target} is reported, but the tumor mask is empty"
            action = "used; where masks count (training on masks, testing), as free of tumor"
            advice = (
                "remove the mask file where nobody segmented the tumor: an absent mask is not an empty one"
            )
            yield Fault("warning", text, cases, action, advice)


def unreported_tumors(known: Known) -> Iterator[Fault]:
    """Where a mask shows a tumor, the report does not deny it."""
    for target, own in _tumor_masks(known):
        found = own.loc[own["volume_ml"] > 0, "case_id"]
        reports = {case: known.findings[case] for case in found if case in known.findings}
        cases = [case for case, findings in reports.items() if target in findings.absent]
        if cases:
            text = f"the mask shows a tumor of the {target}, but the report says that there is none"
            yield Fault("warning", text, cases, "used; the mask counts", "compare report and mask")


def tumors_outside_their_organ(known: Known) -> Iterator[Fault]:
    """At least 90 % of a tumor lie within its organ's mask grown by 5 mm."""
    for target, own in _tumor_masks(known):
        cases = list(own.loc[own["inside"] < LEAST_INSIDE, "case_id"])
        if cases:
            text = (
                f"less than {LEAST_INSIDE:.0%} of the tumor of the {target} lies within the organ mask "
                f"grown by {MARGIN_MM:g} mm"
            )
            yield Fault("warning", text, cases, "used as it is", LOOK)


def tumor_mask_sizes(known: Known) -> Iterator[Fault]:
    """No tumor mask is longer than 300 mm."""
    for target, own in _tumor_masks(known):
        cases = list(own.loc[own["extent_mm"] > LARGEST_MM, "case_id"])
        if cases:
            text = f"the tumor mask of the {target} is longer than {LARGEST_MM:g} mm"
            yield Fault("warning", text, cases, "used as it is", LOOK)


def reported_sizes(known: Known) -> Iterator[Fault]:
    """No reported tumor is longer than 300 mm or shorter than 1 mm."""

    def impossible(finding: Finding) -> bool:
        given = finding.diameters_mm
        return bool(given) and (given[0] > LARGEST_MM or given[-1] < SMALLEST_MM)

    cases = [case for case, findings in _reports(known).items() if any(map(impossible, findings.findings))]
    if cases:
        yield Fault(
            "warning",
            f"a reported diameter is outside {SMALLEST_MM:g} to {LARGEST_MM:g} mm",
            cases,
            "used as the report says it",
            "read the report: a misread unit, or an error of the extraction",
        )


def reported_counts(known: Known) -> Iterator[Fault]:
    """No report counts more than ten tumors of an organ."""
    for target in TARGETS:
        cases = [
            case
            for case, findings in _reports(known).items()
            if sum(finding.count or 0 for finding in findings.of(target)) > MOST_TUMORS
        ]
        if cases:
            yield Fault(
                "warning",
                f"more than {MOST_TUMORS} tumors of the {target} are reported",
                cases,
                "used; methods that count are given the number",
                "read the report: such numbers are mostly invented by an extractor",
            )


def annotated_counts(known: Known) -> Iterator[Fault]:
    """Where a data set tells tumors of one mask apart, there are ten at most, and none where it is empty."""
    counted = _annotated_counts(known)
    for target, own in _tumor_masks(known):
        counts = own["case_id"].map(lambda case, target=target: counted.get((case, target)))
        action, advice = "used; the mask counts, its tumors are counted by its pieces", LOOK
        odd = own.loc[counts.notna() & ((counts > 0) != (own["volume_ml"] > 0)), "case_id"]
        if len(odd):
            text = f"tumors of the {target} are told apart where their mask is empty, or none where it is not"
            yield Fault("warning", text, list(odd), action, advice)
        many = own.loc[counts > MOST_TUMORS, "case_id"]
        if len(many):
            text = f"more than {MOST_TUMORS} tumors of the {target} are told apart"
            yield Fault("note", text, list(many), action, advice)


def reports_missing(known: Known) -> Iterator[Fault]:
    """Every case that is trained on by its report has one."""
    role = known.experiment.roles["report_train"]
    rows = known.cohort[known.cohort["role"] == role]
    bare = [case for case in rows["case_id"] if case not in known.findings]
    if bare:
        text = f"role '{role}' without a report"
        yield Fault("warning", text, bare, "not trained on by reports", "add the report, or change the role")


def tumors_without_size(known: Known) -> Iterator[Fault]:
    """Reports that are trained on give the size of every tumor."""
    role = known.experiment.roles["report_train"]
    trained = set(known.cohort.loc[known.cohort["role"] == role, "case_id"])
    reports = {case: findings for case, findings in _reports(known).items() if case in trained}
    for target in TARGETS:
        positive = [case for case, findings in reports.items() if case_truth(findings, target)]
        unsized = [
            case
            for case in positive
            if any(r.target == target and r.state == State.POSITIVE_UNSIZED for r in regions(reports[case]))
        ]
        if unsized:
            yield Fault(
                "note",
                f"{len(unsized)} of {len(positive)} reports with a tumor of the {target} leave out a size",
                unsized,
                "used; losses that need a size pass over these tumors",
                "nothing: reports are as they are",
            )


def _tumor_masks(known: Known) -> Iterator[tuple[str, pd.DataFrame]]:
    for target in TARGETS:
        yield target, known.masks[known.masks["file"] == f"{target}{TUMOR_SUFFIX}"]


def _annotated_counts(known: Known) -> dict[tuple[str, str], int]:
    """Numbers of tumors that annotators told apart, by case and target."""
    if COUNTS_COLUMN not in known.cohort:
        return {}
    cells = known.cohort[["case_id", COUNTS_COLUMN]].fillna("").itertuples(index=False, name=None)
    pairs = [(case, *entry.partition(":")[::2]) for case, cell in cells for entry in cell.split()]
    return {(case, target): int(count) for case, target, count in pairs}


def _reports(known: Known) -> dict[str, ReportFindings]:
    """What is reported of the cases that the experiment uses, in their order."""
    used = known.cohort["case_id"]
    return {case: known.findings[case] for case in used if case in known.findings}
