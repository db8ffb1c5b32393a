import math

import pandas as pd
from long_forms import make_experiment

from rsuper.publish.figures.cohorts import chosen_diameters, cohort_groups, shares
from rsuper.publish.figures.figure3 import figure3
from rsuper.publish.figures.tables import SIZES
from rsuper.schemas import COHORT
from tests.publish.figures.drawn import panels, same_bytes


def case(number, role, **cells):
    row = dict.fromkeys(COHORT.columns, "") | {
        "age": math.nan,
        "case_id": f"c{number}",
        "patient_id": f"p{number}",
    }
    return row | {"role": role} | cells


def cohort():
    rows = [
        case(0, "mask_train", sex="F", age=50.0, scanner="A", phase="venous"),
        case(1, "mask_train", sex="F", age=70.0, scanner="A", patient_id="p0"),
        case(2, "mask_train", sex=" M ", scanner="B", reason="damaged"),
        case(3, "report_train", sex="M", scanner="C"),
        case(4, "test_external", sex="", scanner="A"),
        case(5, "elsewhere", sex="M"),
    ]
    return pd.DataFrame(rows, columns=list(COHORT.columns))


def sizes():
    rows = [
        ("c0", "pancreas", "yes", "mask", 1, math.nan, 12.0),
        ("c0", "kidney", "no", "mask", 0, math.nan, math.nan),
        ("c3", "pancreas", "yes", "report", 2, 20.0, math.nan),
        ("c3", "kidney", "unknown", "", math.nan, math.nan, math.nan),
        ("c4", "pancreas", "yes", "mask", 1, 30.0, 33.0),
        ("c4", "kidney", "yes", "report", 1, math.nan, math.nan),
    ]
    return pd.DataFrame(rows, columns=list(SIZES.columns))


def test_groups_are_the_roles_that_have_cases():
    groups = cohort_groups(cohort(), sizes(), make_experiment())
    assert [group.label for group in groups] == [
        "training, masks\n2 CTs, 1 patients",
        "training, reports\n1 CTs, 1 patients",
        "test, unseen hospital\n1 CTs, 1 patients",
    ]
    assert [group.unusable for group in groups] == [1, 0, 0]
    assert [len(group.sizes) for group in groups] == [2, 2, 2]


def test_what_is_not_known_is_a_category():
    groups = cohort_groups(cohort(), sizes(), make_experiment())
    found = shares(groups, "sex")
    assert list(found) == ["F", "M", "unknown"]
    assert found.to_numpy().tolist() == [[2, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert shares(groups, "phase")["unknown"].tolist() == [1, 1, 1]


def test_rare_values_are_folded_and_no_case_is_lost():
    names = [f"S{index}" for index in range(9)] + ["S8", "S7", ""]
    rows = pd.DataFrame([case(i, "mask_train", scanner=name) for i, name in enumerate(names)])
    found = shares(cohort_groups(rows, sizes(), make_experiment()), "scanner")
    # Twice: S7, S8. Once, first by name: S0 to S3. The three that are left: S4, S5, S6.
    assert list(found) == ["S0", "S1", "S2", "S3", "S7", "S8", "other", "unknown"]
    assert found.iloc[0].tolist() == [1, 1, 1, 1, 2, 2, 3, 1]
    assert shares([], "scanner").empty


def test_preferred_diameter_else_the_other():
    by_report = chosen_diameters(sizes(), "report").set_index(["case_id", "target"])
    assert by_report["diameter_mm"].dropna().to_dict() == {
        ("c0", "pancreas"): 12.0,
        ("c3", "pancreas"): 20.0,
        ("c4", "pancreas"): 30.0,
    }
    assert by_report["source"].tolist() == ["mask", "report", "report", ""]
    by_mask = chosen_diameters(sizes(), "mask").set_index(["case_id", "target"])
    assert by_mask.loc[("c4", "pancreas"), ["diameter_mm", "source"]].tolist() == [33.0, "mask"]


def test_same_numbers_same_bytes(tmp_path):
    for name in ("a", "b"):
        figure3(cohort(), sizes(), make_experiment(), tmp_path / name)
    assert same_bytes(tmp_path / "a", tmp_path / "b")
    assert panels(tmp_path / "a.svg") == 6


def test_no_cases_still_make_a_figure(tmp_path):
    figure3(cohort().iloc[:0], sizes().iloc[:0], make_experiment(), tmp_path / "none")
    assert panels(tmp_path / "none.svg") == 6
