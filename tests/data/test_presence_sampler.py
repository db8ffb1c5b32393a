"""Labels of report patches, on the tiny data set whose organs are boxes."""

from dataclasses import replace

import numpy as np
import pytest

from rsuper.data.presence_sampler import PresenceSampler
from rsuper.errors import DataError
from rsuper.segmenter import mask_sampler, patch_source

FREE = {"pancreas": False, "kidney_left": False, "kidney_right": False}


@pytest.fixture
def task(task_for, tmp_path):
    return task_for("multi_task", tmp_path)


@pytest.fixture
def source(task):
    schedule = task.schedule.model_copy(
        update={"augment": task.schedule.augment.model_copy(update={"flips": ()})}
    )
    return replace(patch_source(task), schedule=schedule)


def batch(source, task, collection, presence, step=0, case="tiny_R1"):
    sampler = PresenceSampler(source, [(collection.stored[case], FREE | presence)])
    return sampler(step, mask_sampler(task)(step))


def report_part(found):
    return found.present[found.mask_patches :], found.labelled[found.mask_patches :]


def test_an_organ_with_a_tumor_that_the_patch_covers_is_a_positive(source, task, collection):
    only_tumors = replace(source, schedule=source.schedule.model_copy(update={"tumor_share": 1.0}))
    for step in range(5):
        found = batch(only_tumors, task, collection, {"pancreas": True}, step)
        present, labelled = report_part(found)
        positives = present[:, 0] & labelled[:, 0]
        for row in range(2):
            covers_pancreas = found.reports.known[row, 0].logical_not().sum() == 14 * 6 * 6
            assert bool(positives[row]) == bool(covers_pancreas)
        assert labelled[:, 1].all()
        assert not present[:, 1].any()
        assert not found.reports.tumor.any()


def test_an_organ_with_a_tumor_that_the_patch_cuts_leaves_the_label_open(source, task, collection):
    seen = set()
    for step in range(40):
        found = batch(source, task, collection, {"kidney_left": True}, step)
        present, labelled = report_part(found)
        for row in range(2):
            inside = int(found.reports.known[row, 1].logical_not().sum())
            state = (bool(present[row, 1]), bool(labelled[row, 1]))
            expected = {0: (False, True), 6 * 7 * 10: (True, True)}.get(inside, (False, False))
            assert state == expected
            seen.add(expected)
    assert len(seen) >= 2


def test_no_usable_organ_is_an_error(source, task, collection):
    open_everywhere = {"kidney_left": None, "kidney_right": None, "pancreas": None}
    with pytest.raises(DataError, match="no report says of an organ that fits a patch"):
        batch(source, task, collection, open_everywhere)


def test_without_the_mask_of_an_organ_that_may_have_a_tumor_nothing_is_known(source, task, collection):
    stored = collection.stored["tiny_R1"]
    boxes = {name: box for name, box in stored.index.boxes.items() if name != "kidney_left"}
    cut = replace(stored, index=replace(stored.index, boxes=boxes))
    sampler = PresenceSampler(source, [(cut, FREE | {"kidney_left": True})])
    found = sampler(0, mask_sampler(task)(0))
    assert not found.reports.known[:, 1].any()
    assert not report_part(found)[1][:, 1].any()
    assert found.reports.known[:, 0].all()


def test_mask_patches_come_first_and_know_their_tumors(source, task, collection):
    found = batch(source, task, collection, {"pancreas": True})
    masks = found.masks
    expected = masks.tumor.flatten(2).any(dim=2)
    assert (found.present[:2] == expected).all()
    assert found.labelled[:2].all()
    assert found.case_ids == (*masks.case_ids, "tiny_R1", "tiny_R1")
    counts = found.counts
    assert sum(counts.values()) == 4
    np.testing.assert_array_equal(masks.image, mask_sampler(task)(0).image)


def test_the_same_step_gives_the_same_batch(source, task, collection):
    first, again = (batch(source, task, collection, {"pancreas": True}, 3) for _ in range(2))
    assert (first.reports.image == again.reports.image).all()
    other = batch(source, task, collection, {"pancreas": True}, 4)
    assert not (first.reports.image == other.reports.image).all()
