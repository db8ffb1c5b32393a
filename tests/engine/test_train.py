import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from rsuper.config.experiment import Schedule
from rsuper.engine import checkpoint
from rsuper.engine.settings import Settings
from rsuper.engine.train import LOG, Stage, drop_lines_after, learning_rate, train
from rsuper.errors import ArtifactError, DataError
from tests.engine.scenes import Plan, digest, network, patches, plainly_trained, r_super, segmentation


@dataclass(frozen=True)
class Points:
    """Two points of a line, standing in for patches."""

    x: torch.Tensor
    case_ids: tuple[str, ...] = ("case_a", "case_b")
    mask_patches: int = 2
    report_patches: int = 1
    counts: Mapping[str, int] = field(default_factory=lambda: {"positive": 1})


def points(step):
    return Points(torch.randn(2, 3, generator=torch.Generator().manual_seed(step)))


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


def loss(network, batch):
    wrong = network(batch.x).squeeze(1) - batch.x.sum(1)
    return {"near": wrong.square().mean(), "far": 0.1 * wrong.abs().mean()}


def stage(steps=11, every=3, log_every=2, **settings):
    schedule = Schedule(
        stage1_steps=steps,
        steps=steps,
        learning_rate=0.01,
        stage1_learning_rate=0.01,
        checkpoint_every=every,
        log_every=log_every,
        **settings,
    )
    return Stage(steps, 0.01, schedule)


def lines(folder):
    """Log without the clock."""
    read = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in read]


def killed_at(step):
    def batches(asked):
        if asked == step:
            raise KeyboardInterrupt
        return points(asked)

    return batches


@pytest.mark.parametrize("killed", [(2,), (5,), (7, 10)])  # before the first checkpoint, between two, twice
def test_interrupted_and_resumed_is_uninterrupted(tmp_path, killed):
    whole, parts = model(), model()
    train(whole, points, loss, stage(), tmp_path / "whole")
    for step in killed:
        with pytest.raises(KeyboardInterrupt):
            train(model(), killed_at(step), loss, stage(), tmp_path / "parts")
        assert not checkpoint.is_finished(tmp_path / "parts")
    train(parts, points, loss, stage(), tmp_path / "parts")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, parts.state_dict()[name])
    assert lines(tmp_path / "parts") == lines(tmp_path / "whole")  # none missing, none twice
    summaries = [checkpoint.summary(tmp_path / name) for name in ("whole", "parts")]
    for summary in summaries:
        del summary["seconds"], summary["stall_seconds"]
    # 11 steps of 2 mask patches, 1 report patch and 1 supervised region.
    assert summaries[0] == {"step": 11, "mask_patches": 22, "report_patches": 11, "count:positive": 11}
    assert summaries[1] == summaries[0]


def test_a_torn_last_log_line_is_written_again(tmp_path):
    train(model(), points, loss, stage(), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(model(), killed_at(8), loss, stage(), tmp_path / "torn")
    with (tmp_path / "torn" / LOG).open("a") as log:
        log.write('{"step": 8, "lea')
    train(model(), points, loss, stage(), tmp_path / "torn")
    assert lines(tmp_path / "torn") == lines(tmp_path / "whole")


def test_a_finished_stage_returns_at_once(tmp_path):
    first, second = model(), nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    train(first, points, loss, stage(), tmp_path)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    assert set(before) == {
        "weights.pt",
        "training.json",
        ".training.json.sha256",
        LOG,
    }  # nothing left that only resuming needed

    def no_batch(step):
        raise AssertionError(f"step {step} of a finished stage")

    train(second, no_batch, loss, stage(), tmp_path)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()} == before
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_training_learns(tmp_path):
    train(model(), points, loss, stage(steps=200, log_every=50), tmp_path)
    log = lines(tmp_path)
    assert [line["step"] for line in log] == [50, 100, 150, 200]
    assert log[-1]["loss"] < 0.5 * log[0]["loss"]


