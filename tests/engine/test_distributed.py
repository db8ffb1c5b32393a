"""Two processes compute the loss and the gradient of one."""

import json
import math
import sys
from contextlib import suppress

import pytest
import torch
from torch import nn

from rsuper.engine import checkpoint, distributed
from rsuper.engine.train import Stage, train
from rsuper.errors import ConfigError, DataError
from rsuper.losses.contrastive import contrastive_loss
from rsuper.losses.presence import presence_loss
from rsuper.losses.restoration import restoration_loss
from rsuper.losses.segmentation import segmentation_loss
from tests.engine.scenes import Patches, Plan, digest, network, patches
from tests.processes import run_together


def rows(count):
    """This process's part of `count` rows: the first process has one, the second the rest."""
    return slice(0, 1) if distributed.rank() == 0 else slice(1, count)


def test_alone_everything_is_as_it_is():
    value = torch.randn(3, requires_grad=True)
    assert distributed.total(value) is value
    assert distributed.gathered(value) is value
    assert distributed.everybodys("a") == ["a"]
    assert distributed.counted({"a": 2}) == {"a": 2}
    assert (distributed.number(), distributed.rank(), distributed.is_leader()) == (1, 0, True)
    with distributed.together(), distributed.leader_first():
        distributed.barrier()


def in_two(loss, tensors, tmp_path):
    """Loss and gradients of a linear model, by one process and by two with uneven shares."""

    def gradients(own, total, gathered):
        torch.manual_seed(0)
        model = nn.Linear(3, 3).double()
        value = loss(model, *[tensor[own] for tensor in tensors], total, gathered)
        value.backward()
        distributed.average_gradients(model)
        return value.detach(), [each.grad.clone() for each in model.parameters()]

    def alone(value):
        return value

    expected = gradients(slice(None), alone, alone)

    def work():
        found = gradients(rows(len(tensors[0])), distributed.total, distributed.gathered)
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)

    run_together(work, tmp_path)


def random(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


def test_infonce_compares_across_processes(tmp_path):
    def loss(model, images, texts, total, gathered):
        vectors = model(images)
        return contrastive_loss(vectors, texts, centered=True, gathered=gathered).double()

    in_two(loss, (random(4, 3), random(4, 3)), tmp_path)


def test_presence_and_restoration_weigh_every_patch_alike(tmp_path):
    labels, known = random(5, 3) > 0, random(3, 5).T > -0.5

    def loss(model, images, present, labelled, total, gathered):
        return presence_loss(model(images), present, labelled, total=total).double()

    in_two(loss, (random(5, 3), labels, known), tmp_path / "presence")

    def restoring(model, images, original, total, gathered):
        restored = model(images)[:, None, None, None]
        return restoration_loss(restored, original[:, None, None, None], total=total).double()

    in_two(restoring, (random(5, 3), random(5, 3)), tmp_path / "restoration")


def test_dice_is_one_over_all_patches_and_unknown_voxels_do_not_count(tmp_path):
    tumor, known = random(4, 3) > 0.3, random(3, 4).T > -1

    def loss(model, images, truth, counts, total, gathered):
        logits = model(images)[:, :, None, None, None]
        truth, counts = (each[:, :, None, None, None] for each in (truth, counts))
        return sum(segmentation_loss(logits, truth, counts, total=total).values()).double()

    in_two(loss, (random(4, 3), tumor, known), tmp_path)


def test_training_together_is_training_alone(tmp_path):
    def loss(model, batch):
        final, _ = model(batch.image)
        return segmentation_loss(final, batch.tumor, batch.known, total=distributed.total)

    def share(step):
        whole, own = patches(step), rows(2)
        if distributed.number() == 1:
            own = slice(None)
        kept = [whole.image[own], whole.tumor[own], whole.known[own]]
        cases = whole.case_ids[own]
        return Patches(*kept, cases, mask_patches=len(cases), report_patches=0, counts={"seen": len(cases)})

    stage = Stage(7, 0.01, Plan(log_every=1))
    train(network(), share, loss, stage, tmp_path / "one")

    def work():
        torch.manual_seed(distributed.rank())  # weights differ: the leader's are everybody's
        model = network() if distributed.is_leader() else network().apply(spoil)
        train(model, share, loss, stage, tmp_path / "two")
        (tmp_path / f"hash-{distributed.rank()}").write_text(digest(model))

    run_together(work, tmp_path / "join")
    assert (tmp_path / "hash-0").read_text() == (tmp_path / "hash-1").read_text()
    one, two = (checkpoint.summary(tmp_path / name) for name in ("one", "two"))
    for summary in (one, two):
        del summary["seconds"], summary["stall_seconds"]
    assert one == two == {"step": 7, "mask_patches": 14, "report_patches": 0, "count:seen": 14}
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("one", "two")]
    for first, second in zip(*logs, strict=True):
        lines = [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in (first, second)]
        assert lines[0] == pytest.approx(lines[1], rel=1e-5, abs=1e-5)
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == sorted(
        path.name for path in (tmp_path / "one").iterdir()
    )


