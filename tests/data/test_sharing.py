"""Several processes make the patches of a step: together those of one, none twice."""

from dataclasses import replace

import pytest
import torch

from rsuper.data.batches import PatchSource, Shard
from rsuper.data.genesis import Genesis
from rsuper.data.image_sampler import ImageSampler
from rsuper.data.mask_sampler import MaskSampler
from rsuper.data.presence_sampler import PresenceSampler
from rsuper.data.report_sampler import ReportSampler
from rsuper.data.text_sampler import TextSampler
from rsuper.errors import ConfigError
from rsuper.reports.presence import organ_presence


@pytest.fixture
def source(experiment):
    schedule = experiment.schedule.model_copy(update={"mask_patches": 5, "report_patches": 3})
    return PatchSource(experiment.targets, experiment.preprocess, experiment.network, schedule, seed=0)


def samplers(source, collection):
    """Each kind of sampler, as a function of the step."""
    masks = [collection.stored[f"tiny_{case}"] for case in ("M1", "M2", "M3")]
    reports = [
        (collection.stored[f"tiny_{case}"], collection.findings[f"tiny_{case}"])
        for case in ("R1", "R2", "R3")
    ]
    presence = [(stored, organ_presence(findings)) for stored, findings in reports]
    text = [(stored, torch.ones(3).numpy() * k) for k, (stored, _) in enumerate(reports)]
    mask = MaskSampler(source, masks)
    labels = PresenceSampler(source, presence)
    return {
        "masks": mask,
        "reports": ReportSampler(source, reports),
        "presence": lambda step: labels(step, mask(step)).reports,
        "text": TextSampler(source, text, 3),
        "images": ImageSampler(source, masks, 4, Genesis()),
    }


@pytest.mark.parametrize("kind", ["masks", "reports", "presence", "text", "images"])
@pytest.mark.parametrize("processes", [2, 3])
def test_shares_put_together_are_the_whole(source, collection, kind, processes):
    whole = samplers(source, collection)[kind]
    shares = [
        samplers(replace(source, shard=Shard(rank, processes)), collection)[kind] for rank in range(processes)
    ]
    for step in range(4):
        expected, found = whole(step), [share(step) for share in shares]
        assert sum((batch.case_ids for batch in found), ()) == expected.case_ids
        assert all(batch.case_ids for batch in found)
        assert torch.equal(torch.cat([batch.image for batch in found]), expected.image)
        for name in ("tumor", "known", "outside", "original", "text"):
            if hasattr(expected, name):
                joined = torch.cat([getattr(batch, name) for batch in found])
                assert torch.equal(joined, getattr(expected, name))
        if kind == "reports":
            masks = [region.mask for batch in found for region in batch.regions]
            assert len(masks) == len(expected.regions)
            assert all(torch.equal(a, b.mask) for a, b in zip(masks, expected.regions, strict=True))
            assert sum((batch.counts for batch in found[1:]), found[0].counts) == expected.counts


def test_rows_by_hand():
    assert [list(Shard(rank, 2).rows(5)) for rank in range(2)] == [[0, 1], [2, 3, 4]]
    assert [list(Shard(rank, 3).rows(4)) for rank in range(3)] == [[0], [1], [2, 3]]
    assert list(Shard().rows(3)) == [0, 1, 2]
    with pytest.raises(ConfigError, match="4 processes cannot share 3 patches of a kind"):
        Shard(0, 4).rows(3)
