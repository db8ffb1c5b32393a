"""Pseudo-masks of the tiny data set, from maps made by hand in the place of a teacher's."""

from dataclasses import replace

import numpy as np
import pytest
from torch import nn

from rsuper import pseudo_labels
from rsuper.artifacts import read_table
from rsuper.errors import MethodError
from rsuper.methods import find
from rsuper.pseudo_labels import FOLDER, TABLE, Rule, pseudo_labelled
from rsuper.reports.counts import tumor_counts
from rsuper.schemas import PSEUDO_LABELS
from rsuper.task import CountedCase

RULE = Rule(
    smallest_mm3=65.0, cut=2.5, least=0.01, margin_mm=8.0, exclude=True
)  # two voxels of 4 mm and more


@pytest.fixture
def task(task_for, tmp_path, collection):
    """All four report cases, none held out for validation."""
    task = task_for("rg_pseudo_labels", tmp_path)
    cases = [
        CountedCase(collection.stored[f"tiny_R{n}"], tumor_counts(collection.findings[f"tiny_R{n}"]))
        for n in (1, 2, 3, 4)
    ]
    return replace(task, cohort=replace(task.cohort, report_cases=cases))


@pytest.fixture
def teacher(monkeypatch, collection):
    """`teacher[case] = [(target channel, box, probability), ...]`; the calls are counted under "calls"."""
    pieces = {"calls": []}
    images = {}

    def look(case, preprocess, network):
        images["now"] = case
        return np.zeros((1, *case.index.shape), np.float32)

    def predict(logits, image, patch, settings, device):
        case = images["now"]
        pieces["calls"].append(case.case_id)
        maps = np.zeros((2, *case.index.shape), np.float32)
        for channel, (low, high), value in pieces.get(case.case_id, []):
            maps[(channel, *(slice(a, b) for a, b in zip(low, high, strict=True)))] = value
        return maps

    monkeypatch.setattr(pseudo_labels, "whole_input", look)
    monkeypatch.setattr(pseudo_labels, "probability_map", predict)
    return pieces


def labels(cases, case_id):
    (case,) = [case for case in cases if case.case_id == case_id]
    return case.tumors((0, 0, 0), case.index.shape)


HEAD = ((23, 13, 15), (26, 16, 18))
LEFT, RIGHT = ((5, 19, 12), (8, 22, 15)), ((31, 19, 12), (33, 21, 14))


def test_as_many_candidates_as_the_report_counts_become_masks(task, teacher, tmp_path):
    teacher["tiny_R1"] = [(0, HEAD, 0.6), (0, ((14, 13, 15), (16, 15, 17)), 0.3)]
    teacher["tiny_R2"] = [(1, LEFT, 0.5), (1, RIGHT, 0.2)]
    cases = pseudo_labelled(nn.Identity(), task, RULE, tmp_path)
    assert [case.case_id for case in cases] == ["tiny_R1", "tiny_R2", "tiny_R3", "tiny_R4"]
    pancreas, kidneys = labels(cases, "tiny_R1"), labels(cases, "tiny_R2")
    assert np.bincount(pancreas.ravel()).tolist()[1:] == [27]  # one reported: the less probable is left out
    assert pancreas[24, 14, 16] == 1
    assert np.bincount(kidneys.ravel()).tolist()[1:] == [0, 27 + 8]
    assert cases[0].index.tumor_voxels["kidney"] == []  # free, and so annotated
    assert len(cases[0].index.tumor_voxels["pancreas"]) == 27
    assert not labels(cases, "tiny_R3").any()
    table = read_table(tmp_path / TABLE, PSEUDO_LABELS).set_index(["case_id", "target"])
    assert table["used"].all()
    assert table.loc[("tiny_R2", "kidney"), ["reported", "found"]].tolist() == [2, 2]
    assert "tiny_R3" not in teacher["calls"]  # nothing to look for


def test_a_second_call_reads_what_the_first_left(task, teacher, tmp_path):
    teacher["tiny_R1"] = [(0, HEAD, 0.6)]
    first = pseudo_labelled(nn.Identity(), task, RULE, tmp_path)
    calls = len(teacher["calls"])
    second = pseudo_labelled(nn.Identity(), task, RULE, tmp_path)
    assert len(teacher["calls"]) == calls
    assert [case.index for case in first] == [case.index for case in second]


