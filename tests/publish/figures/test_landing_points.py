import math

import numpy as np
import pytest
from long_forms import make_experiment

from rsuper.publish.figures.landing_points import (
    levels,
    part_of_run,
    ratio_points,
    share_points,
    shown_budgets,
)
from tests.publish.figures.landings import landed, no_truth, table, tumor_free, volumes_alone


def shares(rows, steps=100, draws=200):
    return share_points(table(rows), steps, draws=draws, generator=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("step", "steps", "part"),
    [(1, 100, 0), (10, 100, 0), (11, 100, 1), (100, 100, 9), (120, 100, 9), (1, 3, 0), (2, 3, 3), (3, 3, 6)],
)
def test_tenths_by_hand(step, steps, part):
    assert part_of_run(step, steps) == part


def test_shares_are_means_over_regions():
    rows = [landed(5, 0.2), landed(8, 0.4, seed=1), landed(8, 0.9), landed(100, 1.0), tumor_free(100)]
    first, last = shares([*rows, volumes_alone(50), no_truth(50)])
    assert (first.part, first.value, first.n) == (0, pytest.approx(0.5), 3)
    assert 0.2 <= first.low < 0.5 < first.high <= 0.9
    assert (last.part, last.value, last.low, last.high, last.n) == (9, 1, 1, 1, 1)
    assert shares([]) == shares([no_truth(1)]) == []


def test_the_same_generator_gives_the_same_bounds():
    rows = [landed(5, share) for share in (0.1, 0.4, 0.5, 0.9)]
    assert shares(rows) == shares(rows)


def test_ratios_are_quartiles():
    # Predicted 100, 200, 400, 800 and 1,600 of 1,000 mm3.
    rows = [landed(30, predicted_mm3=100.0 * 2**k) for k in range(5)]
    (point,) = ratio_points(table([*rows, tumor_free(30)]), 100)
    assert (point.part, point.low, point.value, point.high, point.n) == (2, 0.2, 0.4, 0.8, 5)
    (alone,) = ratio_points(table([volumes_alone(1), no_truth(2)]), 100)  # needs neither truth nor balls
    assert (alone.value, alone.n) == (0.5, 2)
    assert ratio_points(table([tumor_free(30)]), 100) == []


def test_levels_by_hand():
    rows = [landed(1, chance=0.1, ceiling=0.8), landed(2, chance=0.3, true_mm3=800.0), volumes_alone(3)]
    found = levels(table([*rows, tumor_free(4), no_truth(5)]))
    # True over reported: 1.2, 0.8, and 1.2 of the region without a ball.
    assert found == {"chance": pytest.approx(0.2), "ceiling": pytest.approx(0.9), "true": 1.2}
    assert all(math.isnan(value) for value in levels(table([no_truth(1)])).values())


def test_the_first_and_the_last_budget():
    many = {name: {"methods": ["r_super"]} for name in ("m4", "m8", "m16")}
    experiment = make_experiment(budgets=many)
    rows = [landed(1, budget=name) for name in ("m16", "m8", "m4")]
    assert shown_budgets(table(rows), experiment) == ["m4", "m16"]
    assert shown_budgets(table(rows[1:2]), experiment) == ["m8"]
    assert shown_budgets(table([]), experiment) == []
