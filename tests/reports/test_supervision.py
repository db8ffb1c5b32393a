import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsuper.reports.findings import SEGMENTS, STRUCTURES, TARGETS, Finding, ReportFindings
from rsuper.reports.supervision import State, annotated_regions, case_truth, largest_diameter_mm, regions


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


def states(found, target, **kwargs):
    return {r.structures: r.state.value for r in regions(found, **kwargs) if r.target == target}


def pancreas(*segments, mm=(20.0,), **more):
    return Finding(organ="pancreas", segments=segments, diameters_mm=mm, **more)


def kidney(*segments, mm=(20.0,), **more):
    return Finding(organ="kidney", segments=segments, diameters_mm=mm, **more)


HEAD, BODY, TAIL = STRUCTURES["pancreas"]
LEFT, RIGHT = STRUCTURES["kidney"]


def test_no_report_leaves_everything_unknown():
    assert {r.state for r in regions(None)} == {State.UNKNOWN}
    assert case_truth(None, "pancreas") is None
    assert largest_diameter_mm(None, "kidney") is None


def test_masks_annotate_every_structure():
    assert [r.structures[0] for r in annotated_regions()] == [HEAD, BODY, TAIL, LEFT, RIGHT]
    assert {r.state for r in annotated_regions()} == {State.ANNOTATED}


def test_sized_left_and_unsized_right_kidney_are_apart():
    found = report(kidney("left"), kidney("right", mm=()))
    assert states(found, "kidney") == {(LEFT,): "positive_sized", (RIGHT,): "positive_unsized"}


def test_kidney_tumor_without_side_makes_both_kidneys_one_region():
    found = report(kidney(mm=(10.0,)))
    assert states(found, "kidney") == {(LEFT, RIGHT): "positive_sized"}
    (region,) = [r for r in regions(found) if r.target == "kidney"]
    # pi/6 * 10^3
    assert region.tumors[0].volume_mm3 == pytest.approx(523.5987756)
    assert region.tumors[0].structures == (LEFT, RIGHT)


def test_segments_without_tumor_are_negative():
    assert states(report(pancreas("tail")), "pancreas") == {
        (HEAD,): "negative",
        (BODY,): "negative",
        (TAIL,): "positive_sized",
    }


def test_tumor_in_two_segments_merges_them():
    found = report(pancreas("head", "body"), pancreas("tail", mm=()))
    assert states(found, "pancreas") == {(HEAD, BODY): "positive_sized", (TAIL,): "positive_unsized"}


def test_tumor_of_the_pancreas_at_large_pulls_all_segments_together():
    found = report(pancreas("head", mm=(30.0, 10.0)), pancreas(mm=(20.0,)))
    (region,) = [r for r in regions(found) if r.target == "pancreas"]
    assert (region.structures, region.state) == ((HEAD, BODY, TAIL), State.POSITIVE_SIZED)
    # 30 x 10 x mean 20 = 6000; 20^3 = 8000: the largest volume comes first, not the largest diameter.
    assert [t.volume_mm3 for t in region.tumors] == pytest.approx([8000 * math.pi / 6, 6000 * math.pi / 6])
    assert [t.diameter_mm for t in region.tumors] == [20.0, 30.0]
    assert [t.structures for t in region.tumors] == [(HEAD, BODY, TAIL), (HEAD,)]


def test_one_unsized_tumor_makes_the_region_unsized_and_lists_no_tumors():
    found = report(pancreas("head"), pancreas("head", mm=()))
    (region,) = [r for r in regions(found) if r.structures == (HEAD,)]
    assert (region.state, region.tumors) == (State.POSITIVE_UNSIZED, ())


def test_several_tumors_with_one_size_are_unsized():
    assert states(report(kidney("left", count=None)), "kidney")[(LEFT,)] == "positive_unsized"


def test_doubtful_tumor_is_unknown_alone_and_unsizes_a_certain_one():
    doubtful = kidney("left", certain=False)
    assert states(report(doubtful), "kidney") == {(LEFT,): "unknown", (RIGHT,): "negative"}
    assert states(report(kidney("left"), doubtful), "kidney")[(LEFT,)] == "positive_unsized"
    assert case_truth(report(doubtful), "kidney") is None
    assert largest_diameter_mm(report(doubtful), "kidney") is None
    assert case_truth(report(doubtful, kidney("right")), "kidney") is True


@pytest.mark.parametrize(("policy", "truth"), [("negative", False), ("unknown", None)])
def test_unmentioned_organ_follows_the_argument(policy, truth):
    found = report(pancreas("head"), unmentioned=("kidney",))
    assert case_truth(found, "kidney", unmentioned=policy) is truth
    assert case_truth(found, "pancreas", unmentioned=policy) is True


def test_described_or_free_organ_is_negative_under_both_policies():
    found = report(absent=("pancreas",))
    assert case_truth(found, "pancreas", unmentioned="unknown") is False
    assert case_truth(found, "kidney", unmentioned="unknown") is False


def test_largest_diameter_is_over_all_tumors_of_the_target():
    found = report(pancreas("head", mm=(20.0, 18.0)), pancreas("tail", mm=()), pancreas("tail", mm=(31.0,)))
    assert largest_diameter_mm(found, "pancreas") == 31.0
    assert largest_diameter_mm(found, "kidney") is None


def test_unknown_target_is_named():
    with pytest.raises(ValueError, match="liver"):
        case_truth(report(), "liver")


@st.composite
def any_findings(draw):
    organ = draw(st.sampled_from(TARGETS))
    segments = draw(st.sets(st.sampled_from(SEGMENTS[organ])))
    return Finding(
        organ=organ,
        segments=tuple(s for s in SEGMENTS[organ] if s in segments),
        diameters_mm=tuple(sorted(draw(st.lists(st.floats(1, 99), max_size=3)), reverse=True)),
        certain=draw(st.booleans()),
        count=draw(st.sampled_from([1, 2, None])),
    )


@given(st.lists(any_findings(), max_size=6))
def test_every_structure_is_covered_once_and_every_sized_tumor_kept(findings):
    found = regions(report(*findings))
    covered = [s for r in found for s in r.structures]
    assert sorted(covered) == sorted(s for t in TARGETS for s in STRUCTURES[t])
    for region in found:
        inside = [f for f in findings if set(f.structures) & set(region.structures)]
        assert all(set(f.structures) <= set(region.structures) for f in inside)
        assert len(region.tumors) == (len(inside) if region.state is State.POSITIVE_SIZED else 0)
        assert (region.state is State.NEGATIVE) == (not inside)
