"""Every check on a tiny cohort with exactly its fault, and on one without any."""

import pandas as pd
import pytest
from audit_cohorts import (
    BLANK,
    DEFAULT,
    FACTS,
    LEAKING,
    cohort_rows,
    edited,
    facts_of,
    found,
    known_of,
    report,
    text_of,
)

from rsuper.data.audit.registry import CHECKS, audit_frame
from rsuper.errors import DataError
from rsuper.reports.findings import Finding


def test_a_sound_cohort(experiment):
    assert found(experiment) == []
    assert found(experiment, findings={"a_2": report("a_2", tumor(23))}) == []


def test_every_check_says_what_should_hold():
    names = [check.__name__ for check in CHECKS]
    assert len(set(names)) == len(names)
    assert all((check.__doc__ or "").splitlines()[0].endswith(".") for check in CHECKS)


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


@pytest.mark.parametrize(
    ("counts", "volume_ml", "expected"),
    [
        ("pancreas:2", 3.0, None),
        ("pancreas:0", 0.0, None),
        ("pancreas:2", 0.0, "warning"),
        ("pancreas:0", 3.0, "warning"),
        ("pancreas:10", 3.0, None),
        ("pancreas:10 kidney:0", 3.0, None),
        ("pancreas:11", 3.0, "note"),
    ],
)
def test_tumors_told_apart(experiment, counts, volume_ml, expected):
    cohort = DEFAULT.assign(tumor_counts="")
    cohort.loc[cohort["case_id"] == "a_1", "tumor_counts"] = counts
    facts = edited(FACTS, "a_1", "pancreas_tumor", volume_ml=volume_ml)
    expected_faults = [("annotated_counts", expected, "a_1")] if expected else []
    assert found(experiment, cohort=cohort, facts=facts) == expected_faults


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
