"""Extraction errors made on purpose, kind by kind: truths by hand, mostly at a rate of 1."""

import numpy as np
import pytest

from rsuper.reports.findings import SEGMENTS, Finding
from rsuper.reports.presence import organ_presence
from tests.reports.misread import kidney, misread, pancreas, report

SEVERAL = Finding(organ="kidney", segments=("left",), diameters_mm=(30.0,), count=None, span=(5, 9))
UNSIZED = Finding(organ="kidney")  # without a side, too
DOUBTED = Finding(organ="pancreas", segments=("head",), certain=False)

# ------------------------------------------------------------------------------------------- missed


def test_missed_findings_by_hand():
    reports = [
        report("a", pancreas("head"), SEVERAL),
        report("b", UNSIZED, absent=("pancreas",)),
        report("c", DOUBTED, unmentioned=("kidney",)),
        report("d", kidney("right")),  # of the pancreas nothing is said
    ]
    assert misread(reports, missed=1) == [
        report("a", absent=("pancreas", "kidney")),
        report("b", absent=("pancreas", "kidney")),
        report("c", absent=("pancreas",), unmentioned=("kidney",)),
        report("d", absent=("kidney",)),
    ]


def test_an_organ_with_a_finding_left_is_not_absent():
    reports = [report(f"r{i}", kidney("left"), kidney("right", mm=(12.0,))) for i in range(100)]
    found = misread(reports, missed=0.5)
    assert {len(r.findings) for r in found} == {0, 1, 2}
    for r in found:
        assert r.absent == (() if r.findings else ("kidney",))
        if len(r.findings) == 1:  # the kidney whose tumor was missed now counts as free
            (side,) = r.findings[0].segments
            other = {"left": "kidney_right", "right": "kidney_left"}[side]
            assert organ_presence(r)[other] is False


# ------------------------------------------------------------------------------------------- misplaced


def places_of(finding, number=400):
    """Where a finding is misread to, with the share of times."""
    found = [r.findings for r in misread([report(f"r{i}", finding) for i in range(number)], misplaced=1)]
    places = [(f.organ, f.segments) for (f,) in found]
    return {place: places.count(place) / number for place in set(places)}


def test_every_wrong_place_by_hand():
    assert set(places_of(pancreas("head"))) == {
        ("pancreas", ("body",)),
        ("pancreas", ("tail",)),
        ("kidney", ("left",)),
        ("kidney", ("right",)),
    }
    assert set(places_of(pancreas("body", "tail"))) == {
        ("pancreas", ("head",)),
        ("kidney", ("left",)),
        ("kidney", ("right",)),
    }
    left = places_of(kidney("left"))
    assert set(left) == {("kidney", ("right",)), *(("pancreas", (s,)) for s in SEGMENTS["pancreas"])}
    # Half of the errors stay in the organ: 0.5 +- 4 standard errors of 400.
    assert left["kidney", ("right",)] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("finding", [UNSIZED, kidney("left", "right")])
def test_a_finding_without_a_place_goes_to_the_other_organ(finding):
    assert places_of(finding) == {("pancreas", ()): 1}
    assert set(places_of(pancreas("head", "body", "tail"))) == {("kidney", ())}


def test_a_moved_finding_leaves_its_organ_free_and_ends_the_others_absence():
    reports = [report(f"r{i}", SEVERAL, absent=("pancreas",)) for i in range(50)]
    found = misread(reports, misplaced=1)
    assert {r.findings[0].organ for r in found} == {"pancreas", "kidney"}
    for r in found:
        (moved,) = r.findings
        assert (moved.count, moved.diameters_mm, moved.span) == (None, (30.0,), (5, 9))
        assert r.absent == (("pancreas",) if moved.organ == "kidney" else ("kidney",))
    unnamed = [report(f"r{i}", SEVERAL, unmentioned=("pancreas",)) for i in range(50)]
    for r in misread(unnamed, misplaced=1):
        assert r.unmentioned == (("pancreas",) if r.findings[0].organ == "kidney" else ())


# ------------------------------------------------------------------------------------------- size noise


def test_all_diameters_of_a_finding_have_one_factor():
    three = pancreas("head", mm=(30.0, 20.0, 10.0), prior_mm=(12.0,))
    (found,) = misread([report("a", three, UNSIZED)], size_noise=0.3)
    factors = np.divide(found.findings[0].diameters_mm, three.diameters_mm)
    assert factors == pytest.approx([factors[0]] * 3)
    assert factors[0] != pytest.approx(1)
    assert found.findings[0].prior_mm == (12.0,)
    assert found.findings[1] == UNSIZED
    assert found.absent == ()


def test_noise_has_its_spread_and_median_one():
    alone = [report(f"r{i}", pancreas("head")) for i in range(4000)]
    logs = np.log([r.findings[0].diameters_mm[0] / 20 for r in misread(alone, size_noise=0.3)])
    assert np.std(logs) == pytest.approx(0.3, abs=0.015)  # 4 standard errors
    assert np.median(logs) == pytest.approx(0, abs=0.025)


# ------------------------------------------------------------------------------------------- invented


def test_invented_findings_by_hand():
    given = pancreas("tail", mm=(25.0,), count=2, span=(3, 8))
    reports = [
        report("a", given, absent=("kidney",)),
        report("b", kidney("left", mm=(40.0,)), absent=("pancreas",)),
        report("c", DOUBTED, unmentioned=("kidney",)),  # not free; never named
        report("d"),  # spoken of without a tumor: free, too
    ]
    a, b, c, d = misread(reports, invented=1)
    told = given.model_copy(update={"span": (0, 0)})
    right, left = kidney("right", mm=(40.0,)), kidney("left", mm=(40.0,))
    # Only b can give a kidney finding, only a one of the pancreas (c doubts its own).
    assert a == report("a", given, left, right)
    # b's right kidney stays free: nobody else has a kidney finding.
    assert b == report("b", kidney("left", mm=(40.0,)), told)
    assert c == reports[2]
    assert d == report("d", told, left, right)


def test_findings_are_taken_from_all_others_and_never_from_the_own_report():
    givers = [report(f"g{i}", kidney("left", mm=(10.0 + i,))) for i in range(5)]
    found = misread(givers * 40, invented=1)
    taken = [(r.findings[0].diameters_mm, r.findings[1].diameters_mm) for r in found]
    assert {second for _, second in taken} == {(10.0 + i,) for i in range(5)}
    assert all(r.findings[1].segments == ("right",) for r in found)
    (first, second) = misread(givers[:2], invented=1)
    assert first.findings[1].diameters_mm == (11.0,)
    assert second.findings[1].diameters_mm == (10.0,)
