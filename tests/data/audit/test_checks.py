"""Every check on a tiny cohort with exactly its fault, and on one without any."""

import pandas as pd
import pytest
from audit_cohorts import DEFAULT, cohort_rows, edited, facts_of, known_of, report

from rsuper.config.dataset import Dataset
from rsuper.data.audit.known import Known
from rsuper.data.audit.registry import CHECKS, audit_frame
from rsuper.errors import DataError
from rsuper.reports.findings import Finding

FACTS = facts_of(DEFAULT)
BLANK = float("nan")


def found(experiment, **known):
    """(check, severity, cases) of every finding."""
    frame = audit_frame(known_of(experiment, **known))
    return list(frame[["check", "severity", "cases"]].itertuples(index=False, name=None))


def text_of(experiment, **known):
    frame = audit_frame(known_of(experiment, **known))
    assert len(frame) == 1
    return frame.loc[0, "finding"]


def test_a_sound_cohort(experiment):
    assert found(experiment) == []
    assert found(experiment, findings={"a_2": report("a_2", tumor(23))}) == []


def test_every_check_says_what_should_hold():
    names = [check.__name__ for check in CHECKS]
    assert len(set(names)) == len(names)
    assert all((check.__doc__ or "").splitlines()[0].endswith(".") for check in CHECKS)


# ------------------------------------------------------------------------------------------------ patients


LEAKING = cohort_rows(
    ("a", "1", "p1", "report_train"),
    ("a", "2", "p1", "test_internal"),
    ("a", "3", "p2", "mask_train"),
    ("a", "4", "p3", "archive"),  # plays no part
    ("a", "5", "p2", "archive"),
)


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


# ---------------------------------------------------------------------------------------------- files, CTs


def test_cases_that_cannot_be_used(experiment):
    cohort = edited(
        DEFAULT, "a_1", reason="raw/a/1/ct.nii.gz: expected three dimensions, got shape (4, 4, 4, 2)"
    )
    facts = FACTS[FACTS["case_id"] != "a_1"]
    assert found(experiment, cohort=cohort, facts=facts) == [("unusable_cases", "note", "a_1")]
    text = text_of(experiment, cohort=cohort, facts=facts)
    assert text == "cannot be used: the CT: expected three dimensions, got shape (4, 4, 4, 2)"


def test_damaged_files_are_grouped(experiment):
    facts = edited(FACTS, "a_1", "kidney_left", problem="expected a mask of 0 and 1, found [2.0]")
    facts = edited(facts, "a_2", "kidney_left", problem="expected a mask of 0 and 1, found [3.0]")
    facts = edited(facts, "b_3", "ct", problem="damaged NIfTI: CRC check failed")
    frame = audit_frame(known_of(experiment, facts=facts))
    assert frame[["check", "severity", "cases", "finding"]].to_numpy().tolist() == [
        ["damaged_files", "stop", "b_3", "ct: damaged NIfTI: CRC check failed"],
        [
            "damaged_files",
            "stop",
            "a_1 a_2",
            "kidney_left: expected a mask of 0 and 1, found [2.0] (with other numbers in some)",
        ],
    ]


@pytest.mark.parametrize(
    ("check", "values"),
    [
        ("spacing", {"spacing_mm": "0.8 0.8 12", "shape": "512 512 40"}),
        ("spacing", {"spacing_mm": "0.1 0.8 2", "shape": "2048 512 200"}),
        ("spacing", {"spacing_mm": "1 1 1"}),  # 512 x 512 voxels: a lost header
        ("field_of_view", {"shape": "70 512 200"}),  # 56 mm
        ("field_of_view", {"shape": "512 1100 200"}),  # 880 mm
        ("field_of_view", {"shape": "512 512 20"}),  # 40 mm along the body
        ("field_of_view", {"shape": "512 512 1200"}),  # 2,400 mm
    ],
)
def test_implausible_grids(experiment, check, values):
    assert found(experiment, cohort=edited(DEFAULT, "a_1", **values)) == [(check, "warning", "a_1")]