def test_cases_with_fewer_candidates_are_left_out_with_a_reason(task, teacher, tmp_path):
    teacher["tiny_R2"] = [(1, LEFT, 0.5)]
    cases = pseudo_labelled(nn.Identity(), task, RULE, tmp_path)
    assert [case.case_id for case in cases] == ["tiny_R3", "tiny_R4"]
    table = read_table(tmp_path / TABLE, PSEUDO_LABELS).set_index(["case_id", "target"])
    assert table.loc[("tiny_R1", "pancreas"), "reason"] == "1 of the reported tumors not found"
    assert table.loc[("tiny_R2", "kidney"), ["found", "used"]].tolist() == [1, False]
    assert not (tmp_path / FOLDER / "tiny_R2.tumors.b2nd").exists()


def test_without_exclusion_they_keep_what_is_found(task, teacher, tmp_path):
    teacher["tiny_R2"] = [(1, LEFT, 0.5)]
    cases = pseudo_labelled(nn.Identity(), task, replace(RULE, exclude=False), tmp_path)
    assert len(cases) == 4
    assert int((labels(cases, "tiny_R2") == 2).sum()) == 27
    assert not labels(cases, "tiny_R1").any()


def test_candidates_lie_near_their_organ_unless_told_otherwise(task, teacher, tmp_path):
    far, near = ((0, 0, 0), (3, 3, 3)), ((14, 10, 15), (17, 12, 17))  # two voxels before the pancreas
    teacher["tiny_R1"] = [(0, far, 0.9), (0, near, 0.3)]
    cases = pseudo_labelled(nn.Identity(), task, RULE, tmp_path / "near")
    assert labels(cases, "tiny_R1")[15, 11, 16] == 1
    assert not labels(cases, "tiny_R1")[:3, :3, :3].any()
    cases = pseudo_labelled(nn.Identity(), task, replace(RULE, margin_mm=None), tmp_path / "anywhere")
    assert labels(cases, "tiny_R1")[1, 1, 1] == 1


def test_specks_are_no_candidates(task, teacher, tmp_path):
    teacher["tiny_R1"] = [(0, ((23, 13, 15), (24, 14, 16)), 0.9)]  # 64 mm3
    assert "tiny_R1" not in [case.case_id for case in pseudo_labelled(nn.Identity(), task, RULE, tmp_path)]
    small = replace(RULE, smallest_mm3=11.0)
    assert "tiny_R1" in [c.case_id for c in pseudo_labelled(nn.Identity(), task, small, tmp_path / "small")]


def test_a_report_without_a_number_leaves_the_case_out(task, teacher, tmp_path, collection):
    findings = collection.findings["tiny_R2"]
    several = findings.findings[0].model_copy(update={"count": None})
    counts = tumor_counts(findings.model_copy(update={"findings": (several,), "absent": ()}))
    assert counts == {"pancreas": 0, "kidney": None}
    doubtful = replace(task.cohort.report_cases[1], counts=counts)
    task = replace(task, cohort=replace(task.cohort, report_cases=[doubtful]))
    assert pseudo_labelled(nn.Identity(), task, RULE, tmp_path) == []
    table = read_table(tmp_path / TABLE, PSEUDO_LABELS).set_index("target")
    assert table.loc["kidney", "reason"] == "the report gives no number"
    assert np.isnan(table.loc["kidney", "reported"])


def test_what_the_method_sees_of_a_report_is_a_number(task):
    for case in task.cohort.counted:
        assert isinstance(case, CountedCase)
        assert set(case.counts) == {"pancreas", "kidney"}
    with pytest.raises(MethodError, match=r"uses\.reports: details"):
        _ = task.cohort.reports


def test_no_case_at_all_is_an_error_that_names_the_table(task, tmp_path, task_for):
    empty = replace(task, cohort=replace(task.cohort, report_cases=[]))
    first = task_for("segmentation-stage1", tmp_path)
    find("segmentation-stage1").module.fit(first, find("segmentation-stage1").config({}))
    with pytest.raises(MethodError, match=r"no report case can be given pseudo-masks: .*pseudo_labels.csv"):
        find("rg_pseudo_labels").module.fit(empty, find("rg_pseudo_labels").config({}))
