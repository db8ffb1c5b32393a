from dataclasses import replace

import pandas as pd
import pytest

from rsuper.config.experiment import Budget
from rsuper.data.roles import (
    budget_ids,
    leaked_cases,
    refuse_patients_in_two_roles,
    report_ids,
    validation_ids,
)
from rsuper.errors import DataError


def listed(masks=0, reports=0, cts_per_patient=1):
    """Cohort rows: m0, m1, ... of role mask_train and r0, r1, ... of role report_train."""
    ids = [f"m{i}" for i in range(masks)] + [f"r{i}" for i in range(reports)]
    return pd.DataFrame(
        {
            "case_id": ids,
            "patient_id": [f"{case[0]}{int(case[1:]) // cts_per_patient}p" for case in ids],
            "role": ["mask_train" if case[0] == "m" else "report_train" for case in ids],
        }
    )


# m0-m5 pancreas, m4-m9 kidney (m4 and m5 both), m10-m29 normal
TUMORS = {f"m{i}": [t for t, of in (("pancreas", i < 6), ("kidney", i > 3)) if of] for i in range(10)}


def drawn(seed=0, **counts):
    return budget_ids(listed(masks=30, reports=5), TUMORS, Budget(methods=(), **counts), "mask_train", seed)


def test_a_budget_has_its_size():
    ids = drawn(pancreas=3, kidney=4, normal=7)
    assert len(ids) == len(set(ids)) == 14
    assert sum(case not in TUMORS for case in ids) == 7
    assert sum("pancreas" in TUMORS.get(case, ()) for case in ids) >= 3
    assert sum("kidney" in TUMORS.get(case, ()) for case in ids) >= 4
    assert drawn(pancreas=0, kidney=0, normal=2)[0] not in TUMORS


def test_none_takes_all_and_no_case_twice():
    assert drawn() == sorted(f"m{i}" for i in range(30))
    # All 6 with a pancreatic tumor, so that m6 to m9 remain for the kidney.
    assert drawn(kidney=4, normal=0) == [f"m{i}" for i in range(10)]


def test_a_budget_is_drawn_by_seed():
    counts = {"pancreas": 2, "kidney": 2, "normal": 10}
    assert drawn(0, **counts) == drawn(0, **counts)
    assert drawn(0, **counts) != drawn(1, **counts)


def test_more_than_there_is():
    with pytest.raises(DataError, match="asks for 21 normal CTs of role 'mask_train', the cohort has 20"):
        drawn(pancreas=1, kidney=1, normal=21)


def with_ids(rows):
    cohort = pd.DataFrame(rows, columns=["patient_id", "role"])
    return cohort.assign(case_id=[f"c{number}" for number in range(len(cohort))])


def in_roles(experiment, *roles, patient="p"):
    """Cohort with one patient in the given roles and another in the first, checked."""
    rows = [(patient, role) for role in roles] + [("q", roles[0])]
    sets = {name: {"role": f"test_{name}", "label": name} for name in ("internal", "external")}
    content = experiment.model_dump() | {"test_sets": sets}
    refuse_patients_in_two_roles(with_ids(rows), type(experiment).model_validate(content))


@pytest.mark.parametrize(
    "roles",
    [("mask_train", "report_train"), ("mask_train", "test_internal"), ("test_external", "report_train")],
)
def test_a_patient_in_two_roles_is_named(experiment, roles):
    first, second = roles
    with pytest.raises(DataError, match=rf"role: CTs c0 \({first}\) and c1 \({second}\); give all CTs"):
        in_roles(experiment, *roles)


def test_a_patient_in_two_test_sets_or_in_a_role_that_plays_no_part(experiment):
    in_roles(experiment, "mask_train", "mask_train")
    in_roles(experiment, "test_internal", "test_external")
    in_roles(experiment, "mask_train", "archive")
    with pytest.raises(DataError, match=r"CTs c0 \(test_internal\) and c1 \(test_external\) and c2 \(mask"):
        in_roles(experiment, "test_internal", "test_external", "mask_train")


def test_cts_of_ten_of_many_patients_are_named_and_no_patient(experiment):
    roles = [(f"p{number}", role) for number in range(12) for role in ("mask_train", "test_internal")]
    cohort = with_ids(roles)
    with pytest.raises(
        DataError, match=r"c14 \(mask_train\) and c15 \(test_internal\) \(and 2 more\);"
    ) as found:
        refuse_patients_in_two_roles(cohort, experiment)
    assert "p4" not in str(found.value)


