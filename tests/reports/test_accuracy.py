import math

import pytest

from rsuper.reports.accuracy import compare, compare_cases
from rsuper.reports.findings import Finding, ReportFindings


def report(case_id, *findings):
    return ReportFindings(case_id=case_id, report_sha256="", extractor="x", version="1", findings=findings)


def pancreas(*segments, mm=(), count=1, certain=True):
    return Finding(organ="pancreas", segments=segments, diameters_mm=mm, count=count, certain=certain)


def test_shares_by_hand():
    truth = [
        report("a", pancreas("head", mm=(20.0,)), pancreas("tail")),
        report("b", pancreas("head", mm=(20.0, 10.0))),
        report("c"),
        report("d", pancreas("body", mm=(9.0,))),
    ]
    read = [
        report("d"),  # missed
        report("a", pancreas("tail"), pancreas("head", mm=(20.4,))),  # right, in another order
        report("b", pancreas("body", mm=(20.0, 11.0))),  # wrong segment, wrong second diameter
        report("c", pancreas("tail", certain=False)),  # a doubtful tumor is no call
    ]
    result = compare(truth, read)["pancreas"]
    # presence: a, b, c of 4 reports; of the three with a tumor only a is right; count: a and b.
    assert result["presence"] == 3 / 4
    assert (result["segments"], result["diameters"], result["count"]) == (1 / 3, 1 / 3, 2 / 3)
    assert (result["n_presence"], result["n_segments"]) == (4, 3)


def test_an_organ_never_positive_has_no_segment_accuracy():
    result = compare([report("a")], [report("a")])["kidney"]
    assert result["presence"] == 1
    assert math.isnan(result["segments"])
    assert result["n_segments"] == 0


def test_no_reports_give_nan():
    assert math.isnan(compare([], [])["pancreas"]["presence"])


def test_unsized_is_not_the_same_as_sized():
    (first, _) = compare_cases([report("a", pancreas(mm=(20.0,)))], [report("a", pancreas())])
    assert (first.target, first.presence, first.segments, first.diameters) == ("pancreas", True, True, False)


@pytest.mark.parametrize("read", [["a"], ["a", "a"], ["a", "b", "c"]])
def test_cases_must_be_the_same(read):
    with pytest.raises(ValueError, match="same cases"):
        compare([report("a"), report("b")], [report(c) for c in read])
