from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from rsuper.config.experiment import Augment
from rsuper.data.batches import Batch, PatchSource, organ_boxes
from rsuper.data.mask_sampler import MaskSampler
from rsuper.data.regions import ReportUse, covers
from rsuper.data.report_sampler import ReportSampler
from rsuper.errors import DataError
from rsuper.losses.geometry import bounding_box

KIDNEYS = ("kidney_left", "kidney_right")


@pytest.fixture
def source(experiment):
    return PatchSource(
        experiment.targets, experiment.preprocess, experiment.network, experiment.schedule, seed=0
    )


@pytest.fixture
def clean(source):
    """The same without changes of intensity, so that the image shows where a patch lies."""
    augment = Augment(flips=("x", "y", "z"))
    return replace(source, schedule=source.schedule.model_copy(update={"augment": augment}))


def test_a_step_always_gives_the_same_batch(source, masks, reports):
    for sampler, again in (
        (MaskSampler(source, masks), MaskSampler(source, masks)),
        (ReportSampler(source, reports), ReportSampler(source, reports)),
    ):
        sampler(0)  # what was drawn before does not matter
        first, second, other = sampler(7), again(7), sampler(8)
        assert first.case_ids == second.case_ids
        assert torch.equal(first.image, second.image)
        assert not torch.equal(first.image, other.image)


def test_another_seed_gives_another_batch(source, masks):
    other = replace(source, seed=1)
    assert not torch.equal(MaskSampler(source, masks)(0).image, MaskSampler(other, masks)(0).image)


def test_shapes_and_counts(source, masks, reports):
    batch = Batch(MaskSampler(source, masks)(0), ReportSampler(source, reports)(0))
    assert batch.masks.image.shape == batch.reports.image.shape == (2, 1, 16, 16, 16)
    assert batch.masks.tumor.shape == batch.reports.outside.shape == (2, 2, 16, 16, 16)
    assert (batch.mask_patches, batch.report_patches) == (2, 2)
    assert batch.case_ids == (*batch.masks.case_ids, *batch.reports.case_ids)
    assert (Batch().mask_patches, Batch().report_patches, Batch().case_ids) == (0, 0, ())


def test_image_and_labels_are_mirrored_together(clean, masks):
    # In the tiny data set organs have 80 HU (0 in the window) and tumors in them 40 HU (-1/3).
    sampler = MaskSampler(clean, masks)
    seen = 0
    for step in range(20):
        batch = sampler(step)
        for row in range(2):
            for channel in range(2):
                tumor = batch.tumor[row, channel]
                if tumor.any():
                    seen += 1
                    inside = batch.image[row, 0][tumor]
                    assert abs(float(inside.mean()) + 1 / 3) < 0.03
    assert seen > 10


def test_mask_patches_hold_their_tumor(source, masks):
    certain = replace(source, schedule=source.schedule.model_copy(update={"tumor_share": 1.0}))
    for step in range(10):
        assert MaskSampler(certain, masks)(step).tumor.flatten(1).any(dim=1).all()


def test_what_nobody_segmented_is_not_known(clean, masks):
    index = replace(masks[1].index, tumor_voxels={"kidney": masks[1].index.tumor_voxels["kidney"]})
    batch = MaskSampler(clean, [replace(masks[1], index=index)])(0)
    assert batch.known[:, 1].all()
    assert not batch.known[:, 0].any()


def test_report_patches_cover_their_organ(clean, reports, boxes):
    sampler = ReportSampler(clean, reports)
    sizes = {
        name: int(np.prod([high - low for low, high in zip(*boxes[name], strict=True)]))
        for name in ("pancreas", "pancreas_head", *KIDNEYS)
    }
    drawn = Counter()
    for step in range(20):
        batch = sampler(step)
        for row, case in enumerate(batch.case_ids):
            own = [region for region in batch.regions if region.row == row]
            assert own, case  # a patch always teaches something
            drawn[case] += 1
            for region in own:
                assert int(region.mask.sum()) in sizes.values()  # whole, whatever the mirroring
                # Organ tissue has 80 HU (0 in the window), tumors 40, the rest 20 (-0.5).
                assert float(batch.image[row, 0][region.mask].mean()) > -0.15
                assert all(torch.equal(t.region, t.region & region.mask) for t in region.tumors)
                if region.volume_mm3 > 0:
                    assert not (region.mask & batch.outside[row, region.channel]).any()
                    assert region.volume_mm3 == pytest.approx(sum(t.volume_mm3 for t in region.tumors))
    assert set(drawn) == {"tiny_R1", "tiny_R2", "tiny_R3"}


def test_reported_volumes_by_hand(clean, reports):
    volumes = {
        round(region.volume_mm3, 1)
        for step in range(20)
        for region in ReportSampler(clean, reports)(step).regions
    }
    # 14 mm ball: pi/6 * 14^3 = 1436.8; 20 x 16 x 18 mm: pi/6 * 5760 = 3015.9; tumor-free organs: 0.
    assert volumes == {0.0, 1436.8, 3015.9}