def test_log_lines_are_means_and_the_loss_is_the_sum_of_its_terms(tmp_path):
    # The rate is too small to change a weight, and means can be computed from outside.
    train(model(), points, loss, Stage(3, 1e-30, stage(log_every=2).schedule), tmp_path)
    fixed = model()
    near = [loss(fixed, points(step))["near"].item() for step in range(3)]
    first, last = lines(tmp_path)
    assert (first["step"], last["step"]) == (2, 3)  # the last step is logged, whatever log_every says
    assert first["near"] == pytest.approx((near[0] + near[1]) / 2, abs=1e-5)
    assert last["near"] == pytest.approx(near[2], abs=1e-5)
    for line in (first, last):
        assert line["loss"] == pytest.approx(line["near"] + line["far"], abs=2e-6)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_names_term_step_and_cases(tmp_path, value):
    def broken(network, batch):
        terms = loss(network, batch)
        return terms if batch.x.sum() != points(4).x.sum() else {**terms, "far": terms["far"] * value}

    with pytest.raises(DataError, match=r"step 4: loss term\(s\) \['far'\] .* \['case_a', 'case_b'\]"):
        train(model(), points, broken, stage(), tmp_path)


def test_a_gradient_that_is_not_finite_is_an_error(tmp_path):
    def rooted(network, batch):
        return {"root": (network(batch.x) * 0).sum().sqrt()}  # value 0, slope infinite

    with pytest.raises(DataError, match="step 0: the gradient is not finite"):
        train(model(), points, rooted, stage(), tmp_path)


def test_gradients_are_clipped(tmp_path):
    start, after = model(), model()
    schedule = stage(weight_decay=0.0, clip_norm=1e-12).schedule
    train(after, points, loss, Stage(1, 0.01, schedule), tmp_path)
    # AdamW's first step is lr * g / (|g| + 1e-8): gradients far below 1e-8 hardly move anything.
    for a, b in zip(start.parameters(), after.parameters(), strict=True):
        assert (a - b).abs().max().item() < 1e-5


def test_one_cycle_by_hand():
    plan = stage(steps=100)
    # Rise: (step + 1) / (0.1 * 100 + 1) of 0.01; peak where a tenth is done; half cosine over the rest.
    assert learning_rate(0, plan) == pytest.approx(0.01 / 11)
    assert learning_rate(9, plan) == pytest.approx(0.01 * 10 / 11)
    assert learning_rate(10, plan) == pytest.approx(0.01)
    assert learning_rate(55, plan) == pytest.approx(0.005)  # halfway from 10 to 100
    assert 0 < learning_rate(99, plan) < 0.01 * 0.001
    rates = [learning_rate(step, plan) for step in range(100)]
    assert max(rates) == rates[10]


def test_warmup_poly_by_hand():
    plan = stage(steps=100, policy="warmup_poly")
    assert learning_rate(0, plan) == pytest.approx(0.01 * math.exp(-10))
    assert learning_rate(4, plan) == pytest.approx(0.01 * math.exp(10 * (0.8 - 1)))
    assert learning_rate(5, plan) == pytest.approx(0.01 * 0.95**0.9)
    assert learning_rate(50, plan) == pytest.approx(0.01 * 0.5**0.9)


def test_a_tensor_without_gradient_is_measured_and_not_minimized(tmp_path):
    def measured(network, batch):
        return {**loss(network, batch), "seen": torch.tensor(float(batch.mask_patches))}

    train(model(), points, loss, stage(), tmp_path / "plain")
    train(model(), points, measured, stage(), tmp_path / "measured")
    for plain, line in zip(lines(tmp_path / "plain"), lines(tmp_path / "measured"), strict=True):
        assert line.pop("seen") == 2
        assert line == plain
    with pytest.raises(ValueError, match=r"no term of the loss has a gradient, got \['seen'\]"):
        train(model(), points, lambda *_: {"seen": torch.zeros(())}, stage(), tmp_path / "none")


def test_log_lines_count_what_came_since_the_last(tmp_path):
    train(model(), points, loss, stage(), tmp_path)
    assert [line["count:positive"] for line in lines(tmp_path)] == [2, 2, 2, 2, 2, 1]


def test_an_error_of_the_loss_says_in_which_step(tmp_path):
    def broken(network, batch):
        raise DataError("case 'a' is not finite")

    with pytest.raises(DataError, match="step 0: case 'a' is not finite"):
        train(model(), points, broken, stage(), tmp_path)


# ------------------------------------------------------------------------------------ beyond the plain loop


