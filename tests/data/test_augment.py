"""What is drawn for the training device, and what samplers make of it on the tiny data set."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from rsuper.changes import voxels_before
from rsuper.config.experiment import DeviceAugment
from rsuper.data.augment import drawn_change
from rsuper.data.batches import Batch, PatchSource, Shard
from rsuper.data.mask_sampler import MaskSampler
from rsuper.data.patches import in_patch
from rsuper.data.presence_sampler import PresenceSampler
from rsuper.data.report_sampler import ReportSampler
from rsuper.data.text_sampler import TextSampler
from rsuper.engine.loading import Loader
from rsuper.engine.settings import Settings
from rsuper.errors import ConfigError
from rsuper.landing import voxels_in_volume
from rsuper.reports.presence import organ_presence

ALWAYS = DeviceAugment(turned_share=1, share=1)
SIZE, SPACING = (16, 16, 16), (4.0, 4.0, 4.0)


def with_device(source, settings, **augment):
    augment = source.schedule.augment.model_copy(update={"device": settings, **augment})
    return replace(source, schedule=source.schedule.model_copy(update={"augment": augment}))


@pytest.fixture
def source(experiment):
    schedule = experiment.schedule.model_copy(update={"mask_patches": 5, "report_patches": 3})
    return PatchSource(experiment.targets, experiment.preprocess, experiment.network, schedule, seed=0)


def draw(settings, number, kept=None):
    return drawn_change(settings, np.random.default_rng(number), SIZE, SPACING, kept=kept)


def test_by_default_nothing_is_drawn_or_changed(source, masks, reports):
    batch = Batch(MaskSampler(source, masks)(0), ReportSampler(source, reports)(0))
    assert batch.masks.changes == batch.reports.changes == ()
    loaded = next(Loader(lambda _: batch, [0], Settings(), torch.device("cpu")))
    assert loaded.device is loaded.host is batch


def test_shares_and_ranges():
    settings = DeviceAugment(turned_share=0.4, share=0.3)
    drawn = [draw(settings, number) for number in range(3000)]
    plain = {"gain": 1, "offset": 0, "gamma": 1, "contrast": 1, "blur_voxels": 0, "noise": 0}
    for name, value in plain.items():
        found = [getattr(change, name) for change in drawn if getattr(change, name) != value]
        assert len(found) / 3000 == pytest.approx(0.3, abs=0.03), name
        if name in ("gain", "gamma", "contrast", "blur_voxels"):
            low, high = getattr(settings, name)
            assert low <= min(found) < low + 0.05
            assert high - 0.05 < max(found) <= high
    assert np.std([c.offset for c in drawn if c.offset]) == pytest.approx(0.1, rel=0.1)
    assert 0.19 < max(change.noise for change in drawn) <= 0.2
    assert sum(change.turn is not None for change in drawn) / 3000 == pytest.approx(0.4, abs=0.03)
    assert len({change.noise_seed for change in drawn}) > 2990


def test_report_patches_are_rotated_and_never_sheared_or_scaled():
    for number in range(50):
        free, rigid = draw(ALWAYS, number), draw(ALWAYS, number, kept=[])
        matrix = np.array(rigid.turn)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(np.array(free.turn)) == pytest.approx(1)
        assert not np.allclose(np.array(free.turn) @ np.array(free.turn).T, np.eye(3), atol=1e-4)


def test_a_patch_is_turned_less_or_not_where_something_would_leave_it():
    full, corner = ((0, 0, 0), SIZE), ((1, 1, 6), (4, 4, 10))
    turned = Counter()
    for number in range(40):
        assert draw(ALWAYS, number, kept=[full]).turn is None
        free, kept = draw(ALWAYS, number, kept=[]).turn, draw(ALWAYS, number, kept=[corner]).turn
        turned["as much" if kept == free else "less" if kept else "not"] += 1
    assert set(turned) == {"as much", "less", "not"} or set(turned) == {"as much", "less"}


def test_ct_and_labels_turn_together(source, masks):
    """Of a CT that is its own tumor mask, what is bright is what is labelled."""
    batch = MaskSampler(with_device(source, DeviceAugment(turned_share=1, share=0)), masks)(3)
    assert len(batch.changes) == 5
    image = (batch.tumor.any(dim=1, keepdim=True) & batch.known.any(dim=1, keepdim=True)).float()
    found = replace(batch, image=image).augmented()
    assert found.changes == ()
    agree = (found.image[:, 0] > 0.5) == found.tumor.any(dim=1)
    assert agree.float().mean() > 0.99
    assert not torch.equal(found.tumor, batch.tumor)
    for row, change in enumerate(batch.changes):
        voxels = np.argwhere(~found.known[row, 0].numpy())
        if batch.known[row, 0].all() and len(voxels):
            before = voxels_before(voxels, change.turn, SIZE)
            outside = ((before < 0) | (before >= 16)).any(axis=1)
            assert outside.mean() > 0.9  # the rest lies halfway


def test_volumes_diameters_and_regions_of_reports_stay(source, reports):
    sampler = ReportSampler(with_device(source, ALWAYS, flips=("x", "z")), reports)
    turned = 0
    for step in range(12):
        before = sampler(step)
        after = before.augmented()
        turned += sum(change.turn is not None for change in before.changes)
        assert len(after.regions) == len(before.regions)
        assert [place.turn for place in after.places] == [change.turn for change in before.changes]
        for old, new in zip(before.regions, after.regions, strict=True):
            assert (new.volume_mm3, new.row, new.channel) == (old.volume_mm3, old.row, old.channel)
            assert int(new.mask.sum()) == pytest.approx(int(old.mask.sum()), rel=0.12)
            for was, is_now in zip(old.tumors, new.tumors, strict=True):
                assert (is_now.volume_mm3, is_now.diameter_mm) == (was.volume_mm3, was.diameter_mm)
                outside = is_now.region.clone()
                outside[is_now.box] = False
                assert not outside.any()
                assert is_now.region.any()
        # A supervised region is not among what is certainly free, but for voxels halfway between two.
        for region in after.regions:
            both = region.mask & after.outside[region.row, region.channel]
            if region.volume_mm3 > 0:
                assert both.sum() <= 0.02 * region.mask.sum()
    assert turned > 12


def test_a_change_depends_on_seed_step_and_row_alone(source, masks, reports):
    source = with_device(source, ALWAYS)
    whole = MaskSampler(source, masks)(7).changes
    for processes in (2, 3):
        shares = [
            MaskSampler(replace(source, shard=Shard(rank, processes)), masks)(7).changes
            for rank in range(processes)
        ]
        assert sum(shares, ()) == whole
    assert len(set(whole)) == 5
    assert MaskSampler(source, masks)(8).changes != whole
    assert MaskSampler(replace(source, seed=1), masks)(7).changes != whole
    assert not set(ReportSampler(source, reports)(7).changes) & set(whole)


def test_a_tumor_that_a_mask_patch_lost_is_absent(source, masks, reports):
    source = with_device(source, ALWAYS)
    presence = [(stored, organ_presence(findings)) for stored, findings in reports]
    mask, sampler = MaskSampler(source, masks), PresenceSampler(source, presence)
    lost = 0
    for step in range(60):
        before = sampler(step, mask(step))
        after = before.augmented()
        held = after.masks.tumor.flatten(2).any(dim=2)
        assert torch.equal(after.present[: after.mask_patches], held)
        assert torch.equal(after.present[after.mask_patches :], before.present[before.mask_patches :])
        assert torch.equal(after.labelled, before.labelled)
        lost += int((before.present[: len(held)] & ~held).sum())
    assert lost > 0


def test_images_of_texts_change_and_texts_stay(source, reports):
    text = [(stored, np.full(3, k, np.float64)) for k, (stored, _) in enumerate(reports)]
    before = TextSampler(with_device(source, ALWAYS), text, 3)(0)
    after = before.augmented()
    assert after.text is before.text
    assert not torch.equal(after.image, before.image)
    assert after.changes == ()


def test_the_loader_makes_the_changes_of_all_parts(source, masks, reports):
    source = with_device(source, ALWAYS)
    batch = Batch(MaskSampler(source, masks)(0), ReportSampler(source, reports)(0))
    loaded = next(Loader(lambda _: batch, [0], Settings(), torch.device("cpu")))
    assert loaded.host is batch
    assert torch.equal(loaded.device.masks.image, batch.masks.augmented().image)
    assert torch.equal(loaded.device.reports.image, batch.reports.augmented().image)
    assert loaded.device.pseudo is None


def test_where_a_tumor_landed_is_found_in_the_volume(source, reports):
    """Voxels of a region of a turned, mirrored patch are, in the volume, those of the organ it is."""
    sampler = ReportSampler(with_device(source, ALWAYS, flips=("x", "y", "z")), reports)
    seen = 0
    for step in range(10):
        batch = sampler(step).augmented()
        for region in batch.regions:
            place = batch.places[region.row]
            if place.turn is None:
                continue
            stored = next(s for s, _ in reports if s.case_id == batch.case_ids[region.row])
            found = voxels_in_volume(region.mask.numpy(), place)
            box = [stored.index.boxes[name] for name in region.structures]
            low = np.min([b[0] for b in box], axis=0)
            high = np.max([b[1] for b in box], axis=0)
            voxels = np.stack(np.unravel_index(found, place.volume), axis=1)
            assert ((voxels >= low) & (voxels < high)).all(axis=1).mean() > 0.99
            assert len(found) > 0.8 * np.prod(high - low)
            seen += 1
    assert seen > 5


def test_a_box_in_voxels_of_a_mirrored_patch():
    box, start = ((5, 6, 7), (8, 9, 12)), (4, 4, 4)
    assert in_patch(box, start, SIZE, ()) == ((1, 2, 3), (4, 5, 8))
    assert in_patch(box, start, SIZE, (0, 2)) == ((12, 2, 8), (15, 5, 13))


@pytest.mark.parametrize(
    ("values", "named"), [({"gain": [1.3, 0.7]}, "gain"), ({"blur_voxels": [0, 1]}, "blur_voxels")]
)
def test_a_range_the_wrong_way_is_named(values, named):
    from rsuper.config.load import parse

    with pytest.raises(ConfigError, match=f"{named}.*lower first"):
        parse(DeviceAugment, values, "x.yaml")