@pytest.mark.parametrize(
    "values",
    [
        {"spacing_mm": "1 1 1", "shape": "410 410 400"},  # resampled
        {"spacing_mm": "4 4 4", "shape": "56 40 40"},  # phantoms
        {"spacing_mm": "0.25 0.25 10", "shape": "1024 1024 30"},
    ],
)
def test_plausible_grids(experiment, values):
    assert found(experiment, cohort=edited(DEFAULT, "a_1", **values)) == []


def test_orientation(experiment):
    tilted = edited(FACTS, "a_1", "ct", oblique_deg=25.0)
    assert found(experiment, facts=tilted) == [("orientation", "warning", "a_1")]
    mirrored = edited(FACTS, "a_1", "kidney_left", center_x_mm=300.0)  # the right one: 270
    assert found(experiment, facts=mirrored) == [("orientation", "warning", "a_1")]
    turned = edited(FACTS, "a_1", "pancreas", center_y_mm=150.0)  # both kidneys: 180
    assert found(experiment, facts=turned) == [("orientation", "warning", "a_1")]
    one_kidney = edited(FACTS, "a_1", "kidney_right", volume_ml=BLANK, center_x_mm=BLANK, center_y_mm=BLANK)
    assert found(experiment, facts=one_kidney) == []


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"hu_min": -1024.0, "hu_high": -700.0}, "nothing but air"),
        (
            {"hu_min": 40.0, "hu_median": 40.0, "hu_high": 40.0, "hu_max": 40.0, "values": 1.0},
            "every voxel has",
        ),
        ({"hu_min": 0.0, "hu_high": 255.0, "hu_max": 255.0, "values": 256.0}, "values from 0 to 255"),
        ({"hu_min": 0.0, "hu_high": 2200.0, "hu_max": 4095.0}, "no value below 0: an offset such as 1024"),
        ({"hu_min": 0.0, "hu_high": 2.0, "hu_max": 2.0, "values": 3.0}, "at most 64 distinct values"),
        ({"hu_min": -32768.0, "hu_high": 1200.0}, "values far outside"),
        ({"hu_min": -1024.0, "hu_high": 8191.0, "hu_max": 30000.0}, "values far outside"),
        ({"not_finite": 3.0}, "voxels that are NaN or infinite"),
    ],
)
def test_intensities_that_are_no_hu(experiment, values, text):
    facts = edited(FACTS, "a_1", "ct", **values)
    assert found(experiment, facts=facts) == [("intensities", "warning", "a_1")]
    assert text_of(experiment, facts=facts).startswith(text)


def test_padding_and_metal_are_hu(experiment):
    facts = edited(FACTS, "a_1", "ct", hu_min=-3024.0, hu_high=3071.0, hu_max=30000.0)
    assert found(experiment, facts=facts) == []


# -------------------------------------------------------------------------------------------- masks, reports


def tumor(*diameters, organ="pancreas", count=1):
    return Finding(organ=organ, diameters_mm=diameters, count=count)


def test_organ_masks(experiment):
    empty = edited(FACTS, "a_1", "pancreas", volume_ml=0.0)
    assert found(experiment, facts=empty) == [("organ_masks", "warning", "a_1")]
    assert text_of(experiment, facts=empty) == "mask pancreas is empty"
    for volume in (4.9, 501.0):
        odd = edited(FACTS, "a_1", "pancreas", volume_ml=volume)
        assert text_of(experiment, facts=odd) == "mask pancreas outside 5 to 500 ml"


def test_an_empty_mask_of_a_reported_tumor(experiment):
    findings = {"a_1": report("a_1", tumor(23), tumor(20, organ="kidney"))}
    assert found(experiment, findings=findings) == [("empty_tumor_masks", "warning", "a_1")]
    doubtful = Finding(organ="kidney", diameters_mm=(20,), certain=False)
    assert found(experiment, findings={"a_1": report("a_1", tumor(23), doubtful)}) == []