@pytest.mark.parametrize("terms", [segmentation, r_super])
def test_without_settings_every_bit_is_the_plain_loops(tmp_path, terms):
    steps, rate, plan = 12, 0.01, Plan()
    expected = digest(plainly_trained(network(), patches, terms, steps, rate, plan))
    model = network()
    assert digest(model) != expected
    train(model, patches, terms, Stage(steps, rate, plan), tmp_path)
    assert digest(model) == expected


# What has no effect on weights has none.
@pytest.mark.parametrize(
    "settings", [Settings(check_every=5), Settings(workers=2), Settings(deterministic=True)]
)
def test_settings_that_change_no_weight(tmp_path, settings):
    plain, other = network(), network()
    train(plain, patches, segmentation, Stage(11, 0.01, Plan()), tmp_path / "plain")
    train(other, patches, segmentation, Stage(11, 0.01, Plan(), settings=settings), tmp_path / "other")
    assert digest(plain) == digest(other)
    assert lines(tmp_path / "plain") == lines(tmp_path / "other")


def test_losses_that_are_read_later_name_their_own_step_and_cases(tmp_path):
    def broken(network, batch):
        terms = loss(network, batch)
        return terms if batch.x.sum() != points(4).x.sum() else {**terms, "far": terms["far"] * math.nan}

    late = stage(steps=20, every=20, log_every=20)
    late = Stage(20, 0.01, late.schedule, settings=Settings(check_every=7))
    seen = []

    def batches(step):
        seen.append(step)
        return points(step)

    with pytest.raises(DataError, match=r"step 4: loss term\(s\) \['far'\] .* \['case_a', 'case_b'\]"):
        train(model(), batches, broken, late, tmp_path)
    assert seen[-1] == 6  # found when seven steps were done


