"""design.md, section 4: what a report may teach in one patch."""

import numpy as np
import pytest

from rsuper.data.regions import PANCREAS_SEGMENTS, covers, on_available_masks, supervise
from rsuper.data.store import ORGAN_LABELS, bounding_box, structure_mask
from rsuper.reports.findings import Finding, ReportFindings
from rsuper.reports.supervision import Region, State, regions

SHAPE = (12, 6, 4)
TARGETS = ("pancreas", "kidney")
BALL_10_MM3 = np.pi / 6 * 1000  # 523.6 mm3
WHOLE = ((0, 0, 0), SHAPE)
ALL = tuple(ORGAN_LABELS)


@pytest.fixture
def organs():
    """Left kidney at x 0-1, head, body, tail at 4, 5, 6, unclaimed pancreas at 7, right kidney at 10-11."""
    labels = np.zeros(SHAPE, np.uint8)
    for x, name in ((0, "kidney_left"), (1, "kidney_left"), (10, "kidney_right"), (11, "kidney_right")):
        labels[x] = ORGAN_LABELS[name]
    for x, name in enumerate((*PANCREAS_SEGMENTS, "pancreas"), start=4):
        labels[x] = ORGAN_LABELS[name]
    return labels


def report(*findings, absent=()):
    return ReportFindings(
        case_id="c", report_sha256="", extractor="", version="", findings=findings, absent=absent
    )


def tumor(organ, *segments, mm=()):
    return Finding(organ=organ, segments=segments, diameters_mm=mm)


def taught(findings, organs, patch=WHOLE, masks=ALL, grow_mm=0.0):
    """Supervision of a patch, where the case has only the given structures."""
    known = np.where(structure_mask(organs, [m for m in masks if m != "pancreas"]), organs, 0).astype(
        np.uint8
    )
    if "pancreas" in masks:
        loose = structure_mask(organs, ["pancreas"]) & (known == 0)
        known[loose] = ORGAN_LABELS["pancreas"]
    boxes = {name: bounding_box(structure_mask(known, [name])) for name in ALL}
    boxes = {name: box for name, box in boxes.items() if box is not None}
    start, size = patch
    inside = known[tuple(slice(s, s + w) for s, w in zip(start, size, strict=True))]
    fitted = on_available_masks(regions(findings), list(boxes))
    return supervise(fitted, boxes, inside, start, size, TARGETS, spacing_mm=(4.0, 4.0, 4.0), grow_mm=grow_mm)


def columns(mask):
    """x of a mask that is constant along y and z."""
    assert (mask == mask[:, :1, :1]).all()
    return np.flatnonzero(mask[:, 0, 0]).tolist()


def test_a_sized_left_and_an_unsized_right_kidney_tumor(organs):
    result = taught(
        report(tumor("kidney", "left", mm=(10.0,)), tumor("kidney", "right"), absent=("pancreas",)), organs
    )
    pancreas, kidney = sorted(result.regions, key=lambda region: region.target, reverse=True)
    assert columns(kidney.mask) == [0, 1]
    assert kidney.volume_mm3 == pytest.approx(BALL_10_MM3)
    assert [t.diameter_mm for t in kidney.tumors] == [10]
    # The right kidney is left alone: neither supervised nor certainly free.
    assert columns(result.outside["kidney"]) == [2, 3, 4, 5, 6, 7, 8, 9]
    # The pancreas is free of tumor: volume zero, and free voxels of its own channel.
    assert pancreas.volume_mm3 == 0
    assert pancreas.tumors == ()
    assert columns(pancreas.mask) == [4, 5, 6, 7]
    assert result.outside["pancreas"].all()
    assert result.counts == {"positive": 1, "no size": 1, "negative": 3}


def test_segments_without_a_tumor_are_free(organs):
    result = taught(report(tumor("pancreas", "head", mm=(10.0,)), absent=("kidney",)), organs)
    (head,) = [region for region in result.regions if region.target == "pancreas"]
    assert columns(head.mask) == [4]
    # x 5 and 6 are body and tail; x 7 is pancreas that no segment claims, so it may be head.
    assert columns(result.outside["pancreas"]) == [0, 1, 2, 3, 5, 6, 8, 9, 10, 11]
    assert [region.volume_mm3 for region in result.regions if region.target == "kidney"] == [0, 0]


def test_without_segment_masks_the_pancreas_is_one_region(organs):
    findings = report(tumor("pancreas", "head", mm=(10.0,)), tumor("pancreas", "tail", mm=(20.0,)))
    result = taught(findings, organs, masks=("pancreas", "kidney_left", "kidney_right"))
    (region,) = [region for region in result.regions if region.target == "pancreas"]
    assert columns(region.mask) == [4, 5, 6, 7]
    assert region.volume_mm3 == pytest.approx(9 * BALL_10_MM3)  # 1 + 2^3
    assert all(columns(t.mask) == [4, 5, 6, 7] for t in region.tumors)
    # One segment mask missing is as good as none.
    partly = taught(findings, organs, masks=tuple(n for n in ALL if n != "pancreas_body"))
    assert [columns(r.mask) for r in partly.regions if r.target == "pancreas"] == [[4, 5, 6, 7]]
    # An unsized tumor leaves the merged region without a size.
    unsized = report(tumor("pancreas", "head", mm=(10.0,)), tumor("pancreas", "tail"))
    result = taught(unsized, organs, masks=("pancreas",))
    assert not [region for region in result.regions if region.target == "pancreas"]
    assert columns(result.outside["pancreas"]) == [0, 1, 2, 3, 8, 9, 10, 11]


