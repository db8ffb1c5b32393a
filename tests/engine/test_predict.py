import math

import numpy as np
import pytest
import torch

from rsuper.config.experiment import Predict
from rsuper.engine.predict import probability_map

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
