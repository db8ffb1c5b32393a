import pytest

from rsuper.reports.disagreement import KINDS, errors_of, matched, same_size
from rsuper.reports.findings import Finding, ReportFindings
from rsuper.reports.truth import Truth, status_of


def tumor(*segments, mm=(), **values):
    return Finding(organ="pancreas", segments=segments, diameters_mm=mm, **values)


def report(*findings, absent=(), unmentioned=()):
    return ReportFindings(
        case_id="a",
        report_sha256="",
        extractor="x",
        version="1",
        findings=findings,
        absent=absent,
        unmentioned=unmentioned,
    )


HEAD = tumor("head", mm=(20.0, 10.0))
FREE, DESCRIBED, UNMENTIONED = report(absent=("pancreas",)), report(), report(unmentioned=("pancreas",))


@pytest.mark.parametrize(
    ("stated", "read", "kinds"),
    [
        # right, within 1 mm, in another order, as a doubtful tumor that was stated as one
        (report(HEAD, tumor("tail")), report(tumor("tail"), tumor("head", mm=(21.0, 9.0))), ()),
        (report(tumor(certain=False)), report(tumor(certain=False)), ()),
        (FREE, FREE, ()),
        # presence
        (report(HEAD), DESCRIBED, ("missed_tumor",)),
        (report(HEAD), FREE, ("missed_tumor", "falsely_free")),
        (FREE, report(HEAD), ("invented_tumor",)),
        (DESCRIBED, report(HEAD), ("invented_tumor",)),
        (DESCRIBED, FREE, ("falsely_free",)),
        (FREE, UNMENTIONED, ("free_missed",)),
        (DESCRIBED, UNMENTIONED, ("wrong_mention",)),
        (UNMENTIONED, DESCRIBED, ("wrong_mention",)),
        (report(HEAD), None, ("unread",)),
        # places
        (report(tumor("head")), report(tumor("tail")), ("wrong_segment",)),
        (report(tumor("head", "body")), report(tumor("body", "tail")), ("wrong_segment",)),
        (report(tumor("head", "body")), report(tumor("body")), ("missing_segment",)),
        (report(tumor("head")), report(tumor()), ("missing_segment",)),
        (report(tumor()), report(tumor("head")), ("extra_segment",)),
        (report(tumor("head")), report(tumor("head", "body")), ("extra_segment",)),
        # sizes
        (report(HEAD), report(tumor("head")), ("size_missing",)),
        (report(HEAD), report(tumor("head", mm=(20.0,))), ("size_wrong",)),
        (report(HEAD), report(tumor("head", mm=(20.0, 8.9))), ("size_wrong",)),
        (report(tumor("head")), report(HEAD), ("size_invented",)),
        # several: the sizes of two tumors exchanged are two tumors in wrong places
        (
            report(tumor("head", mm=(9.0,)), tumor("tail", mm=(30.0,))),
            report(tumor("head", mm=(30.0,)), tumor("tail", mm=(9.0,))),
            ("wrong_segment",),
        ),
        (
            report(HEAD, tumor("tail", mm=(9.0,))),
            report(HEAD),
            ("missing_segment", "size_missing", "wrong_count"),
        ),
        (report(HEAD), report(HEAD, tumor("tail")), ("extra_segment", "wrong_count")),
        (report(HEAD), report(HEAD, tumor("head")), ("wrong_count",)),
        (report(tumor("head"), tumor("head")), report(tumor("head", count=2)), ()),
        (report(tumor("head", count=None)), report(tumor("head")), ("wrong_count",)),
        (report(HEAD), report(HEAD.model_copy(update={"certain": False})), ("wrong_certainty",)),
    ],
)
def test_kinds_by_hand(stated, read, kinds):
    assert errors_of(Truth(stated), read, "pancreas") == kinds
    assert set(kinds) <= set(KINDS)


def test_labels_that_say_less():
    doubtful, not_tumor = (Truth(DESCRIBED, {"pancreas": label}) for label in ("doubtful", "not_tumor"))
    for read in (report(HEAD), FREE, UNMENTIONED, None):
        assert errors_of(doubtful, read, "pancreas") == ()
    for read in (FREE, DESCRIBED, UNMENTIONED):
        assert errors_of(not_tumor, read, "pancreas") == ()
    assert errors_of(not_tumor, report(HEAD), "pancreas") == ("invented_tumor",)
    assert errors_of(not_tumor, None, "pancreas") == ("unread",)
    unsure = report(tumor("head", certain=False))
    assert errors_of(Truth(report(tumor("head")), has_certainty=False), unsure, "pancreas") == ()


def test_a_target_has_one_status():
    assert [status_of(each, "pancreas") for each in (report(tumor(certain=False)), FREE, DESCRIBED)] == [
        "tumor",
        "free",
        "described",
    ]
    assert Truth(FREE).status("pancreas") == "free"
    assert Truth(DESCRIBED, {"pancreas": "not_tumor"}).status("pancreas") == "not_tumor"


def test_tumors_are_matched_by_place_and_size_first():
    small, large = tumor("head", mm=(9.0,)), tumor("head", mm=(30.0,))
    assert matched([small, large], [large, small]) == [(small, small), (large, large)]
    other = tumor("tail", mm=(9.0,))
    assert matched([small], [tumor("head"), other]) == [(small, other), (None, tumor("head"))]
    assert matched([small, large], [other]) == [(small, other), (large, None)]
    assert matched([], []) == []


def test_a_millimeter_is_a_millimeter():
    assert same_size(tumor(mm=(12.3,)), tumor(mm=(11.3,)))
    assert not same_size(tumor(mm=(12.31,)), tumor(mm=(11.3,)))
    assert not same_size(tumor(), tumor())
