"""All checks, and what they find in the cohorts of an experiment. A new check is one function listed here."""

import pandas as pd

from rsuper.data.audit.images import (
    damaged_files,
    field_of_view,
    intensities,
    orientation,
    spacing,
    unusable_cases,
)
from rsuper.data.audit.known import SEVERITIES, Check, Known
from rsuper.data.audit.patients import (
    patients_in_two_roles,
    patients_not_known,
    roles_not_used,
    same_image,
    same_public_patient,
    shared_public_sources,
)
from rsuper.data.audit.tumors import (
    annotated_counts,
    empty_tumor_masks,
    organ_masks,
    reported_counts,
    reported_sizes,
    reports_missing,
    tumor_mask_sizes,
    tumors_outside_their_organ,
    tumors_without_size,
    unreported_tumors,
)
from rsuper.errors import DataError
from rsuper.schemas import AUDIT

NAMED_CASES = 20

# The first line of a check's docstring says what should hold.
CHECKS: tuple[Check, ...] = (
    patients_in_two_roles,
    patients_not_known,
    roles_not_used,
    same_image,
    same_public_patient,
    shared_public_sources,
    unusable_cases,
    damaged_files,
    spacing,
    field_of_view,
    orientation,
    intensities,
    organ_masks,
    empty_tumor_masks,
    unreported_tumors,
    tumors_outside_their_organ,
    tumor_mask_sizes,
    reported_sizes,
    reported_counts,
    annotated_counts,
    reports_missing,
    tumors_without_size,
)


def audit_frame(known: Known) -> pd.DataFrame:
    """Run every check.

    Returns:
        Rows of AUDIT, the gravest first, then in the order of the checks and of what each found.

    Raises:
        DataError: facts are missing of a case that the experiment uses.
    """
    unmeasured = sorted(set(known.cohort["case_id"]) - set(known.facts["case_id"]))
    if unmeasured:
        raise DataError(f"no facts about {len(unmeasured)} case(s), such as {unmeasured[0]}: measure again")
    found = [(check.__name__, fault) for check in CHECKS for fault in check(known)]
    found.sort(key=lambda named: SEVERITIES.index(named[1].severity))
    rows = [
        {
            "check": name,
            "severity": fault.severity,
            "n_cases": len(fault.cases),
            "cases": " ".join(sorted(fault.cases)[:NAMED_CASES]),
            "finding": " ".join(fault.finding.split()),
            "action": fault.action,
            "advice": fault.advice,
        }
        for name, fault in found
    ]
    return pd.DataFrame(rows, columns=list(AUDIT.columns))
