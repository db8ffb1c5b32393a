"""Checks of patients, images and public sources in two roles: with exactly their fault, and without any."""

import pytest
from audit_cohorts import DEFAULT, FACTS, LEAKING, cohort_rows, edited, facts_of, found, known_of, text_of

from rsuper.config.dataset import Dataset
from rsuper.data.audit.known import Known
from rsuper.data.audit.registry import audit_frame


def test_a_patient_in_training_and_test(experiment):
    unused = ("roles_not_used", "note", "a_4 a_5")
    assert found(experiment, cohort=LEAKING) == [("patients_in_two_roles", "stop", "a_1 a_2"), unused]
    assert text_of(experiment, cohort=LEAKING[:3]) == (
        "1 patient with more than one role: report_train and test_internal (1)"
    )


@pytest.mark.parametrize(
    ("policy", "action"), [("exclude", "left out of"), ("with_and_without", "used; every table")]
)
def test_the_experiment_says_what_to_do_with_leaked_patients(experiment, policy, action):
    lenient = experiment.model_copy(update={"leaked_patients": policy})
    frame = audit_frame(known_of(lenient, LEAKING[:3]))
    assert frame[["severity", "cases"]].to_numpy().tolist() == [["warning", "a_2"]]
    assert frame.loc[0, "action"].startswith(action)


def test_a_patient_with_masks_and_reports_stops_whatever_the_experiment_says(experiment):
    lenient = experiment.model_copy(update={"leaked_patients": "exclude"})
    cohort = cohort_rows(("a", "1", "p1", "mask_train"), ("a", "2", "p1", "report_train"))
    assert found(lenient, cohort=cohort) == [("patients_in_two_roles", "stop", "a_1 a_2")]


# As R-Super's lists of Merlin: accession numbers for training and for testing that share no CT, and Merlin
# Plus' patients, some of whom have a CT in both. Of the three test patients two are in training.
MERLIN = [
    ("AC421363e", "18b2", "report_train"),
    ("AC4214a71", "77aa", "report_train"),
    ("AC42152c9", "18b2", "report_train"),
    ("AC42160f0", "9d01", "report_train"),
    ("AC4217b3d", "18b2", "test_internal"),
    ("AC42189c2", "9d01", "test_internal"),
    ("AC4219e55", "c3f0", "test_internal"),
]


def merlin(patients=True, datasets=("merlin", "merlin")):
    rows = []
    for accession, patient, role in MERLIN:
        dataset = datasets[role == "test_internal"]
        rows.append((dataset, accession, patient if patients else accession, role))
    return cohort_rows(*rows)


def test_the_public_merlin_split_leaks_patients(experiment):
    frame = audit_frame(known_of(experiment, merlin()))
    assert frame[["check", "severity", "n_cases"]].to_numpy().tolist() == [
        ["patients_in_two_roles", "stop", 5]
    ]
    assert frame.loc[0, "finding"].startswith("2 patients")
    lenient = experiment.model_copy(update={"leaked_patients": "with_and_without"})
    assert found(lenient, cohort=merlin()) == [
        ("patients_in_two_roles", "warning", "merlin_AC4217b3d merlin_AC42189c2")
    ]


def test_merlin_lists_without_patients_are_not_trusted(experiment):
    [(check, severity, cases)] = found(experiment, cohort=merlin(patients=False))
    assert (check, severity, len(cases.split())) == ("patients_not_known", "warning", 7)
    unknown = merlin(patients=False, datasets=("site", "site"))
    assert [severity for _, severity, _ in found(experiment, cohort=unknown)] == ["note"]


def test_merlin_lists_in_two_data_sets_leak_the_same_patients(experiment):
    cohort = merlin(datasets=("merlin_train", "merlin_test"))
    [(check, severity, cases)] = found(experiment, cohort=cohort)
    assert (check, severity) == ("same_public_patient", "stop")
    assert cases.split() == [
        "merlin_test_AC4217b3d",
        "merlin_test_AC42189c2",
        "merlin_train_AC421363e",
        "merlin_train_AC42152c9",
        "merlin_train_AC42160f0",
    ]


# -------------------------------------------------------------------------------------------------- images


def test_the_same_image_in_training_and_test(experiment):
    facts = edited(FACTS, "b_3", "ct", image="image of a_1")
    assert found(experiment, facts=facts) == [("same_image", "stop", "a_1 b_3")]
    lenient = experiment.model_copy(update={"leaked_patients": "exclude"})
    assert found(lenient, facts=facts) == [("same_image", "stop", "a_1 b_3")]  # no patient id to exclude by


@pytest.mark.parametrize(
    ("role", "severity", "advice"),
    [
        ("mask_trian", "warning", "do you mean 'mask_train'?"),
        ("test-internal", "warning", "do you mean 'test_internal'?"),
        ("test_external", "note", "nothing, where the role is for another experiment"),
    ],
)
def test_a_role_that_the_experiment_does_not_name(experiment, role, severity, advice):
    frame = audit_frame(known_of(experiment, DEFAULT.assign(role=["mask_train", "report_train", role])))
    row = frame.set_index("check").loc["roles_not_used"]
    assert (row["severity"], row["cases"], row["action"], row["advice"]) == (
        severity,
        "b_3",
        "left out",
        advice,
    )


