"""Ten reports with known errors; every count is by hand."""

import pytest

from rsuper.extraction_report.measures import ERROR, SHARES, measures
from rsuper.reports.disagreement import KINDS
from rsuper.reports.findings import Finding, ReportFindings
from rsuper.reports.truth import Truth
from rsuper.stats.interval import wilson_interval


def tumor(*segments, mm=(), **values):
    return Finding(organ="pancreas", segments=segments, diameters_mm=mm, **values)


def report(*findings, absent=(), unmentioned=()):
    named = {"absent": absent, "unmentioned": unmentioned}
    return ReportFindings(
        case_id="a", report_sha256="", extractor="x", version="1", findings=findings, **named
    )


FREE, UNMENTIONED = report(absent=("pancreas",)), report(unmentioned=("pancreas",))
PAIRS = [
    # stated, read
    (Truth(report(tumor("head", mm=(20.0, 10.0)))), report(tumor("head", mm=(20.0, 10.0)))),
    (Truth(report(tumor("body", mm=(30.0,)))), report(tumor("tail", mm=(30.5,)))),
    (Truth(report(tumor("head", "body"))), report(tumor("head", mm=(8.0,)), tumor("tail"))),
    (Truth(report(tumor("tail", mm=(15.0,)))), report(tumor("tail", mm=(25.0,)))),
    (Truth(report(tumor("tail", mm=(40.0,)))), FREE),
    (Truth(report(tumor("head", mm=(12.0,)))), None),
    (Truth(FREE), report(tumor("body"))),
    (Truth(FREE), FREE),
    (Truth(report(), {"pancreas": "not_tumor"}), FREE),
    (Truth(report(), {"pancreas": "doubtful"}), report(tumor("head"))),
]


@pytest.fixture(scope="module")
def found():
    return {measure.name: measure for measure in measures(PAIRS, "pancreas")}


def test_shares(found):
    # Six tumors; five read, the invented one with them; four of both. Three without: one has an invented one.
    # Places: head, body, head + body, tail, tail, head are 7; read are head, tail, head + tail, tail, body,
    # 6; right are the first, third (head) and fourth.
    # Sizes: 20x10 right, 30 right, 15 as 25, 40 missed, 12 unread.
    # Number: wrong in the third. Free: two; read as free the missed tumor, one free, one not_tumor.
    counts = {name: (found[name].count, found[name].n) for name in SHARES}
    assert counts == {
        "presence_sensitivity": (4, 6),
        "presence_precision": (4, 5),
        "presence_specificity": (2, 3),
        "location_sensitivity": (3, 7),
        "location_precision": (3, 6),
        "location_all_right": (2, 6),
        "size_within_1_mm": (2, 5),
        "count_right": (3, 6),
        "free_sensitivity": (1, 2),
        "free_precision": (2, 3),
    }
    for name in SHARES:
        interval = wilson_interval(found[name].count, found[name].n)
        assert (found[name].value, found[name].low, found[name].high) == (
            interval.value,
            interval.low,
            interval.high,
        )


def test_size_errors(found):
    # errors 0, 0.5 and 10 mm of the three tumors that have a size in both
    median, high = found["size_error_median_mm"], found["size_error_p95_mm"]
    assert (median.n, median.value) == (3, 0.5)
    assert (high.n, high.value) == (3, pytest.approx(0.5 + 0.9 * 9.5))
    assert high.high is None


def test_errors_by_kind(found):
    counts = {kind: found[ERROR + kind].count for kind in KINDS}
    assert {kind: count for kind, count in counts.items() if count} == {
        "missed_tumor": 1,
        "invented_tumor": 1,
        "falsely_free": 1,
        "wrong_segment": 1,  # body as tail
        "missing_segment": 1,  # head + body as head
        "extra_segment": 1,  # and a tail beside it
        "size_wrong": 1,
        "size_invented": 1,
        "wrong_count": 1,
        "unread": 1,
    }
    assert {found[ERROR + kind].n for kind in KINDS} == {9}


def test_nothing_to_measure():
    values = measures([], "kidney")
    assert {(each.n, each.value, each.low, each.high) for each in values} == {(0, None, None, None)}