def test_a_loss_that_is_not_finite_in_one_process_stops_all_and_names_its_cases(tmp_path):
    def loss(model, batch):
        final, _ = model(batch.image)
        terms = segmentation_loss(final, batch.tumor, batch.known, total=distributed.total)
        return terms if distributed.is_leader() else {**terms, "dice": terms["dice"] * math.nan}

    def work():
        whole, own = patches(0), rows(2)
        kept = [whole.image[own], whole.tumor[own], whole.known[own]]
        cases = whole.case_ids[own]
        batch = Patches(*kept, cases, mask_patches=len(cases), report_patches=0, counts={})
        with pytest.raises(DataError) as caught:
            train(network(), lambda _: batch, loss, Stage(2, 0.01, Plan()), tmp_path / "two")
        (tmp_path / f"said-{distributed.rank()}").write_text(f"{caught.value} | {list(cases)}")

    run_together(work, tmp_path / "join")
    leader, other = ((tmp_path / f"said-{rank}").read_text() for rank in (0, 1))
    assert leader.startswith(
        "step 0: loss term(s) ['dice'] not finite in another process, whose message names"
    )
    message, cases = other.split(" | ")
    assert message == f"step 0: loss term(s) ['dice'] not finite for cases {cases}"


def spoil(module):
    for parameter in module.parameters(recurse=False):
        parameter.data.zero_()


def test_a_state_is_continued_by_as_many_processes(tmp_path):
    def loss(model, batch):
        return segmentation_loss(model(batch.image), batch.tumor, batch.known, total=distributed.total)

    def interrupted(step):
        if step == 4:
            raise KeyboardInterrupt
        return patches(step)

    stage, out = Stage(7, 0.01, Plan()), tmp_path / "run"

    def half():
        with suppress(KeyboardInterrupt):
            train(network("dropout"), interrupted, loss, stage, out)

    def rest():
        train(network("dropout"), patches, loss, stage, out)

    def whole():
        train(network("dropout"), patches, loss, stage, tmp_path / "whole")

    def seeded(work):
        def own():
            torch.manual_seed(10 + distributed.rank())  # each drops out other features
            work()

        return own

    for name, work in (("half", seeded(half)), ("rest", rest), ("whole", seeded(whole))):
        run_together(work, tmp_path / name)
    found, expected = (
        torch.load(folder / "weights.pt", weights_only=True) for folder in (out, tmp_path / "whole")
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_the_launcher_starts_processes_that_train_together(tmp_path):
    distributed.launch(report_ranks, (str(tmp_path),), 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0-of-2-sum-3.0", "1-of-2-sum-3.0"]


def report_ranks(folder):
    from pathlib import Path

    with distributed.together():
        total = distributed.total(torch.tensor(float(distributed.rank() + 1)))
        name = f"{distributed.rank()}-of-{distributed.number()}-sum-{total.item()}"
        (Path(folder) / name).touch()


def test_no_process_is_no_training():
    with pytest.raises(ConfigError, match="0 processes cannot train together"):
        distributed.launch(sys.exit, (), 0)
