import pydantic
import pytest

from rsuper.reports.findings import STRUCTURES, Finding, ReportFindings, report_sha256


def test_structures_are_spelled_as_in_abdomen_atlas():
    assert STRUCTURES["pancreas"] == ("pancreas_head", "pancreas_body", "pancreas_tail")
    assert STRUCTURES["kidney"] == ("kidney_left", "kidney_right")


def test_a_finding_without_segment_may_be_anywhere_in_the_organ():
    assert Finding(organ="kidney").structures == ("kidney_left", "kidney_right")
    assert Finding(organ="pancreas", segments=("tail",)).structures == ("pancreas_tail",)


@pytest.mark.parametrize(
    ("diameters", "count", "sized"),
    [((20.0,), 1, True), ((), 1, False), ((20.0,), None, False), ((20.0,), 2, False)],
)
def test_a_finding_is_sized_if_the_size_of_each_of_its_tumors_is_known(diameters, count, sized):
    assert Finding(organ="kidney", diameters_mm=diameters, count=count).sized is sized


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("organ", "liver"),
        ("segments", ("left",)),
        ("segments", ("tail", "head")),
        ("diameters_mm", (10.0, 20.0)),
        ("diameters_mm", (0.0,)),
        ("diameters_mm", (float("nan"),)),
        ("diameters_mm", (4.0, 3.0, 2.0, 1.0)),
        ("count", 0),
        ("span", (5, 3)),
        ("color", "red"),
    ],
)
def test_impossible_findings_are_refused(field, value):
    with pytest.raises(pydantic.ValidationError, match=field):
        Finding.model_validate({"organ": "pancreas", field: value})


def test_an_organ_cannot_be_both_free_and_positive():
    with pytest.raises(pydantic.ValidationError, match="case-7"):
        ReportFindings(
            case_id="case-7",
            report_sha256="",
            extractor="x",
            version="1",
            findings=(Finding(organ="kidney"),),
            absent=("kidney",),
        )


def test_findings_survive_json():
    findings = ReportFindings(
        case_id="a",
        report_sha256=report_sha256("text"),
        extractor="x",
        version="1",
        findings=(
            Finding(organ="pancreas", segments=("head", "body"), diameters_mm=(12.0, 9.5), count=None),
        ),
        unmentioned=("kidney",),
    )
    assert ReportFindings.model_validate_json(findings.model_dump_json()) == findings


def test_hash_of_a_lone_surrogate_does_not_raise():
    # sha256("abc"), FIPS 180-2, appendix B.1
    assert report_sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len(report_sha256("\ud800")) == 64
