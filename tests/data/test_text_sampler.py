from dataclasses import replace

import numpy as np
import pytest

from rsuper.data.text_sampler import TextSampler
from rsuper.errors import DataError
from rsuper.segmenter import patch_source

CASES = ("R1", "R2", "R3", "R4")


@pytest.fixture
def pairs(collection):
    """Four report cases, each with a vector that names it."""
    return [
        (collection.stored[f"tiny_{name}"], np.full(3, number, np.float32))
        for number, name in enumerate(CASES)
    ]


@pytest.fixture
def source(task_for, tmp_path):
    return patch_source(task_for("clip_like", tmp_path))


def test_patches_of_a_step_are_of_different_cases_with_their_own_vectors(source, pairs):
    sampler = TextSampler(source, pairs, 3)
    drawn = [sampler(step) for step in range(20)]
    for batch in drawn:
        assert len(set(batch.case_ids)) == 3
        assert batch.image.shape == (3, 1, 16, 16, 16)
        numbers = [CASES.index(case.removeprefix("tiny_")) for case in batch.case_ids]
        assert batch.text.tolist() == [[number] * 3 for number in numbers]
        assert (batch.mask_patches, batch.report_patches, batch.counts) == (0, 0, {"text_patches": 3})
    assert {case for batch in drawn for case in batch.case_ids} == {f"tiny_{name}" for name in CASES}
    again = TextSampler(source, pairs, 3)(7)
    assert again.case_ids == drawn[7].case_ids
    assert np.array_equal(again.image, drawn[7].image)


def test_a_step_is_on_one_organ_that_every_patch_covers(source, pairs, boxes, monkeypatch):
    starts = []
    read = type(source).read
    monkeypatch.setattr(
        type(source),
        "read",
        lambda own, case, start, rng: starts.append(start) or read(own, case, start, rng),
    )
    sampler = TextSampler(source, pairs, 4)
    seen = set()
    for step in range(30):
        starts.clear()
        sampler(step)
        covered = [
            {
                organ
                for organ in ("pancreas", "kidney_left", "kidney_right")
                if all(s <= low and high <= s + 16 for s, low, high in zip(start, *boxes[organ], strict=True))
            }
            for start in starts
        ]
        shared = set.intersection(*covered)
        assert shared
        seen |= shared
    assert seen == {"pancreas", "kidney_left", "kidney_right"}


def test_a_small_cohort_gives_the_cases_it_has(source, pairs):
    assert len(TextSampler(source, pairs, 100)(0).case_ids) == 4


def test_targets_limit_the_organs(source, pairs):
    sampler = TextSampler(replace(source, targets=("pancreas",)), pairs, 2)
    assert [len(organs) for organs in sampler._pools] == [1]


def test_nothing_to_contrast(source, pairs):
    with pytest.raises(DataError, match="two patches per step at least, got 1"):
        TextSampler(source, pairs, 1)
    with pytest.raises(DataError, match="no organ fits the patch in two of 1 report cases"):
        TextSampler(source, pairs[:1], 4)
    small = replace(source, network=source.network.model_copy(update={"patch": (8, 8, 4)}))
    with pytest.raises(DataError, match="no organ fits the patch in two of 4 report cases"):
        TextSampler(small, pairs, 4)
