"""What training notes down: where reported tumors landed in the stored volume, and predicted volumes."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from rsuper.artifacts import landing_log
from rsuper.data.batches import BatchRegion, BatchTumor, PatchPlace, ReportBatch
from rsuper.data.patches import flipped
from rsuper.data.report_sampler import ReportSampler
from rsuper.data.store import TUMOR_LABELS
from rsuper.engine.train import Stage
from rsuper.evaluate.landing import landing_row, read_landing, region_of
from rsuper.landing import LandingLog, landing_lines, voxels_in_volume
from rsuper.losses.assignment import Assignment
from rsuper.methods import find
from rsuper.report_terms import Supervised
from rsuper.segmenter import patch_source

SIZE = (4, 3, 2)
# Mirrored along x and z; the stored volume has 10 x 9 x 8 voxels.
PLACE = PatchPlace(start=(5, 2, 1), mirrored=(0, 2), volume=(10, 9, 8))


def mask(*voxels):
    made = np.zeros(SIZE, dtype=bool)
    for voxel in voxels:
        made[voxel] = True
    return made


# ------------------------------------------------------------------------------------------ voxels by hand


def test_voxels_are_those_of_the_stored_volume():
    # (1, 0, 0) of the mirrored patch is (4-1-1, 0, 2-1-0) = (2, 0, 1) as read, (7, 2, 2) in the volume:
    # (7 * 9 + 2) * 8 + 2 = 522. (3, 2, 1) is (0, 2, 0) as read, (5, 4, 1): (5 * 9 + 4) * 8 + 1 = 393.
    assert voxels_in_volume(mask((1, 0, 0), (3, 2, 1)), PLACE).tolist() == [393, 522]
    # Not mirrored: (6, 2, 1) and (8, 4, 2): (6 * 9 + 2) * 8 + 1 = 449, (8 * 9 + 4) * 8 + 2 = 610.
    straight = replace(PLACE, mirrored=())
    assert voxels_in_volume(mask((1, 0, 0), (3, 2, 1)), straight).tolist() == [449, 610]
    assert voxels_in_volume(mask(), PLACE).tolist() == []


def test_voxels_outside_the_volume_have_no_index():
    # A padded patch: x from -1 to 2, z from 7 to 8. Not mirrored, so (0, ...) and (..., 1) are outside.
    padded = PatchPlace(start=(-1, 0, 7), mirrored=(), volume=(10, 9, 8))
    found = voxels_in_volume(mask((0, 0, 0), (1, 0, 1), (1, 0, 0)), padded)
    assert found.tolist() == [7]  # (0, 0, 7)


# ------------------------------------------------------------------------------------------- lines by hand


def tensor(array):
    return torch.from_numpy(array)


def made_up():
    """Two patches of two targets; the second has two kidney regions, with one and with two tumors."""
    regions = []
    for row, tumors in ((0, 0), (1, 1), (1, 2)):
        own = mask((0, 0, 0), (1, 0, 0), (2, 1, 1)) if tumors < 2 else mask((3, 2, 1), (3, 1, 1))
        boxes = (slice(0, 4), slice(0, 3), slice(0, 2))
        found = tuple(BatchTumor(tensor(own), 16.0, 3.0 + k, boxes) for k in range(tumors))
        name = "pancreas" if row == 0 else f"kidney_{'left' if tumors == 1 else 'right'}"
        regions.append(BatchRegion(row, row, tensor(own), 16.0 * tumors, found, (name,), 0.0))
    return ReportBatch(
        step=4,
        case_ids=("a", "b"),
        image=torch.zeros(2, 1, *SIZE),
        outside=torch.zeros(2, 2, *SIZE, dtype=torch.bool),
        regions=tuple(regions),
        places=(PLACE, replace(PLACE, start=(0, 0, 0), mirrored=(1,))),
        spacing_mm=(2.0, 2.0, 2.0),
        counts={},
    )


def assignment(labels, requested):
    values = torch.from_numpy(labels).to(torch.int32)
    assigned = torch.tensor([int((values == k + 1).sum()) for k in range(len(requested))], dtype=torch.int64)
    return Assignment(
        values,
        torch.zeros(SIZE),
        torch.zeros(SIZE, dtype=torch.bool),
        requested,
        assigned,
        torch.zeros(len(requested), 3, dtype=torch.int64),
        (0.0,) * len(requested),
    )


def assignments():
    """In the second patch's kidneys one voxel for the first tumor, one for the second, none for the third."""
    empty = assignment(np.zeros(SIZE, dtype=int), ())
    labels = np.zeros(SIZE, dtype=int)
    labels[2, 1, 1], labels[3, 1, 1] = 1, 2
    return (empty, empty, empty, assignment(labels, (1, 2, 2)))


