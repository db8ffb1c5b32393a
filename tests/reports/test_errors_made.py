"""Extraction errors made on purpose: truths by hand at rates of 0 and 1, properties at rates between."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from rsuper.reports.errors_made import ErrorRates, with_errors
from rsuper.reports.findings import SEGMENTS, TARGETS, Finding, ReportFindings
from rsuper.reports.presence import organ_presence

SEVERAL = Finding(organ="kidney", segments=("left",), diameters_mm=(30.0,), count=None, span=(5, 9))
UNSIZED = Finding(organ="kidney")  # without a side, too
DOUBTED = Finding(organ="pancreas", segments=("head",), certain=False)


def report(name, *findings, absent=(), unmentioned=()):
    return ReportFindings(
        case_id=name,
        report_sha256=f"hash of {name}",
        extractor="hand",
        version="1",
        findings=findings,
        absent=absent,
        unmentioned=unmentioned,
    )


def pancreas(*segments, mm=(20.0,), **more):
    return Finding(organ="pancreas", segments=segments, diameters_mm=mm, **more)


def kidney(*segments, mm=(30.0,), **more):
    return Finding(organ="kidney", segments=segments, diameters_mm=mm, **more)


def misread(reports, seed=0, **rates):
    return with_errors(reports, ErrorRates(**rates), np.random.default_rng(seed))


def many(number=300, seed=0):
    """Reports of all kinds: places, sizes, counts, doubts; organs free, not spoken of, or never named."""
    rng = np.random.default_rng(seed)
    reports = []
    for index in range(number):
        findings, absent, unmentioned = [], [], []
        for target in TARGETS:
            kind = rng.integers(6)
            if kind > 2:
                findings += [_finding(target, rng) for _ in range(rng.integers(1, 4))]
            elif kind:
                (absent if kind == 1 else unmentioned).append(target)
        reports.append(report(f"r{index}", *findings, absent=tuple(absent), unmentioned=tuple(unmentioned)))
    return reports


def _finding(target, rng):
    segments = tuple(s for s in SEGMENTS[target] if rng.random() < 0.5)
    diameters = sorted(rng.uniform(5, 60, rng.integers(4)).tolist(), reverse=True)
    return Finding(
        organ=target,
        segments=segments,
        diameters_mm=tuple(diameters),
        certain=bool(rng.random() < 0.9),
        count=[1, 1, 2, None][rng.integers(4)],
        span=(index := int(rng.integers(100)), index + 7),
    )


MANY = many()


# ------------------------------------------------------------------------------------------- every kind


def test_no_rate_leaves_reports_and_generator_alone():
    generator = np.random.default_rng(3)
    found = with_errors(MANY, ErrorRates(), generator)
    assert found == MANY
    assert found is not MANY
    untouched = np.random.default_rng(3)
    assert generator.random() == untouched.random()
    assert generator.spawn(1)[0].random() == untouched.spawn(1)[0].random()


@pytest.mark.parametrize(
    "rates", [{"missed": 1.1}, {"size_noise": -0.1}, {"invented": math.nan}, {"lost": 1}]
)
def test_rates_are_checked(rates):
    with pytest.raises(ValidationError):
        ErrorRates(**rates)


def test_no_report_and_no_finding():
    rates = {"missed": 1, "misplaced": 1, "size_noise": 1, "invented": 1}
    assert misread([], **rates) == []
    alone = report("a", absent=TARGETS)
    assert misread([alone], **rates) == [alone]  # there is nobody to take a finding from


@pytest.mark.parametrize("kind", ErrorRates.model_fields)
def test_equal_generators_give_equal_errors_and_records_stay_valid(kind):
    first, again, other = (misread(MANY, seed, **{kind: 0.4}) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first != MANY
    for before, after in zip(MANY, first, strict=True):
        assert ReportFindings.model_validate(after.model_dump()) == after
        assert (after.case_id, after.report_sha256, after.extractor) == (
            before.case_id,
            before.report_sha256,
            before.extractor,
        )
        # Whatever was known of a target is still known: nothing falls out of all lists.
        for target in TARGETS:
            if before.of(target) or target in before.absent:
                assert after.of(target) or target in after.absent


def hits(kind, rate, seed=0):
    """What a rate changes: (case, target) -> the findings it leaves there."""
    return {
        (after.case_id, target): after.of(target)
        for before, after in zip(MANY, misread(MANY, seed, **{kind: rate}), strict=True)
        for target in TARGETS
        if after.of(target) != before.of(target)
    }


@pytest.mark.parametrize("kind", ["missed", "misplaced", "invented"])
def test_what_is_hit_at_a_low_rate_is_hit_at_a_higher_one(kind):
    few, more, most = (hits(kind, rate) for rate in (0.1, 0.3, 0.9))
    assert 0 < len(few) < len(more) < len(most)
    assert set(few) <= set(more) <= set(most)


def test_an_invented_finding_is_the_same_at_a_higher_rate():
    few, more = (misread(MANY, invented=rate) for rate in (0.1, 0.3))
    for before, after in zip(few, more, strict=True):
        for target in TARGETS:
            assert set(before.of(target)) <= set(after.of(target))


def test_a_moved_finding_is_at_the_same_place_at_a_higher_rate():
    alone = [report(f"r{i}", pancreas("head")) for i in range(200)]
    few, more = (misread(alone, misplaced=rate) for rate in (0.2, 0.6))
    moved = [i for i in range(200) if few[i] != alone[i]]
    assert moved
    assert all(few[i] == more[i] for i in moved)


def test_noise_grows_with_its_rate_in_the_same_direction():
    few, more = (misread(MANY, size_noise=rate) for rate in (0.1, 0.3))
    for truth, small, large in zip(MANY, few, more, strict=True):
        for true, one, other in zip(truth.findings, small.findings, large.findings, strict=True):
            for mm, little, much in zip(true.diameters_mm, one.diameters_mm, other.diameters_mm, strict=True):
                assert math.log(much / mm) == pytest.approx(3 * math.log(little / mm), abs=1e-9)


def test_one_kind_changes_nobody_that_another_hits():
    alone = [report(f"r{i}", pancreas("head"), absent=("kidney",)) for i in range(200)]
    lost = {r.case_id for r in misread(alone, missed=0.3) if "pancreas" in r.absent}
    together = misread(alone, missed=0.3, misplaced=0.5, size_noise=0.2, invented=0.5)
    sizes = {r.case_id: r.findings[0].diameters_mm for r in misread(alone, size_noise=0.2)}
    places = {r.case_id: r.findings[0].structures for r in misread(alone, misplaced=0.5)}
    # Nobody has a kidney finding to give, so invented ones are out of the way here.
    assert {r.case_id for r in together if not r.findings} == lost
    for found in together:
        if found.case_id not in lost:
            assert found.findings[0].diameters_mm == sizes[found.case_id]
            assert found.findings[0].structures == places[found.case_id]
    invented = {r.case_id for r in misread(MANY, invented=0.3) if r not in MANY}
    with_missed = misread(MANY, invented=0.3, missed=0.5)
    for before, only, both in zip(MANY, misread(MANY, invented=0.3), with_missed, strict=True):
        added = only.findings[len(before.findings) :]
        assert both.findings[len(both.findings) - len(added) :] == added
    assert invented


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


# ------------------------------------------------------------------------------------------- rates


def test_rates_are_met_on_many():
    reports = many(4000, seed=5)
    findings = sum(len(r.findings) for r in reports)
    within = 4 * math.sqrt(0.25 / findings)
    kept = sum(len(r.findings) for r in misread(reports, missed=0.3))
    assert kept / findings == pytest.approx(0.7, abs=within)
    moved = sum(
        (f.organ, f.segments) != (g.organ, g.segments)
        for before, after in zip(reports, misread(reports, misplaced=0.3), strict=True)
        for f, g in zip(before.findings, after.findings, strict=True)
    )
    assert moved / findings == pytest.approx(0.3, abs=within)
    free = [
        (index, organ)
        for index, r in enumerate(reports)
        for organ, presence in organ_presence(r).items()
        if presence is False and organ.partition("_")[0] not in r.unmentioned
    ]
    after = misread(reports, invented=0.3)
    filled = sum(organ_presence(after[index])[organ] is not False for index, organ in free)
    assert filled / len(free) == pytest.approx(0.3, abs=4 * math.sqrt(0.25 / len(free)))
    added = sum(len(r.findings) for r in after) - findings
    assert added == filled
