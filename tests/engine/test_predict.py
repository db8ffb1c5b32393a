import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from monai.data.utils import compute_importance_map
from monai.inferers import sliding_window_inference

from rsuper.config.experiment import Predict
from rsuper.engine.predict import importance_map, probability_map, window_places

PATCH = (8, 8, 4)


def constant(window):
    """Logits log 3 and -log 3: probabilities 3/4 and 1/4."""
    ones = torch.ones_like(window[:, :1])
    return torch.cat([ones * math.log(3), -ones * math.log(3)], dim=1)


def run(logits, shape, **settings):
    image = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    return image, probability_map(logits, image, PATCH, Predict(**settings), "cpu")


@pytest.mark.parametrize(
    "shape", [(8, 8, 4), (19, 11, 7), (5, 3, 2), (20, 3, 4)]
)  # the last two need padding
@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_a_constant_network_gives_a_constant_map(shape, overlap):
    _, probability = run(constant, shape, overlap=overlap, batch=3)
    assert probability.shape == (2, *shape)
    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability[0], 0.75, rtol=1e-6)
    np.testing.assert_allclose(probability[1], 0.25, rtol=1e-6)


@pytest.mark.parametrize("shape", [(19, 11, 7), (5, 3, 2)])
def test_every_voxel_keeps_its_place(shape):
    image, probability = run(lambda window: window, shape)
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-image)), rtol=1e-5)


def test_windows_have_the_size_of_training_and_are_padded_with_the_lowest_value():
    seen = []

    def recording(window):
        seen.append(window)
        return window

    image, _ = run(recording, (5, 3, 2))
    assert [tuple(window.shape) for window in seen] == [(1, 1, *PATCH)]
    values, counts = np.unique(seen[0].numpy(), return_counts=True)
    # 8 * 8 * 4 = 256 voxels, 30 of them image.
    assert counts[values == image.min()] == 256 - 30 + 1


def test_probabilities_are_averaged_where_windows_overlap():
    calls = []

    def alternating(window):
        calls.append(1)
        return torch.full_like(window, math.log(3) if len(calls) == 1 else -math.log(3))

    # 12 voxels along x in windows of 8, half overlapping: 0-7 with 3/4 and 4-11 with 1/4.
    _, probability = run(alternating, (12, 8, 4), overlap=0.5)
    line = probability[0, :, 0, 0]
    np.testing.assert_allclose(line, [0.75] * 4 + [0.5] * 4 + [0.25] * 4, rtol=1e-6)


def by_monai(logits, image, patch, predict):
    probabilities = sliding_window_inference(
        torch.from_numpy(image)[None],
        roi_size=patch,
        sw_batch_size=predict.batch,
        predictor=lambda window: torch.sigmoid(logits(window)),
        overlap=predict.overlap,
        mode=predict.blend,
        padding_mode="constant",
        cval=float(image[0].min()),
    )
    return probabilities[0].numpy()


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 20)] * 3),
    patch=st.tuples(*[st.integers(1, 9)] * 3),
    overlap=st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 2 / 3, 0.7]) | st.floats(0, 0.75),
    blend=st.sampled_from(["constant", "gaussian"]),
    batch=st.integers(1, 5),
    channels=st.integers(1, 2),
)
@example((5, 20, 4), (8, 8, 4), 0.5, "gaussian", 3, 2)  # padded, several windows, as large as the window
@example((20, 9, 13), (9, 9, 9), 0.5, "constant", 1, 1)  # an odd side: the step is rounded down
def test_equals_monai(shape, patch, overlap, blend, batch, channels):
    generator = np.random.default_rng(0)
    image = generator.normal(size=(channels, *shape)).astype(np.float32)
    places = torch.from_numpy(generator.normal(size=(2, *patch)).astype(np.float32))

    def logits(window):  # of what is there and of where in the window: other windows give other values
        return window[:, :1] * places + 3 * places.flip(0) + window.mean()

    predict = Predict(overlap=overlap, blend=blend, batch=batch)
    ours = probability_map(logits, image, patch, predict, "cpu")
    np.testing.assert_allclose(ours, by_monai(logits, image, patch, predict), rtol=0, atol=1e-6)


@pytest.mark.parametrize("patch", [(8, 8, 4), (5, 1, 33), (96, 64, 48)])
@pytest.mark.parametrize("blend", ["constant", "gaussian"])
def test_weights_of_a_window_are_monais(patch, blend):
    ours, theirs = importance_map(patch, blend, "cpu"), compute_importance_map(patch, blend)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)
    assert importance_map(patch, blend, "cpu") is ours  # computed once


def test_windows_by_hand():
    # Along x 12 voxels by steps of int(8 * 0.7) = 5: 0, then 4, where the last ends with the volume.
    windows = window_places((12, 8, 9), (8, 8, 4), 0.3)
    assert [tuple(axis.start for axis in window) for window in windows] == [
        (x, 0, z) for x in (0, 4) for z in (0, 2, 4, 5)
    ]
    assert all(
        axis.stop - axis.start == side
        for window in windows
        for axis, side in zip(window, (8, 8, 4), strict=True)
    )


def test_arguments_that_do_not_fit_are_named():
    image = np.zeros((1, 8, 8, 4), np.float32)
    with pytest.raises(ValueError, match=r"three positive sides.*patch \(8, 0, 4\)"):
        probability_map(constant, image, (8, 0, 4), Predict(), "cpu")
    with pytest.raises(ValueError, match=r"1 windows of \(8, 8, 4\) gave logits of shape \(1, 1, 4, 8, 4\)"):
        probability_map(lambda window: window[:, :, ::2], image, PATCH, Predict(), "cpu")


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5, 0.9])
def test_slabs_give_what_sums_over_the_whole_volume_give(overlap):
    image = np.random.default_rng(1).normal(size=(1, 23, 11, 9)).astype(np.float32)
    predict = Predict(overlap=overlap, blend="gaussian", batch=3)
    volume, weight = torch.from_numpy(image), importance_map(PATCH, "gaussian", "cpu")
    total, weights = torch.zeros(1, 23, 11, 9), torch.zeros(23, 11, 9)
    for place in window_places((23, 11, 9), PATCH, overlap):
        total[:, *place] += torch.sigmoid(volume[:, *place] * 2) * weight
        weights[place] += weight
    found = probability_map(lambda window: window * 2, image, PATCH, predict, "cpu")
    np.testing.assert_array_equal(found, (total / weights).clamp(0, 1).numpy())