def test_unusable_organs_are_counted(source, reports):
    usual = ReportSampler(source, reports)
    assert usual.unusable == {"kidney: no size": 1}  # the right kidney of R2
    # A tumor in the head of R1 and in the left kidney of R2; all other organs of the three are free.
    positive, negative = {"pancreas: positive": 1, "kidney: positive": 1}, {"pancreas: negative": 2}
    assert usual.usable == {**positive, **negative, "kidney: negative": 4}
    small = replace(source, network=source.network.model_copy(update={"patch": (8, 8, 12)}))
    # 14 x 6 x 6 voxels of pancreas do not fit 8 x 8 x 12; its segments do, and kidneys of 6 x 7 x 10.
    assert ReportSampler(small, reports).usable == usual.usable
    whole = ReportUse(subsegments=False)
    assert ReportSampler(small, reports, whole).unusable == {
        "pancreas: organ larger than the patch": 3,
        "kidney: no size": 1,
    }
    tiny = replace(source, network=source.network.model_copy(update={"patch": (4, 4, 4)}))
    with pytest.raises(DataError, match=r"no report can supervise a patch.*organ larger than the patch"):
        ReportSampler(tiny, reports)


def test_of_an_organ_larger_than_the_patch_a_segment_is_covered(clean, reports, boxes):
    small = replace(clean, network=clean.network.model_copy(update={"patch": (8, 8, 12)}))
    head = int(np.prod([high - low for low, high in zip(*boxes["pancreas_head"], strict=True)]))
    covered = Counter()
    for step in range(60):
        batch = ReportSampler(small, [reports[0], reports[2]])(step)
        for row, case in enumerate(batch.case_ids):
            own = [region for region in batch.regions if region.row == row and region.channel == 0]
            if case == "tiny_R1" and own:  # its head, whole, with its tumor
                assert [int(region.mask.sum()) for region in own] == [head]
                assert own[0].volume_mm3 == pytest.approx(np.pi / 6 * 14**3)
                assert not (own[0].mask & batch.outside[row, 0]).any()
                covered["head"] += 1
            elif case == "tiny_R3" and batch.outside[row].all():
                # Free as a whole: no region, but no tumor may be found anywhere in the patch.
                segments = [boxes[f"pancreas_{name}"] for name in ("head", "body", "tail")]
                covered["free"] += any(covers(batch.places[row].start, (8, 8, 12), box) for box in segments)
    assert covered["head"] > 10
    assert covered["free"] > 10


def test_a_share_of_mask_patches_lies_anywhere(clean, masks):
    schedule = clean.schedule.model_copy(
        update={"background_share": 0.5, "mask_patches": 4, "tumor_share": 1.0}
    )
    sampler = MaskSampler(replace(clean, schedule=schedule), masks)
    drawn = [sampler(step) for step in range(50)]
    on_tumor = sum(int(batch.tumor.flatten(1).any(dim=1).sum()) for batch in drawn)
    # Half of 200 lie on a tumor; of the others some meet one by chance.
    assert 90 < on_tumor < 160
    assert sum(batch.case_ids.count("tiny_M3") for batch in drawn) > 20  # a CT without any tumor


def test_a_kidney_tumor_without_its_side_is_unusable(source, reports):
    stored, findings = reports[1]
    sideless = findings.findings[0].model_copy(update={"segments": ()})
    sampler = ReportSampler(source, [(stored, findings.model_copy(update={"findings": (sideless,)}))])
    assert sampler.unusable == {"kidney: side not said": 2}


def test_nothing_to_train_on(source, masks):
    with pytest.raises(DataError, match="no CT-Mask pair to train on"):
        MaskSampler(source, [])
    with pytest.raises(DataError, match="there is no report"):
        ReportSampler(source, [])
    unannotated = replace(masks[0], index=replace(masks[0].index, tumor_voxels={}))
    with pytest.raises(DataError, match="annotated for any of the targets"):
        MaskSampler(source, [unannotated])


def test_organ_boxes(masks, boxes):
    assert organ_boxes(masks[0], "pancreas") == {"pancreas": boxes["pancreas"]}
    assert organ_boxes(masks[0], "kidney") == {name: boxes[name] for name in KIDNEYS}
    only_left = replace(masks[0], index=replace(masks[0].index, boxes={"kidney_left": boxes["kidney_left"]}))
    assert organ_boxes(only_left, "kidney") == {"kidney_left": boxes["kidney_left"]}
    assert organ_boxes(only_left, "pancreas") == {}


def test_calibrated_sizes_change_volumes_and_no_diameter(clean, reports):
    def tumors(use):
        batches = [ReportSampler(clean, reports, use)(step) for step in range(10)]
        return [t for batch in batches for region in batch.regions for t in region.tumors]

    paper, calibrated = tumors(ReportUse()), tumors(ReportUse(size_rule="calibrated"))
    assert [t.diameter_mm for t in paper] == [t.diameter_mm for t in calibrated]
    assert len({round(b.volume_mm3 / a.volume_mm3, 6) for a, b in zip(paper, calibrated, strict=True)}) == 2
    assert all(b.volume_mm3 < a.volume_mm3 for a, b in zip(paper, calibrated, strict=True))


def test_without_subsegments_the_pancreas_is_one_region(clean, reports, boxes):
    sampler = ReportSampler(clean, reports, ReportUse(subsegments=False))
    batches = [sampler(step) for step in range(10)]
    whole = int(np.prod([high - low for low, high in zip(*boxes["pancreas"], strict=True)]))
    pancreas = [region for batch in batches for region in batch.regions if region.channel == 0]
    assert {int(region.mask.sum()) for region in pancreas} == {whole}
    assert {int(tumor.region.sum()) for region in pancreas for tumor in region.tumors} == {whole}


def test_boxes_hold_their_region(clean, reports):
    for step in range(10):
        for region in ReportSampler(clean, reports)(step).regions:
            for tumor in region.tumors:
                assert tumor.box == bounding_box(tumor.region)