# A public split of reports and tests that repeats patients, as the R-Super demo's of Merlin does: p1 has a
# CT with a report and two test CTs, p4 one in an archive that plays no part.
REPEATED = pd.DataFrame(
    [
        ("c1", "p1", "report_train"),
        ("c2", "p1", "test_internal"),
        ("c3", "p1", "test_internal"),
        ("c4", "p2", "test_internal"),
        ("c5", "p3", "mask_train"),
        ("c6", "p4", "archive"),
        ("c7", "p4", "test_internal"),
    ],
    columns=["case_id", "patient_id", "role"],
)


def test_leaked_cases_are_listed_with_what_their_patient_was_trained_on(experiment):
    found = leaked_cases(REPEATED, experiment)
    assert found.to_dict("records") == [
        {"case_id": case, "patient_id": "p1", "role": "test_internal", "training_roles": "report_train"}
        for case in ("c2", "c3")
    ]
    assert leaked_cases(REPEATED[3:], experiment).empty


def test_leaked_patients_stop_a_run_unless_it_says_what_to_do(experiment):
    with pytest.raises(
        DataError,
        match=r"CTs c1 \(report_train\) and c2 \(test_internal\); .* or set leaked_patients to exclude",
    ):
        refuse_patients_in_two_roles(REPEATED, experiment)
    both_ways = pd.concat(
        [REPEATED, pd.DataFrame([("c8", "p3", "report_train")], columns=REPEATED.columns)], ignore_index=True
    )
    for policy in ("exclude", "with_and_without"):
        lenient = experiment.model_copy(update={"leaked_patients": policy})
        refuse_patients_in_two_roles(REPEATED, lenient)
        # Masks of a patient whose report may serve for validation.
        with pytest.raises(
            DataError, match=r"c5 \(mask_train\) and c8 \(report_train\); give all CTs of a patient one role$"
        ):
            refuse_patients_in_two_roles(both_ways, lenient)


def validation(experiment, cohort, share=0.1, seed=0):
    settings = experiment.validation.model_copy(update={"share": share})
    return validation_ids(cohort, experiment.model_copy(update={"validation": settings, "data_seed": seed}))


def test_the_validation_share(experiment):
    # A tenth of 60 + 40 cases, all from the report cohort.
    held_out = validation(experiment, listed(masks=60, reports=40))
    assert len(held_out) == 10
    assert all(case.startswith("r") for case in held_out)
    assert held_out == validation(experiment, listed(masks=60, reports=40))
    assert held_out != validation(experiment, listed(masks=60, reports=40), seed=1)
    assert validation(experiment, listed(masks=60)) == []


def test_validation_holds_whole_patients(experiment):
    # 12 CTs of 4 patients; a quarter of 12 + 8 is 5 CTs, so two patients with 3 each.
    held_out = validation(experiment, listed(masks=8, reports=12, cts_per_patient=3), share=0.25)
    assert len(held_out) == 6
    assert len({int(case[1:]) // 3 for case in held_out}) == 2


def test_validation_is_never_trained_on(collection):
    held_out = set(collection.validation)
    assert len(held_out) == 1
    assert not held_out & set(collection.report_ids("full", 0))
    assert not held_out & set(collection.budget_cases("full", 0))
    assert set(collection.report_ids("full", 0)) | held_out == {f"tiny_R{number}" for number in (1, 2, 3, 4)}
    assert set(collection.evaluated("internal")) == {"tiny_T1", "tiny_T2"}


def test_a_test_set_without_cases(collection, experiment):
    absent = {"none": experiment.test_sets["internal"].model_copy(update={"role": "absent"})}
    other = replace(collection, experiment=experiment.model_copy(update={"test_sets": absent}))
    with pytest.raises(DataError, match="test set 'none': no case has role 'absent'"):
        other.evaluated("none")


def test_report_budgets_are_drawn_by_seed_and_nested():
    pairs = [f"r{i}" for i in range(20)]

    def drawn_reports(number, seed=0):
        return report_ids(pairs, Budget(methods=(), reports=number), seed)

    assert drawn_reports(None) == pairs
    few, more = drawn_reports(5), drawn_reports(12)
    assert len(few) == 5
    assert set(few) < set(more)
    assert more == [case for case in pairs if case in more]  # in the cohort's order
    assert few != drawn_reports(5, seed=1)
    with pytest.raises(DataError, match="budget asks for 21 CT-Report pairs, the cohort has 20"):
        drawn_reports(21)