def test_lines_by_hand():
    seen = Supervised("deep", torch.zeros(2, 2, *SIZE), assignments())  # probability 1/2 everywhere
    free, left, right = landing_lines(made_up(), seen, ("pancreas", "kidney"))
    assert free == {
        "step": 5,  # as in the log: steps done
        "case_id": "a",
        "target": "pancreas",
        "structures": ("pancreas",),
        "grown_mm": 0.0,
        "start": (5, 2, 1),
        "size": SIZE,
        "region_voxels": 3,
        "reported_mm3": 0.0,
        "predicted_mm3": 12.0,  # 3 voxels of 8 mm3, half of each
        "predicted_by": "deep",
        "tumors": [],
    }
    # Mirrored along y alone, at the volume's corner: (2, 1, 1) stays, (2 * 9 + 1) * 8 + 1 = 153;
    # (3, 1, 1) too: (3 * 9 + 1) * 8 + 1 = 225. The second region's tumors have labels 2 and 3.
    assert left["tumors"] == [{"diameter_mm": 3.0, "requested": 1, "assigned": 1, "voxels": [153]}]
    assert right["tumors"] == [
        {"diameter_mm": 3.0, "requested": 2, "assigned": 1, "voxels": [225]},
        {"diameter_mm": 4.0, "requested": 2, "assigned": 0, "voxels": []},
    ]
    assert (right["case_id"], right["target"], right["reported_mm3"]) == ("b", "kidney", 32.0)


def test_without_a_ball_loss_there_are_volumes_alone():
    seen = Supervised("final", torch.zeros(2, 2, *SIZE), None)
    lines = list(landing_lines(made_up(), seen, ("pancreas", "kidney")))
    assert [line["tumors"] for line in lines] == [None] * 3
    assert [line["predicted_mm3"] for line in lines] == [12.0, 12.0, 8.0]
    assert list(landing_lines(replace(made_up(), regions=()), seen, ("pancreas", "kidney"))) == []


# ------------------------------------------------------------------------------------------------ the file


def stage(task, log_every, steps=5):
    return Stage(steps, 0.1, task.schedule.model_copy(update={"log_every": log_every, "steps": steps}))


def test_steps_without_a_log_line_look_at_nothing(task_for, tmp_path):
    task = task_for("r_super", tmp_path)
    log = LandingLog(task.workdir, ("pancreas", "kidney"), stage(task, log_every=2))
    seen = Supervised("deep", torch.zeros(2, 2, *SIZE), assignments())
    for step in range(5):
        # No row of logits: it would fail as soon as somebody looks at one.
        nothing = replace(seen, logits=torch.zeros(0, 0, *SIZE))
        log.add(replace(made_up(), step=step), seen if step in (1, 3, 4) else nothing)
    assert [line["step"] for line in read_landing(task.workdir)] == [2] * 3 + [4] * 3 + [5] * 3


def test_a_file_of_another_run_is_begun_anew(task_for, tmp_path):
    task = task_for("r_super", tmp_path)
    for _ in range(2):
        log = LandingLog(task.workdir, ("pancreas", "kidney"), stage(task, log_every=1))
        log.add(replace(made_up(), step=0), Supervised("deep", torch.zeros(2, 2, *SIZE), assignments()))
    assert len(read_landing(task.workdir)) == 3
    assert read_landing(tmp_path) == []


# ---------------------------------------------------------------------------------------------- in training


@pytest.fixture
def trained(task_for, tmp_path):
    """`trained(name, folder, **schedule)`: a task whose first stage is done."""

    def factory(name, folder="whole", **schedule):
        root = tmp_path / folder
        for needed in find(name).needs:
            stage1 = find(needed)
            stage1.module.fit(task_for(needed, root), stage1.config({}))
        return task_for(name, root, **schedule)

    return factory


def fit(task, name="r_super"):
    method = find(name)
    method.module.fit(task, method.config({}))
    return read_landing(task.workdir)


