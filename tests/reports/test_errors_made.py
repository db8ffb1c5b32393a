"""Extraction errors made on purpose: what holds for all kinds, at any rate."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from rsuper.reports.errors_made import ErrorRates, with_errors
from rsuper.reports.findings import TARGETS, ReportFindings
from rsuper.reports.presence import organ_presence
from tests.reports.misread import many, misread, pancreas, report

MANY = many()


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


def hits(kind, rate):
    """Cases and targets whose findings a rate changes."""
    return {
        (after.case_id, target)
        for before, after in zip(MANY, misread(MANY, **{kind: rate}), strict=True)
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


def test_what_is_invented_does_not_depend_on_what_is_missed():
    alone, both = misread(MANY, invented=0.3), misread(MANY, invented=0.3, missed=0.5)
    invented = 0
    for before, only, with_missed in zip(MANY, alone, both, strict=True):
        added = only.findings[len(before.findings) :]
        assert with_missed.findings[len(with_missed.findings) - len(added) :] == added
        invented += len(added)
    assert invented > 0


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
