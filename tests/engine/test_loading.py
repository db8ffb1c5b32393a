import os
import time
from collections import Counter
from dataclasses import dataclass

import pytest
import torch

from rsuper.engine.loading import Loader, changed
from rsuper.engine.settings import Settings
from rsuper.networks.outputs import Outputs

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Made:
    number: int
    process: int
    image: torch.Tensor


def made(number):
    return Made(number, os.getpid(), torch.full((2, 3), float(number)))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_come_in_the_order_asked_for(workers):
    loader = Loader(made, [3, 2**32, 5, 4], Settings(workers=workers), CPU)
    batches = [next(loader).device for _ in range(4)]
    assert [batch.number for batch in batches] == [3, 2**32, 5, 4]
    assert all(torch.equal(batch.image, made(batch.number).image) for batch in batches)
    assert ({batch.process for batch in batches} == {os.getpid()}) == (workers == 0)


def test_workers_draw_nothing_from_the_global_generator():
    before = torch.get_rng_state()
    next(Loader(made, [0], Settings(workers=1), CPU))
    assert torch.equal(torch.get_rng_state(), before)


def test_time_without_data_is_measured():
    def slow(number):
        time.sleep(0.05)
        return made(number)

    loader = Loader(slow, range(6), Settings(), CPU)
    next(loader)
    assert loader.stall_s >= 0.05
    ahead = Loader(slow, range(6), Settings(workers=1, prefetch=4), CPU)
    next(ahead)
    time.sleep(0.5)  # the training computes, and batches are made
    before = ahead.stall_s
    for _ in range(3):
        next(ahead)
    assert ahead.stall_s - before < 0.05


def test_an_error_of_a_worker_is_the_trainings():
    def broken(number):
        raise ValueError("no such case")

    with pytest.raises(ValueError, match="no such case"):
        next(Loader(broken, [0], Settings(workers=1), CPU))


def test_every_tensor_of_a_batch_is_changed_and_nothing_else():
    counts, cases = Counter(a=1), ("case", 3)
    inner = made(1)
    batch = {"made": inner, "tensor": torch.zeros(2)}
    value = (batch, [Outputs(torch.zeros(1), None)], counts, cases)
    found = changed(value, lambda tensor: tensor + 1)
    assert found[0]["tensor"].tolist() == [1, 1]
    assert isinstance(found[1][0], Outputs)
    assert found[1][0].final.item() == 1
    assert found[2] is counts
    assert found[3] is cases
    assert changed(inner, lambda tensor: tensor) is inner
    assert changed(inner, lambda tensor: tensor + 1).image[0, 0] == 2