def test_accumulation_by_hand(tmp_path):
    """Two batches per step: the mean of their losses, as one optimizer step on both would have it."""
    asked = []

    def batches(number):
        asked.append(number)
        return points(number % 1_000_003)

    plan = stage(steps=3, every=1, log_every=1).schedule
    train(model(), batches, loss, Stage(3, 0.01, plan, settings=Settings(accumulate=2)), tmp_path / "two")
    assert asked == [0, 2**32, 1, 1 + 2**32, 2, 2 + 2**32]

    def both(network, step):
        parts = [loss(network, batches(number)) for number in (step, step + 2**32)]
        return {name: (parts[0][name] + parts[1][name]) / 2 for name in parts[0]}

    expected = model()
    train(
        expected,
        lambda step: Numbered(step),
        lambda network, batch: both(network, batch.step),
        Stage(3, 0.01, plan),
        tmp_path / "one",
    )
    for one, two in zip(lines(tmp_path / "one"), lines(tmp_path / "two"), strict=True):
        assert two["near"] == pytest.approx(one["near"], abs=2e-6)
        assert two["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=1e-5)
    assert checkpoint.summary(tmp_path / "two")["mask_patches"] == 3 * 2 * 2


@dataclass(frozen=True)
class Numbered:
    step: int
    case_ids: tuple[str, ...] = ("case_a",)
    mask_patches: int = 2
    report_patches: int = 1
    counts: Mapping[str, int] = field(default_factory=dict)


def test_averaged_weights_predict_and_the_last_are_kept(tmp_path):
    plain, averaged = model(), model()
    train(plain, points, loss, stage(), tmp_path / "plain")
    average = Stage(11, 0.01, stage().schedule, settings=Settings(ema=0.5))
    train(averaged, points, loss, average, tmp_path / "ema")
    last = torch.load(tmp_path / "ema" / "weights_last.pt", weights_only=True)
    for name, tensor in plain.state_dict().items():
        assert torch.equal(last[name], tensor)  # the average watches, and changes nothing
    stored = torch.load(tmp_path / "ema" / "weights.pt", weights_only=True)
    for name, tensor in averaged.state_dict().items():
        assert torch.equal(stored[name], tensor)
        assert not torch.equal(stored[name], last[name])


@pytest.mark.parametrize("killed", [(5,), (7, 10)])
def test_averaged_weights_survive_a_kill(tmp_path, killed):
    average = Stage(11, 0.01, stage().schedule, settings=Settings(ema=0.9))
    whole, parts = model(), model()
    train(whole, points, loss, average, tmp_path / "whole")
    for step in killed:
        with pytest.raises(KeyboardInterrupt):
            train(model(), killed_at(step), loss, average, tmp_path / "parts")
    train(parts, points, loss, average, tmp_path / "parts")
    assert digest(whole) == digest(parts)


def validation(scores):
    """Scores in the order given; notes in which mode the network was asked."""
    left, modes = list(scores), []

    def validate(network):
        modes.append(network.training)
        return {"auc_pancreas": 0.5, "score": left.pop(0)}

    return validate, modes


@pytest.mark.parametrize(("keep", "step"), [("last", 11), ("best", 6)])
def test_validation_keeps_the_best_and_the_last(tmp_path, keep, step):
    snapshots = {}

    def watched(number):
        snapshots[number] = digest(network)
        return points(number)

    network = model()
    settings = Settings(validate_every=3, keep=keep)
    validate, modes = validation([0.6, 0.8, 0.8, 0.7])  # after 3, 6, 9 and the last, 11; of equals the first
    train(
        network,
        watched,
        loss,
        Stage(11, 0.01, stage().schedule, settings=settings),
        tmp_path,
        validate=validate,
    )
    assert modes == [False] * 4
    found = [json.loads(line) for line in (tmp_path / "validation.jsonl").read_text().splitlines()]
    assert [(line["step"], line["score"]) for line in found] == [(3, 0.6), (6, 0.8), (9, 0.8), (11, 0.7)]
    summary = checkpoint.summary(tmp_path)
    assert (summary["best_step"], summary["best_score"], summary["kept"]) == (6, 0.8, keep)
    best = model()
    checkpoint.load_weights(best, tmp_path / "weights_best.pt")
    assert digest(best) == snapshots[6]  # before its seventh step
    stored = model()
    checkpoint.load_weights(stored, tmp_path / "weights.pt")
    assert digest(stored) == digest(network)
    assert (digest(network) == digest(best)) == (step == 6)
    assert (tmp_path / "weights_last.pt").exists() == (keep == "best")


def test_an_interrupted_validation_is_done_again(tmp_path):
    settings = Settings(validate_every=2, keep="best")
    plan = Stage(11, 0.01, stage().schedule, settings=settings)

    def score(network):  # of the weights alone
        return {"score": float(next(network.parameters()).detach().sum())}

    whole, parts = model(), model()
    train(whole, points, loss, plan, tmp_path / "whole", validate=score)
    with pytest.raises(KeyboardInterrupt):
        train(model(), killed_at(5), loss, plan, tmp_path / "parts", validate=score)
    train(parts, points, loss, plan, tmp_path / "parts", validate=score)
    assert digest(whole) == digest(parts)
    logs = [(tmp_path / name / "validation.jsonl").read_text() for name in ("whole", "parts")]
    assert logs[0] == logs[1]


def test_what_a_kill_left_half_written_is_removed(tmp_path):
    (tmp_path / ".writing-abc.pt").write_bytes(b"half")
    train(model(), points, loss, stage(), tmp_path)
    assert not list(tmp_path.glob(".writing-*"))


def test_progress_says_how_fast_and_how_long(tmp_path, capsys):
    train(model(), points, loss, stage(), tmp_path)
    said = capsys.readouterr().err.strip()
    assert said.startswith("train: 11/11 steps (100%), ")
    for part in ("patches/s", "took 0:00:0", "resident", "GB", "waited for data"):
        assert part in said
    assert 0 <= checkpoint.summary(tmp_path)["stall_seconds"] <= checkpoint.summary(tmp_path)["seconds"]


def test_a_damaged_line_of_the_log_is_named(tmp_path):
    path, state = tmp_path / "model" / "log.jsonl", tmp_path / "model" / "state.pt"
    path.parent.mkdir()
    lines = [json.dumps({"step": step}) + "\n" for step in (5, 10, 15)]
    path.write_text("".join(lines) + '{"step": 2')  # the last was torn by a kill
    drop_lines_after(path, 10)
    assert path.read_text() == "".join(lines[:2])
    state.touch()
    for damaged in ('{"step" 5}\n', '{"stop": 5}\n', "5\n", '{"step": "5"}\n'):
        path.write_text(damaged + lines[1])
        with pytest.raises(
            ArtifactError, match=r"log\.jsonl: a line is damaged.*rm -f \S+log\.jsonl \S+state\.pt$"
        ):
            drop_lines_after(path, 10)
