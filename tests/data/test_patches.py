import numpy as np
import pytest

from rsuper.config.experiment import Augment, Network, Preprocess
from rsuper.data.patches import (
    flip_axes,
    flipped,
    input_channels,
    network_input,
    normalized,
    perturbed,
    start_around,
    start_covering,
    whole_input,
)
from rsuper.data.store import CaseIndex

SIZE, SHAPE = (8, 8, 8), (20, 20, 6)  # thinner than the patch along z


def starts(draw, count=200):
    return np.array([draw(np.random.default_rng(seed)) for seed in range(count)])


def test_a_covering_patch_covers_and_stays_inside():
    low, high = (1, 10, 2), (6, 18, 5)
    drawn = starts(lambda rng: start_covering((low, high), SIZE, SHAPE, rng))
    # x: from max(6 - 8, 0) = 0 to min(1, 20 - 8) = 1; y: 18 - 8 = 10 to min(10, 12) = 10.
    assert set(drawn[:, 0]) == {0, 1}
    assert set(drawn[:, 1]) == {10}
    # z: the volume is smaller than the patch, which starts anywhere from 5 - 8 to 2 and is padded.
    assert drawn[:, 2].min() == -3
    assert drawn[:, 2].max() == 2


def test_no_patch_covers_a_larger_box():
    rng = np.random.default_rng(0)
    assert start_covering(((0, 0, 0), (9, 2, 2)), SIZE, SHAPE, rng) is None
    assert start_covering(((0, 0, 0), (8, 8, 2)), SIZE, SHAPE, rng) is not None


def test_a_patch_around_a_voxel_holds_it():
    drawn = starts(lambda rng: start_around((10, 19, 3), SIZE, SHAPE, rng))
    # x: 10 - 4 = 6, shifted by at most int(0.5 * 8 / 2) = 2; y: held inside at 20 - 8 = 12; z: no room.
    assert set(drawn[:, 0]) == {4, 5, 6, 7, 8}
    assert set(drawn[:, 1]) == {12}
    assert set(drawn[:, 2]) == {0}


def index(mean_hu=50.0, std_hu=25.0):
    return CaseIndex("c", (2, 2, 2), (1.0, 1.0, 1.0), mean_hu, std_hu, {}, {})


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("window", [-1, -1, 0, 1]),  # (80 - 80) / 120 = 0
        ("zscore", [-3.6, -3.6, 1.2, 6.0]),  # (-40 - 50) / 25, (80 - 50) / 25, (200 - 50) / 25
    ],
)
def test_normalization_by_hand(how, expected):
    ct = np.array([-1024, -40, 80, 900], np.int16).reshape(4, 1, 1)
    settings = Preprocess(clip_hu=(-40, 200), normalize=how)
    image = normalized(ct, index(), settings)
    np.testing.assert_allclose(image.ravel(), expected, rtol=1e-6)
    assert image.dtype == np.float32


def test_the_network_sees_organs_only_where_asked():
    organs = np.array([0, 2, 4, 6], np.uint8).reshape(4, 1, 1)
    image = np.ones((4, 1, 1), np.float32)
    alone, beside = Network(patch=SIZE), Network(patch=SIZE, inputs="ct+organs")
    assert (input_channels(alone), input_channels(beside)) == (1, 3)
    assert network_input(image, organs, alone).shape == (1, 4, 1, 1)
    np.testing.assert_array_equal(
        network_input(image, organs, beside)[..., 0, 0], [[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, 1]]
    )


def test_the_whole_input_is_that_of_patches(collection, experiment):
    stored = collection.stored["tiny_R1"]
    whole = whole_input(stored, experiment.preprocess, experiment.network)
    assert whole.shape == (1, 40, 32, 32)
    patch = normalized(stored.ct((3, 4, 5), (8, 8, 8)), stored.index, experiment.preprocess)
    np.testing.assert_array_equal(whole[0, 3:11, 4:12, 5:13], patch)


def test_mirroring():
    array = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    np.testing.assert_array_equal(flipped(array, (0, 2)), array[::-1, :, ::-1])
    assert flipped(array, ()) is array
    drawn = [flip_axes(Augment(flips=("x", "z")), np.random.default_rng(seed)) for seed in range(200)]
    assert set(drawn) == {(), (0,), (2,), (0, 2)}
    assert flip_axes(Augment(), np.random.default_rng(0)) == ()


def test_intensity_changes_stay_in_their_range():
    image = np.ones((6, 6, 6), np.float32)
    np.testing.assert_array_equal(perturbed(image, Augment(), np.random.default_rng(0)), image)
    for seed in range(20):
        changed = perturbed(image, Augment(gain=0.1, offset=0.2), np.random.default_rng(seed))
        assert np.ptp(changed) == 0
        assert abs(changed[0, 0, 0] - 1) <= 0.3 + 1e-6
    noisy = [perturbed(image, Augment(noise=0.5), np.random.default_rng(seed)).std() for seed in range(20)]
    assert 0.2 < max(noisy) < 0.6
