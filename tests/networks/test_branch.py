import pytest
import torch

from rsuper.networks.branch import PooledReadOut, SummaryBranch, branch_of
from rsuper.networks.build import build_network


@pytest.mark.parametrize("out_width", [2, 14, 768])
def test_on_the_papers_network_it_has_the_parameters_of_the_authors_branch(out_width):
    branch = SummaryBranch(320, out_width)
    assert sum(p.numel() for p in branch.parameters()) == 1_913_248 + 65 * out_width


@pytest.mark.parametrize(
    ("name", "options", "patch", "halved"),
    [
        ("unet", {"channels": (4, 8, 8, 8)}, (16, 16, 16), False),  # a grid of 2 x 2 x 4
        ("unet", {"channels": (8, 24, 48, 96)}, (32, 24, 28), False),  # 4 x 3 x 7
        ("unet", {"channels": (4, 8, 8, 8)}, (32, 32, 16), True),  # 4 x 4 x 4
        ("medformer", {"preset": "eighth"}, (32, 32, 32), False),
        ("medformer", {"preset": "eighth"}, (64, 64, 64), True),
    ],
)
def test_it_fits_every_network_and_learns_from_it(name, options, patch, halved):
    network = build_network(name, 1, 2, **options)
    branch = branch_of(network, patch, 3)
    assert (type(branch.merge).__name__ == "PatchMerging") == halved
    _, coarse = network.with_coarse(torch.randn(2, 1, *patch))
    assert coarse.shape[1] == network.coarse_width
    vectors = branch(coarse)
    assert vectors.shape == (2, 3)
    vectors.square().sum().backward()
    # Every part but the attention's way back to the map, which nothing reads, has a gradient.
    without = {n for n, p in branch.named_parameters() if p.grad is None or not p.grad.any()}
    assert all("map_out" in n or "features_in" in n for n in without)
    reached = [p for p in network.parameters() if p.grad is not None and p.grad.any()]
    assert len(reached) > 5  # it teaches the encoder


@pytest.mark.parametrize("preset", ["paper", "half", "quarter", "eighth"])
@pytest.mark.parametrize(("side", "grid"), [(32, 2), (64, 4), (128, 8)])
def test_widths_follow_every_preset(preset, side, grid):
    network = build_network("medformer", 1, 2, preset=preset)
    branch = branch_of(network, (side, side, side), 5)
    vectors = branch(torch.randn(2, network.coarse_width, grid, grid, grid))
    assert vectors.shape == (2, 5)
    assert torch.isfinite(vectors).all()
    if preset == "paper" and side > 32:
        assert sum(p.numel() for p in branch.parameters()) == 1_913_248 + 65 * 5


def test_a_patch_that_the_network_refuses():
    network = build_network("unet", 1, 2, channels=(4, 8, 8, 8))
    with pytest.raises(ValueError, match="patch size"):
        branch_of(network, (15, 16, 16), 2)


def test_the_pooled_read_out_sees_one_position_among_many():
    read_out = PooledReadOut(3, 4)
    coarse = torch.zeros(2, 3, 4, 4, 4)
    coarse[1, 2, 1, 3, 0] = 2.0
    mean, highest = read_out.head.weight[:, 2], read_out.head.weight[:, 5]
    vectors = read_out(coarse)
    assert torch.allclose(vectors[0], read_out.head.bias)
    assert torch.allclose(vectors[1] - vectors[0], mean * 2 / 64 + highest * 2)