def test_a_tumor_given_only_as_pancreas(organs):
    findings = report(
        tumor("pancreas", mm=(10.0,)), tumor("pancreas", "tail", mm=(20.0,)), absent=("kidney",)
    )
    result = taught(findings, organs)
    (region,) = [region for region in result.regions if region.target == "pancreas"]
    assert columns(region.mask) == [4, 5, 6, 7]  # what no segment claims included
    assert region.volume_mm3 == pytest.approx(9 * BALL_10_MM3)
    large, small = region.tumors  # largest first
    assert columns(large.mask) == [6]
    assert columns(small.mask) == [4, 5, 6, 7]


def test_a_region_cut_by_the_patch_is_left_alone(organs):
    findings = report(tumor("kidney", "left", mm=(10.0,)), absent=("pancreas",))
    result = taught(findings, organs, patch=((1, 0, 0), (8, 6, 4)))  # x 1 to 8: half the left kidney
    assert [region.target for region in result.regions] == ["pancreas"]
    assert columns(result.outside["kidney"]) == [1, 2, 3, 4, 5, 6, 7]  # all but x 1, in patch coordinates
    assert result.counts["not fully in the patch"] == 1


def test_a_negative_organ_cut_by_the_patch_is_free_but_has_no_region(organs):
    result = taught(report(absent=TARGETS), organs, patch=((0, 0, 0), (5, 6, 4)))  # cuts the pancreas
    assert [(region.target, columns(region.mask)) for region in result.regions] == [("kidney", [0, 1])]
    assert result.outside["pancreas"].all()


def test_a_missing_mask_is_not_an_empty_one(organs):
    findings = report(tumor("kidney", "right", mm=(10.0,)), absent=("pancreas",))
    result = taught(findings, organs, masks=(*PANCREAS_SEGMENTS, "kidney_left"))
    assert not result.outside["kidney"].any()  # nobody knows where the right kidney is
    assert result.counts["no organ mask"] == 1
    assert [(r.target, r.volume_mm3) for r in result.regions if r.target == "kidney"] == [("kidney", 0)]
    side_not_said = report(tumor("kidney", mm=(10.0,)), absent=("pancreas",))
    result = taught(side_not_said, organs, masks=(*PANCREAS_SEGMENTS, "kidney_left"))
    assert not [region for region in result.regions if region.target == "kidney"]


def test_of_a_target_without_any_mask_nothing_is_taught(organs):
    kidneys = ("kidney_left", "kidney_right")
    # Whatever the report says of the organ, or leaves out: a tumor with its size, none, not a word.
    for findings in (
        report(tumor("pancreas", "head", mm=(10.0,)), absent=("kidney",)),
        report(absent=TARGETS),
        report(absent=("kidney",)),
    ):
        result = taught(findings, organs, masks=kidneys)
        assert {region.target for region in result.regions} == {"kidney"}
        assert not result.outside["pancreas"].any()
        assert result.outside["kidney"].all()
        assert result.counts == {"unknown": 1, "negative": 2}
    result = taught(report(absent=TARGETS), organs, masks=PANCREAS_SEGMENTS)
    assert [(region.target, region.volume_mm3) for region in result.regions] == [("pancreas", 0)]
    assert not result.outside["kidney"].any()
    assert result.counts == {"unknown": 2, "negative": 3}


def test_regions_of_a_target_out_of_view_keep_no_tumor():
    sized = regions(report(tumor("kidney", "left", mm=(10.0,)), absent=("pancreas",)))
    fitted = on_available_masks(sized, ["pancreas"])
    assert {region.state for region in fitted if region.target == "kidney"} == {State.UNKNOWN}
    assert all(region.tumors == () for region in fitted)
    assert Region("pancreas", ("pancreas",), State.NEGATIVE) in fitted
    assert {region.state for region in on_available_masks(sized, [])} == {State.UNKNOWN}


def test_without_a_report_nothing_is_taught(organs):
    result = taught(None, organs)
    assert result.regions == ()
    assert columns(result.outside["pancreas"]) == [0, 1, 2, 3, 8, 9, 10, 11]
    assert columns(result.outside["kidney"]) == list(range(2, 10))
    assert result.counts == {"unknown": 5}


def test_other_targets_are_not_taught(organs):
    boxes = {"kidney_left": bounding_box(organs == ORGAN_LABELS["kidney_left"])}
    negative = [Region("kidney", ("kidney_left",), State.NEGATIVE)]
    result = supervise(negative, boxes, organs, (0, 0, 0), SHAPE, ("pancreas",), spacing_mm=(4.0, 4.0, 4.0))
    assert result.regions == ()
    assert set(result.outside) == {"pancreas"}


def test_covers():
    assert covers((1, 1, 1), (2, 2, 2), ((1, 1, 1), (3, 3, 3)))
    assert not covers((1, 1, 1), (2, 2, 2), ((1, 1, 1), (3, 3, 4)))
    assert not covers((1, 1, 1), (2, 2, 2), ((0, 1, 1), (3, 3, 3)))


def test_grown_regions(organs):
    # Voxels of 4 mm: the head at x 4 grows by one voxel with 4 mm, by none with 3.9.
    findings = report(tumor("pancreas", "head", mm=(10.0,)), absent=("kidney",))
    for grow_mm, expected in ((0.0, [4]), (3.9, [4]), (4.0, [3, 4, 5])):
        result = taught(findings, organs, grow_mm=grow_mm)
        (head,) = [region for region in result.regions if region.target == "pancreas"]
        assert columns(head.mask) == expected
        assert columns(head.tumors[0].mask) == expected
        assert columns(result.outside["pancreas"]) == [0, 1, 2, 3, 5, 6, 8, 9, 10, 11]  # as it was
