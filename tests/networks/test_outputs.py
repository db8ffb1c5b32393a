import pytest
import torch

from rsuper.networks.build import build_network
from rsuper.networks.outputs import SegmentationNetwork


class Boxes(SegmentationNetwork):
    size_multiple = (8, 4, 1)
    smallest_size = (16, 4, 3)


@pytest.mark.parametrize("size", [(16, 4, 3), (24, 8, 5), (160, 100, 7)])
def test_sizes_that_work(size):
    Boxes().check_patch(size)


@pytest.mark.parametrize(
    ("size", "nearest"),
    [
        ((8, 4, 3), "(16, 4, 3)"),  # a multiple, but too small
        ((19, 4, 3), "(16, 4, 3)"),
        ((20, 6, 2), "(24, 8, 3)"),  # 20 is as near to 16 as to 24: the larger
        ((1, 1, 1), "(16, 4, 3)"),
    ],
)
def test_other_sizes_are_refused_with_the_nearest_that_works(size, nearest):
    with pytest.raises(ValueError, match="cannot work") as caught:
        Boxes().check_patch(size)
    message = str(caught.value)
    assert message.startswith(f"patch size {size} ")
    assert "multiples of (8, 4, 1) and at least (16, 4, 3)" in message
    assert message.endswith(f"the nearest that can is {nearest}")


@pytest.mark.parametrize(
    ("name", "options", "patch"),
    [("unet", {"channels": (4, 8, 8, 8)}, (16, 16, 8)), ("medformer", {"preset": "eighth"}, (32, 32, 48))],
)
def test_the_way_to_the_coarse_features_is_the_same_with_and_without_the_decoder(name, options, patch):
    network = build_network(name, 1, 2, **options)
    image = torch.randn(2, 1, *patch)
    outputs, coarse = network.with_coarse(image)
    assert torch.equal(network.coarse(image), coarse)
    assert torch.equal(network(image).final, outputs.final)
    used = torch.autograd.grad(
        network.coarse(image).sum(), list(network.parameters()), allow_unused=True, materialize_grads=False
    )
    of_heads = [
        gradient
        for (weight, _), gradient in zip(network.named_parameters(), used, strict=True)
        if weight.startswith(network.heads)
    ]
    assert of_heads == [None] * 4
    with pytest.raises(ValueError, match="patch size"):
        network.coarse(torch.randn(1, 1, 5, 16, 16))
