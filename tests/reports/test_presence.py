import pytest

from rsuper.reports.findings import Finding, ReportFindings
from rsuper.reports.presence import organ_presence


def presence(*findings, absent=(), unmentioned=()):
    report = ReportFindings(
        case_id="c",
        report_sha256="0",
        extractor="hand",
        version="1",
        findings=findings,
        absent=absent,
        unmentioned=unmentioned,
    )
    return organ_presence(report)


def kidney(*segments, **changes):
    return Finding(organ="kidney", segments=segments, **changes)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ((), {"pancreas": False, "kidney_left": False, "kidney_right": False}),
        ((kidney("left"),), {"pancreas": False, "kidney_left": True, "kidney_right": False}),
        ((kidney(),), {"pancreas": False, "kidney_left": None, "kidney_right": None}),
        ((kidney("left"), kidney("right")), {"pancreas": False, "kidney_left": True, "kidney_right": True}),
        ((kidney("right", certain=False),), {"pancreas": False, "kidney_left": False, "kidney_right": None}),
        ((Finding(organ="pancreas"),), {"pancreas": True, "kidney_left": False, "kidney_right": False}),
        (
            (Finding(organ="pancreas", certain=False), kidney("left", count=None)),
            {"pancreas": None, "kidney_left": True, "kidney_right": False},
        ),
    ],
)
def test_organs_with_a_tumor(findings, expected):
    assert presence(*findings) == expected
