"""What the benchmark compares computes the same."""

import itertools

import pytest
import torch

from benchmarks import engine
from rsuper.engine.settings import Settings


def test_both_loops_take_the_same_losses_in_turn(monkeypatch):
    original, seen = engine.loss, []

    def noted(model, batch):
        terms = original(model, batch)
        seen.append(sum(value.item() for value in terms.values()))
        return terms

    monkeypatch.setattr(engine, "loss", noted)
    bares, ours = engine.step_times(1, Settings())
    assert (len(bares), len(ours)) == (1, 1)
    assert len(seen) == 4
    assert seen[0] == seen[1]  # bare and ours, of the same weights
    # The bare loop keeps one learning rate, ours warms up.
    assert seen[2] == pytest.approx(seen[3], rel=0.5)


def test_calls_are_timed_in_turn_and_compared_within_a_round(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(engine.time, "process_time", lambda: float(next(clock)))
    order = []
    times = engine.in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 0.0, least=2)
    assert order == ["a", "b", "b", "a"]
    assert engine.ratios(times, "a") == {"a": (1, 1, 1), "b": (1, 1, 1)}
    assert engine.ratios({"a": [1.0, 2.0], "b": [3.0, 4.0]}, "a")["b"] == (2.5, 2.0, 3.0)


def test_predictions_agree_and_every_part_has_rows(monkeypatch):
    monkeypatch.setattr(engine, "VOLUME", (80, 48, 64))
    monkeypatch.setattr(engine, "CASES", 2)
    torch.manual_seed(0)
    rows = engine.predict_rows(0.0)
    assert [row["what"] for row in rows][-1] == "ours"
    assert rows[0]["largest_difference"] < 1e-4
