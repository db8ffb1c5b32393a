"""The audit for reading, and the one paragraph that stops a run."""

from pathlib import Path

import pytest
from audit_cohorts import DEFAULT, cohort_rows, edited, facts_of, known_of

from rsuper.data.audit.paths import without_paths
from rsuper.data.audit.registry import CHECKS, audit_frame
from rsuper.data.audit.report import audit_markdown, refuse_stops
from rsuper.errors import DataError


def test_a_sound_cohort(experiment):
    known = known_of(experiment)
    text = audit_markdown(audit_frame(known), known)
    assert text.startswith(
        f"# Audit of the data of `tiny`\n\n3 CTs of 3 patients in 2 data sets, {len(CHECKS)} checks: "
        "0 stops, 0 warnings, 0 notes.\n\n## Checks that found nothing\n\n- `patients_in_two_roles`: No pat"
    )
    assert text.count("\n- `") == len(CHECKS)
    assert refuse_stops(audit_frame(known), Path("audit.md")) == "0 stops, 0 warnings, 0 notes"


def test_cases_beyond_the_twentieth_are_counted(experiment):
    cohort = cohort_rows(*[("a", f"{n:02d}", f"p{n}", "mask_train") for n in range(23)])
    known = known_of(experiment, cohort.assign(shape="512 512 20"))
    text = audit_markdown(audit_frame(known), known)
    assert "## Warning: extent along the body outside 60 to 2200 mm\n\n- Check: `field_of_view`\n" in text
    assert "- Cases (23): `a_00`, " in text
    assert "`a_19` and 3 more\n" in text


def test_one_paragraph_stops_the_run(experiment):
    cohort = cohort_rows(*[("a", f"{n}", "p", "mask_train" if n else "test_internal") for n in range(7)])
    facts = edited(facts_of(cohort), "a_1", "ct", problem="damaged NIfTI: end of file")
    frame = audit_frame(known_of(experiment, cohort, facts))
    with pytest.raises(DataError) as stopped:
        refuse_stops(frame, Path("results/audit.md"))
    assert str(stopped.value) == (
        "the audit stops the run. patients_in_two_roles: 1 patient with more than one role: mask_train and "
        "test_internal (1) (a_0, a_1, a_2, a_3, a_4 and 2 more); to mend it, give all CTs of a patient one "
        "role, or set leaked_patients to exclude or with_and_without; damaged_files: ct: damaged NIfTI: end "
        "of file (a_1); to mend it, repair the file and list the cases again (--forcerun cohort), or drop "
        "the case. All findings: results/audit.md"
    )


def test_paths_are_not_told():
    names = {"in/smith": "the masks", "in/smith/ct.nii.gz": "the CT", "": "nothing"}
    assert without_paths("in/smith/ct.nii.gz: damaged", names) == "the CT: damaged"
    assert without_paths("in/smith: no mask", names) == "the masks: no mask"
    assert without_paths("other\\smith\\a.nii: 3/4 of it", names) == "a file: 3/4 of it"


def test_it_is_the_same_twice(experiment):
    known = known_of(experiment, DEFAULT.assign(spacing_mm="0.8 0.8 12", shape="512 512 40"))
    first, second = (audit_markdown(audit_frame(known), known) for _ in range(2))
    assert first == second
