"""docs/figures/losses.py: the figures are made, and what they plot is what the losses say."""

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from docs.figures.losses import (
    FIGURES,
    FOLDER,
    MARGIN_MM,
    SHAPE,
    SPACING_MM,
    assign,
    ball_figure,
    respond,
    scene,
    volume_figure,
    write_figures,
)
from rsuper.losses.volume_curve import dead_zone


@pytest.fixture(scope="module")
def example():
    return scene()


@pytest.fixture(scope="module")
def made(example):
    return assign(example)


def test_figures_are_made(tmp_path):
    write_figures(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(FIGURES)
    for name in FIGURES:
        assert imread(tmp_path / "new" / name).shape[1] == 960
        for folder in (tmp_path / "new", FOLDER):
            assert 10_000 < (folder / name).stat().st_size < 150_000


def test_volume_figure_plots_the_loss():
    upper, lower = volume_figure().axes
    predicted, loss = (np.asarray(values) for values in upper.lines[0].get_data())
    gradient = np.asarray(lower.lines[0].get_ydata())
    low, high = dead_zone(1000.0, 0.1)
    free = (predicted > low + 0.5) & (predicted < high - 0.5)
    assert free.sum() == 208  # 901 to 1108
    assert (loss[free] == 0).all()
    assert (gradient[free] == 0).all()
    assert (loss[(predicted < low - 0.5) | (predicted > high)] > 0).all()
    assert (gradient[predicted < low - 0.5] < 0).all()
    assert (gradient[predicted > high] > 0).all()
    assert {text.get_text().strip() for text in upper.texts} == {"900", "1,108.7"}
    assert (np.diff(upper.lines[2].get_ydata()) > 0).all()  # reported 0: lowest at 0


def test_first_ball_is_the_best_one(example, made):
    response, center = respond(example)
    assert made.centers[0] == center
    inside = torch.where(example.organ, response, -1.0)
    assert response[center] == pytest.approx(inside.max().item())


def test_assignment_of_the_example(example, made):
    voxel_mm3 = np.prod(SPACING_MM)
    assert made.statuses == ("assigned", "assigned")
    assert made.requested == tuple(round(tumor.volume_mm3 / voxel_mm3) for tumor in example.tumors)
    for k, (tumor, center) in enumerate(zip(example.tumors, made.centers, strict=True)):
        voxels = (made.labels == k + 1).nonzero()
        assert len(voxels) == made.requested[k]
        away = (voxels - torch.tensor(center)) * torch.tensor(SPACING_MM)
        assert away.norm(dim=1).max() <= (tumor.diameter_mm + MARGIN_MM) / 2 + 1e-4
        assert example.organ[tuple(voxels.T)].all()


def test_ball_figure_draws_the_assignment(example, made):
    middle = (slice(None), slice(None), SHAPE[2] // 2)
    assigned, penalized = ball_figure().axes[2:4]
    labels = assigned.images[1].get_array()
    assert np.array_equal(labels.filled(0), made.labels[middle].T.numpy())
    background, border, weight = (
        np.ma.filled(image.get_array(), 0).astype(bool) for image in penalized.images[1:]
    )
    tumor = made.labels[middle].T.numpy() > 0
    cut = example.cut_organ[middle].T.numpy()
    assert np.array_equal(weight, tumor)
    assert np.array_equal(border, made.border[middle].T.numpy())
    assert np.array_equal(background, ~tumor & ~border & ~cut)
    assert cut.any()
