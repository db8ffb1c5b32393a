from rsuper.reports.counts import tumor_counts
from rsuper.reports.findings import Finding, ReportFindings


def report(*findings, absent=(), unmentioned=()):
    return ReportFindings(
        case_id="c",
        report_sha256="0",
        extractor="hand",
        version="1",
        findings=findings,
        absent=absent,
        unmentioned=unmentioned,
    )


def test_tumors_are_added_up_per_target():
    two = Finding(organ="kidney", count=2, segments=("left",))
    one = Finding(organ="kidney", segments=("right",), diameters_mm=(12.0,))
    assert tumor_counts(report(two, one, absent=("pancreas",))) == {"pancreas": 0, "kidney": 3}


def test_no_number_is_not_zero():
    several = Finding(organ="kidney", count=None)
    doubted = Finding(organ="pancreas", certain=False)
    assert tumor_counts(report(several, doubted)) == {"pancreas": None, "kidney": None}


def test_what_is_never_named_or_described_without_a_tumor_has_none():
    assert tumor_counts(report(unmentioned=("kidney",))) == {"pancreas": 0, "kidney": 0}