def test_reports_that_are_missing(experiment):
    silent = Known(experiment, DEFAULT, FACTS, {})
    frame = audit_frame(silent)
    assert frame[["check", "severity", "cases"]].to_numpy().tolist() == [
        ["reports_missing", "warning", "a_2"]
    ]


def test_a_download_goes_on_without_its_damaged_files(experiment):
    download = Dataset(source="pants", root="b", role="test_internal")
    lenient = experiment.model_copy(update={"datasets": {"b": download}})
    facts = edited(FACTS, "a_1", "ct", problem="damaged NIfTI")
    facts = edited(facts, "b_3", "ct", problem="damaged NIfTI")
    frame = audit_frame(known_of(lenient, facts=facts))
    assert frame[["severity", "cases", "action"]].to_numpy().tolist() == [
        ["stop", "a_1", "the run stops"],
        ["warning", "b_3", "left out"],
    ]


def test_the_same_image_twice_in_one_role(experiment):
    cohort = cohort_rows(("a", "1", "p1", "mask_train"), ("a", "2", "p2", "mask_train"))
    facts = edited(facts_of(cohort), "a_2", "ct", image="image of a_1")
    assert found(experiment, cohort=cohort, facts=facts) == [("same_image", "warning", "a_1 a_2")]


def test_the_same_image_of_a_patient_who_is_excluded_anyhow(experiment):
    lenient = experiment.model_copy(update={"leaked_patients": "exclude"})
    facts = edited(facts_of(LEAKING), "a_2", "ct", image="image of a_1")
    assert found(lenient, cohort=LEAKING[:3], facts=facts) == [
        ("patients_in_two_roles", "warning", "a_2"),
        ("same_image", "warning", "a_1 a_2"),
    ]


def test_images_without_content_are_not_the_same(experiment):
    facts = FACTS.assign(image="", values=1.0, hu_min=-1024.0, hu_max=-1024.0, hu_high=-1024.0)
    assert {check for check, _, _ in found(experiment, facts=facts)} == {"intensities"}


# ------------------------------------------------------------------------------------------- public sources


@pytest.mark.parametrize(
    ("trained", "tested", "shared"),
    [
        ("pants", "msd_pancreas", "LiTS, MSD"),
        ("abdomenatlas", "kits23", "KiTS"),
        ("PanTS-train", "task07_test", "LiTS, MSD"),
        ("msd", "panorama", "LiTS, MSD"),
        ("pants", "abdomenatlas", "KiTS, LiTS, MSD, TotalSegmentator"),
    ],
)
def test_public_data_sets_that_share_patients(experiment, trained, tested, shared):
    cohort = cohort_rows((trained, "1", "p1", "mask_train"), (tested, "2", "p2", "test_internal"))
    assert found(experiment, cohort=cohort) == [("shared_public_sources", "warning", f"{tested}_2")]
    assert text_of(experiment, cohort=cohort).endswith(f"both have cases of {shared}")
    both_trained = cohort.assign(role="mask_train")
    assert found(experiment, cohort=both_trained) == [("shared_public_sources", "note", "")]


@pytest.mark.parametrize(
    ("trained", "tested"),
    [
        ("merlin", "kits23"),
        ("participants", "msd"),
        ("ucsf", "jhh"),
        ("pants", "ct_rate"),
        ("kits23", "panorama"),
    ],
)
def test_data_sets_that_share_no_source(experiment, trained, tested):
    cohort = cohort_rows((trained, "1", "p1", "mask_train"), (tested, "2", "p2", "test_internal"))
    assert found(experiment, cohort=cohort) == []


def test_a_folder_is_recognized_by_its_ids(experiment):
    cohort = cohort_rows(
        ("site", "PanTS_00000001", "1", "mask_train"),
        ("site", "PanTS_00000002", "2", "mask_train"),
        ("msd", "pancreas_001", "3", "test_internal"),
    )
    assert [check for check, _, _ in found(experiment, cohort=cohort)] == ["shared_public_sources"]


def test_kits19_and_kits23_name_the_same_patients(experiment):
    cohort = cohort_rows(
        ("kits19", "case_00003", "case_00003", "mask_train"),
        ("kits19", "case_00004", "case_00004", "mask_train"),
        ("kits23", "case_00003", "case_00003", "test_internal"),
        ("kits23", "case_00400", "case_00400", "test_internal"),
    )
    expected = ("same_public_patient", "stop", "kits19_case_00003 kits23_case_00003")
    assert found(experiment, cohort=cohort) == [expected]
    trained = cohort.assign(role="mask_train")
    assert found(experiment, cohort=trained) == [("same_public_patient", "warning", expected[2])]
