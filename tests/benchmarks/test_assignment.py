"""The pieces of the assignment benchmark on made-up organs by hand, and the whole on a few real cases."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.assignment import (
    LEVELS,
    RULES,
    Level,
    assign,
    compare,
    count_summary,
    cut_region,
    differences,
    measure,
    probability_map,
    random_blobs,
    score,
    summary,
    volume_mm3,
)

SHAPE = (24, 22, 20)


def ball(center, radius):
    axes = np.stack(np.meshgrid(*[np.arange(side) for side in SHAPE], indexing="ij"), -1)
    return np.linalg.norm(axes - center, axis=-1) <= radius


@pytest.fixture
def region():
    """An organ with two tumors: balls of 4 and 2 voxels radius, 16 and 8 mm across at 2 mm."""
    organ = np.zeros(SHAPE, bool)
    organ[2:22, 2:20, 2:18] = True
    tumors = [ball((8, 8, 9), 4), ball((17, 14, 9), 2)]
    return cut_region(organ, tumors, [(18.0, 18.0, 18.0), (10.0, 10.0, 10.0)])


def test_region_is_cut_to_the_organ(region):
    assert region.organ.shape == (20, 18, 16)
    assert region.organ.all()
    assert [int(mask.sum()) for mask in region.tumors] == [257, 33]  # lattice points within 4 and 2
    assert region.truth.sum() == 257 + 33
    with pytest.raises(ValueError, match="organ is empty"):
        cut_region(np.zeros(SHAPE, bool), [], [])


def test_map_without_noise_and_blur_is_the_logit_of_the_mask(region):
    exact = probability_map(region.truth, region.organ, Level(0.0, 0.0), np.random.default_rng(0))
    # Logits 3 and -3: 1 / (1 + e^-3) = 0.952574 and 0.047426.
    np.testing.assert_allclose(exact[region.truth], 0.952574, atol=1e-6)
    np.testing.assert_allclose(exact[~region.truth], 0.047426, atol=1e-6)
    organ = region.organ.copy()
    organ[0] = False
    noisy = probability_map(region.truth, organ, LEVELS["hard"], np.random.default_rng(0))
    assert (noisy[0] == 0).all()
    assert 0 < noisy[organ].min() < noisy[organ].max() < 1
    again = probability_map(region.truth, organ, LEVELS["hard"], np.random.default_rng(0))
    np.testing.assert_array_equal(noisy, again)


def test_noise_has_the_stated_spread(region):
    empty = np.zeros_like(region.organ)
    noisy = probability_map(empty, region.organ, Level(0.0, 2.0), np.random.default_rng(0))
    logits = np.log(noisy / (1 - noisy))
    assert logits.std() == pytest.approx(2.0)
    assert logits.mean() == pytest.approx(-3.0, abs=0.5)


def test_volumes_of_the_rules():
    mask = ball((8, 8, 9), 4)
    # pi/6 18^3 = 3053.628; one diameter's factor is 0.607; 257 voxels of 8 mm3.
    assert volume_mm3(mask, [18.0], "paper") == pytest.approx(3053.628, abs=1e-3)
    assert volume_mm3(mask, [18.0], "released") == volume_mm3(mask, [18.0], "paper")
    assert volume_mm3(mask, [18.0], "calibrated") == pytest.approx(0.607 * 3053.628, abs=1e-3)
    assert volume_mm3(mask, [18.0], "true") == 2056.0


def test_a_sharp_map_and_the_true_volume_give_the_truth(region):
    sharp = probability_map(region.truth, region.organ, Level(0.0, 0.0), np.random.default_rng(0))
    assignment = assign(sharp, region, 3, "true")
    found = score(assignment, region, 3, "true", np.random.default_rng(0))
    assert found["voxels"] == found["true_voxels"] == 290
    assert found["dice"] == found["inside"] == found["ceiling_dice"] == found["ceiling_inside"] == 1.0
    # 290 random ones of 20 * 18 * 16 = 5760 voxels: 290 / 5760 of them are tumor, and so is Dice.
    assert found["chance_dice"] == found["chance_inside"] == pytest.approx(290 / 5760)


def test_numbers_of_voxels_by_rule(region):
    sharp = probability_map(region.truth, region.organ, Level(0.0, 0.0), np.random.default_rng(0))
    numbers = {rule: assign(sharp, region, 1, rule).assigned.tolist() for rule in RULES}
    # pi/6 18^3 / 8 = 381.7, pi/6 10^3 / 8 = 65.4
    assert numbers["paper"] == [382, 65]
    # times 0.607: 231.7, 39.7
    assert numbers["calibrated"] == [232, 40]
    # 9 and 5 voxels are odd: radius 4.5 and 2.5 hold 389 and 81 lattice points; less one, times 0.8.
    assert numbers["released"] == [round(0.8 * 388), round(0.8 * 80)]


def test_assigned_voxels_lie_under_the_ceiling_and_in_its_balls(region):
    for row in compare(region, np.random.default_rng(3)):
        assert row["dice"] <= row["ceiling_dice"] + 1e-12
        assert row["inside"] <= row["ceiling_inside"] + 1e-12
        assert row["ceiling_dice"] <= 2 * min(row["voxels"], 290) / (row["voxels"] + 290) + 1e-12


def test_ceiling_by_hand_where_the_ball_is_elsewhere(region):
    # All probability around (12, 12, 7): the large tumor's ball of 18 + 2 mm is centered there.
    wrong = ball((12, 12, 7), 1)[: region.organ.shape[0], : region.organ.shape[1], : region.organ.shape[2]]
    alone = cut_region(region.organ, region.tumors[:1], region.diameters_mm[:1])
    assignment = assign(wrong.astype(np.float64), alone, 1, "true")
    (center,) = assignment.centers
    held = np.linalg.norm(np.argwhere(alone.truth) - center, axis=1) <= 5
    found = score(assignment, alone, 1, "true", np.random.default_rng(0))
    assert found["ceiling_inside"] == pytest.approx(held.sum() / 257)
    assert found["ceiling_dice"] == pytest.approx(held.sum() / 257)
    assert found["dice"] <= found["ceiling_dice"]


def test_blobs_are_compact_and_apart():
    organ = np.ones(SHAPE, bool)
    blob = random_blobs(organ, [33], np.random.default_rng(1))
    places = np.argwhere(blob)
    assert len(places) == 33
    assert np.linalg.norm(places - places.mean(axis=0), axis=1).max() < 5
    assert random_blobs(organ, [200, 0, 100], np.random.default_rng(1)).sum() == 300
    assert random_blobs(organ, [organ.sum()], np.random.default_rng(1)).all()


def test_tables_of_two_regions(region):
    rng = np.random.default_rng(0)
    rows = [
        {"source": "kits19", "patient_id": patient, "organ": "kidney_left"} | row
        for patient in ("A", "B")
        for row in compare(region, rng)
    ]
    frame = pd.DataFrame(rows)
    assert len(frame) == 2 * 3 * 3 * 4  # patients, levels, numbers of diameters, rules
    dice = summary(frame, "dice")
    assert dice.shape == (9, len(RULES) + 3 + 3)
    chosen = frame[(frame["level"] == "hard") & (frame["diameters"] == 2) & (frame["rule"] == "released")]
    assert dice.loc[("kits19", "hard", 2), "released"] == pytest.approx(chosen["dice"].mean())
    assert summary(frame, "inside").shape == (9, len(RULES) + 3 + 2)
    assert count_summary(frame).loc[("kits19", 1), "true"] == 1.0
    assert list(differences(frame, rng).columns) == ["level", "diameters", "patients", *RULES[1:]]


@pytest.mark.real
def test_a_few_real_cases_are_far_above_chance(real):
    frame = pd.DataFrame(measure(real, 1))
    assert set(frame["source"]) == {"kits19", "kits23", "panorama"}
    assert frame["patient_id"].nunique() == 3
    easy = frame[(frame["level"] == "easy") & (frame["rule"] == "true")]
    assert easy["dice"].min() > 0.6
    assert (easy["dice"] > easy["chance_dice"] + 0.3).all()
    assert (frame["dice"] <= frame["ceiling_dice"] + 1e-12).all()