@pytest.mark.parametrize(
    ("name", "predicted_by", "targets"),
    [
        ("r_super", "deep", {"pancreas", "kidney"}),
        ("r_super-volume_only", "deep", {"pancreas", "kidney"}),
        ("r_super-ball_only", "final", {"pancreas", "kidney"}),
        ("r_super-pancreas_only", "deep", {"pancreas"}),
        ("r_super-released_code", "deep", {"pancreas", "kidney"}),
    ],
)
def test_every_run_notes_the_regions_of_its_logged_steps(trained, collection, name, predicted_by, targets):
    task = trained(name, steps=8, log_every=3)
    lines = fit(task, name)
    log = (task.workdir / "model" / "log.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in log]
    assert sorted({line["step"] for line in lines}) == steps == [3, 6, 8]
    assert {line["target"] for line in lines} <= targets
    assert {line["predicted_by"] for line in lines} == {predicted_by}
    assert any(line["tumors"] for line in lines) == (name != "r_super-volume_only")
    for line in lines:
        stored = collection.stored[line["case_id"]]
        region = region_of(line, stored)
        assert int(region.sum()) == line["region_voxels"]
        whole = np.zeros(stored.index.shape, dtype=bool)
        box = tuple(slice(s, s + n) for s, n in zip(line["start"], line["size"], strict=True))
        whole[box] = region[tuple(slice(n) for n in whole[box].shape)]
        for tumor in line["tumors"] or []:
            assert len(tumor["voxels"]) == tumor["assigned"] <= tumor["requested"]
            assert whole.ravel()[tumor["voxels"]].all()


def test_interrupted_and_resumed_is_uninterrupted(trained, monkeypatch):
    schedule = {"steps": 7, "log_every": 2, "checkpoint_every": 3}
    whole = trained("r_super", **schedule)
    assert {line["step"] for line in fit(whole)} == {2, 4, 6, 7}
    parts = trained("r_super", "parts", **schedule)
    usual = ReportSampler.__call__
    for killed in (2, 5):  # before the first checkpoint, and after lines past it

        def until(self, step, killed=killed):
            if step == killed:
                raise KeyboardInterrupt
            return usual(self, step)

        monkeypatch.setattr(ReportSampler, "__call__", until)
        with pytest.raises(KeyboardInterrupt):
            fit(parts)
        with landing_log(parts.workdir).open("a") as log:
            log.write('{"step": 3, "ca')  # a line that the kill left torn
    monkeypatch.setattr(ReportSampler, "__call__", usual)
    fit(parts)
    assert landing_log(parts.workdir).read_bytes() == landing_log(whole.workdir).read_bytes()


def test_what_lands_on_the_truth_has_a_share_of_one(task_for, tmp_path, collection):
    task = task_for("r_super", tmp_path)
    sampler = ReportSampler(patch_source(task), [(c.stored, c.findings) for c in task.cohort.reports])
    seen_tumors = 0
    for batch in map(sampler, range(30)):
        found = []
        for row, (case, place) in enumerate(zip(batch.case_ids, batch.places, strict=True)):
            tumors = collection.withheld[case].tumors(place.start, batch.image.shape[2:])
            for channel, target in enumerate(task.targets):
                wanted = [r for r in batch.regions if (r.row, r.channel) == (row, channel) and r.tumors]
                truth = flipped(tumors == TUMOR_LABELS[target], place.mirrored)
                found.append((truth, wanted))
        made = tuple(truth_as_assignment(truth, len(wanted)) for truth, wanted in found)
        seen = Supervised("deep", torch.zeros(2, 2, *batch.image.shape[2:]), made)
        for line in landing_lines(batch, seen, task.targets):
            row = landing_row(line, collection.withheld[line["case_id"]])
            if line["tumors"]:
                seen_tumors += 1
                assert (row["share"], row["ceiling"]) == (1, 1)
                # 27 voxels of 6 x 6 x 5 in the head, 64 of 6 x 7 x 10 in the left kidney.
                assert row["chance"] in (27 / 180, 64 / 420)
                assert row["true_mm3"] in (27 * 64, 64 * 64)
            else:
                assert math.isnan(row["share"])
                assert row["reason"] == "the report has no tumor there"
    assert seen_tumors > 10


def truth_as_assignment(truth, tumors):
    """As if the (single) reported tumor had found exactly the true voxels."""
    number = int(truth.sum())
    return Assignment(
        torch.from_numpy(truth.astype(np.int32) * tumors),
        torch.zeros(truth.shape),
        torch.zeros(truth.shape, dtype=torch.bool),
        (number,) * tumors,
        torch.tensor([number] * tumors, dtype=torch.int64),
        torch.zeros(tumors, 3, dtype=torch.int64),
        (0.0,) * tumors,
    )