def test_a_tumor_that_the_report_denies(experiment):
    findings = {"a_1": report("a_1"), "a_2": report("a_2", tumor(23))}
    assert found(experiment, findings={"a_1": findings["a_1"]}) == [("unreported_tumors", "warning", "a_1")]
    assert found(experiment, findings={"a_2": findings["a_2"]}) == []


def test_a_tumor_outside_its_organ(experiment):
    assert found(experiment, facts=edited(FACTS, "a_1", "pancreas_tumor", inside=0.89)) == [
        ("tumors_outside_their_organ", "warning", "a_1")
    ]
    assert found(experiment, facts=edited(FACTS, "a_1", "pancreas_tumor", inside=0.9)) == []
    assert found(experiment, facts=edited(FACTS, "a_1", "pancreas_tumor", inside=BLANK)) == []


def test_a_tumor_mask_of_half_a_meter(experiment):
    facts = edited(FACTS, "a_1", "pancreas_tumor", extent_mm=500.0)
    assert found(experiment, facts=facts) == [("tumor_mask_sizes", "warning", "a_1")]


@pytest.mark.parametrize("diameters", [(605,), (23, 0.3)])
def test_a_lesion_of_60_cm(experiment, diameters):
    findings = {"a_2": report("a_2", tumor(*diameters))}
    assert found(experiment, findings=findings) == [("reported_sizes", "warning", "a_2")]


def test_eleven_tumors(experiment):
    eleven = {"b_3": report("b_3", tumor(23, count=6), tumor(9, count=5))}
    assert found(experiment, findings=eleven) == [("reported_counts", "warning", "b_3")]
    ten = {"b_3": report("b_3", tumor(23, count=5), tumor(9, count=5))}
    assert found(experiment, findings=ten) == []


def test_reports_without_size(experiment):
    findings = {"a_2": report("a_2", tumor()), "b_3": report("b_3", tumor())}  # b_3 is not trained on
    assert found(experiment, findings=findings) == [("tumors_without_size", "note", "a_2")]
    assert text_of(experiment, findings=findings) == (
        "1 of 1 reports with a tumor of the pancreas leave out a size"
    )


# ----------------------------------------------------------------------------------------------- the table


def test_twenty_cases_are_named_and_all_are_counted(experiment):
    cohort = cohort_rows(*[("a", f"{n:02d}", f"p{n}", "mask_train") for n in range(23)])
    frame = audit_frame(known_of(experiment, cohort.assign(shape="512 512 20")))
    assert frame.loc[0, "n_cases"] == 23
    assert frame.loc[0, "cases"].split() == [f"a_{n:02d}" for n in range(20)]


def test_the_gravest_comes_first(experiment):
    cohort = edited(LEAKING[:3], "a_3", spacing_mm="0.8 0.8 12", shape="512 512 40")
    findings = {"a_1": report("a_1", tumor())}
    frame = audit_frame(known_of(experiment, cohort, findings=findings))
    assert list(frame["severity"]) == ["stop", "warning", "note"]


def test_the_order_of_the_cohort_does_not_count(experiment):
    cohort = cohort_rows(
        *[("a", f"{n}", f"p{n % 4}", "mask_train" if n < 4 else "test_internal") for n in range(8)]
    )
    facts = facts_of(cohort).assign(image="one", oblique_deg=20.0)
    forward = audit_frame(known_of(experiment, cohort, facts))
    backward = audit_frame(known_of(experiment, cohort[::-1], facts[::-1]))
    pd.testing.assert_frame_equal(forward, backward)


def test_a_case_that_nobody_measured(experiment):
    with pytest.raises(DataError, match=r"no facts about 1 case\(s\), such as a_1"):
        audit_frame(known_of(experiment, facts=FACTS[FACTS["case_id"] != "a_1"]))
