from copy import deepcopy

import pytest
import torch
from monai.networks.nets import UNet
from torch.nn import functional

from rsuper.networks.unet import build_unet


def _size(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("in_channels", "out_channels"), [(1, 1), (2, 2)])
def test_both_outputs_are_on_the_grid_of_the_input(in_channels, out_channels):
    network = build_unet(in_channels, out_channels)
    image = torch.randn(2, in_channels, 32, 24, 28)
    for mode in (True, False):
        network.train(mode)
        outputs = network(image)
        assert outputs.final.shape == outputs.deep.shape == (2, out_channels, 32, 24, 28)


def test_number_of_parameters():
    # Convolutions of 27 taps with bias, then group norm (2 per channel):
    # down 1-8-16-32-64 and bottom 64-64: 27*(8 + 128 + 512 + 2048 + 4096) + 3*(8+16+32+64+64) = 183,384 + 552
    # up 128-32, 64-16, 32-8: 27*(4096 + 1024 + 256) + 3*(32+16+8) = 145,152 + 168; last 16-8: 3,456 + 8
    # head: norm 16, 8-1: 9; deep head 16-1: 17. Total 332,762.
    assert _size(build_unet(1, 1)) == 332_762


def test_deep_output_depends_on_half_resolution_features_only():
    network = build_unet(1, 1).eval()
    image = torch.randn(1, 1, 16, 16, 16)
    before = network(image)
    with torch.no_grad():
        for parameter in network.up[-1].parameters():  # the layer that makes the final output
            parameter.add_(1.0)
    after = network(image)
    assert torch.equal(before.deep, after.deep)
    assert not torch.equal(before.final, after.final)


def test_gradient_reaches_every_parameter_and_the_deep_head_skips_the_last_layers():
    network = build_unet(1, 1)
    outputs = network(torch.randn(1, 1, 16, 16, 16))
    outputs.deep.square().mean().backward(retain_graph=True)
    assert network.deep_head.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.up[-1].parameters())
    assert network.bottom.conv.weight.grad.abs().sum() > 0
    outputs.final.square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_cases_of_a_batch_do_not_influence_each_other():
    network = build_unet(1, 1)
    images = torch.randn(2, 1, 16, 16, 16)
    together, alone = network(images).final[:1], network(images[:1]).final
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_size_that_cannot_work_names_the_nearest_that_can():
    network = build_unet(1, 1)
    assert network.size_multiple == (8, 8, 4)
    with pytest.raises(ValueError, match=r"\(33, 24, 27\).*multiples of \(8, 8, 4\).*\(32, 24, 28\)"):
        network(torch.zeros(1, 1, 33, 24, 27))
    with pytest.raises(ValueError, match=r"nearest that can is \(8, 8, 4\)"):
        network(torch.zeros(1, 1, 2, 3, 1))
    network.check_patch((16, 8, 4))
    with pytest.raises(ValueError, match=r"\(16, 8, 6\) cannot work.*\(16, 8, 8\)"):
        network.check_patch((16, 8, 6))


def test_other_widths_and_strides():
    network = build_unet(1, 3, channels=(4, 8, 12), strides=((2, 2, 1), (2, 2, 2)))
    assert network(torch.zeros(1, 1, 8, 4, 6)).deep.shape == (1, 3, 8, 4, 6)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"channels": (8, 16)}, "channels"),
        ({"channels": (8, 16, 30, 64)}, "channels"),
        ({"strides": ((2, 2, 2),)}, "strides"),
        ({"strides": ((2, 2, 2), (2, 2, 2), (2, 2, 0))}, "strides"),
    ],
)
def test_wrong_options_are_named(options, name):
    with pytest.raises(ValueError, match=name):
        build_unet(1, 1, **options)
    with pytest.raises(ValueError, match="in_channels"):
        build_unet(0, 1)


def _monais(in_channels, channels, strides):
    """MONAI's U-Net with its layers in our order, and what its layer above half resolution gave last."""
    network = UNet(
        spatial_dims=3,
        in_channels=in_channels,
        out_channels=channels[0],
        channels=(*channels, channels[-1]),
        strides=((1, 1, 1), *strides),
        norm=("group", {"num_groups": 4}),
        act=("leakyrelu", {"negative_slope": 0.01, "inplace": True}),
    ).to(memory_format=torch.channels_last_3d)
    down, up, level = [], [], network.model
    for _ in channels:
        down.append(level[0])
        up.insert(0, level[2])
        level = level[1].submodule
    kept = []
    up[-3].register_forward_hook(lambda _, __, output: kept.append(output))
    return network, torch.nn.ModuleList([*down, *up, level]), kept


@pytest.mark.parametrize(
    ("in_channels", "channels", "strides"),
    [
        (1, (8, 16, 32, 64), ((2, 2, 2), (2, 2, 2), (2, 2, 1))),
        (2, (4, 8, 12), ((2, 2, 1), (1, 2, 2))),
        (1, (4, 4, 8, 8, 16), ((1, 2, 2), (2, 2, 2), (2, 1, 2), (2, 2, 1))),
        (3, (4, 8, 8), ((3, 2, 2), (2, 2, 3))),
    ],
)
def test_weights_outputs_and_gradients_equal_monais_to_the_bit(in_channels, channels, strides):
    torch.manual_seed(5)
    theirs, their_layers, kept = _monais(in_channels, channels, strides)
    after_theirs = torch.get_rng_state()
    torch.manual_seed(5)
    ours = build_unet(in_channels, 2, channels=channels, strides=strides)
    own = [*ours.down.parameters(), *ours.up.parameters(), *ours.bottom.parameters()]
    same = list(their_layers.parameters())
    assert all(torch.equal(a, b) for a, b in zip(own, same, strict=True))
    # The heads are drawn after it, and come after it in the list of parameters.
    heads = [*ours.head.parameters(), *ours.deep_head.parameters()]
    assert all(a is b for a, b in zip(ours.parameters(), [*own, *heads], strict=True))
    torch.set_rng_state(after_theirs)
    first = torch.nn.Conv3d(channels[0], 2, kernel_size=1)
    assert torch.equal(ours.head[2].weight, first.weight)

    image = torch.randn(2, in_channels, *(2 * step for step in ours.size_multiple))
    outputs = ours(image)
    head, deep_head = deepcopy(ours.head), deepcopy(ours.deep_head)
    final = head(theirs(image))
    assert torch.equal(outputs.final, final)
    deep = functional.interpolate(deep_head(kept[0]), size=image.shape[2:], mode="trilinear")
    assert torch.equal(outputs.deep, deep)
    for pair in ((outputs.final, outputs.deep), (final, deep)):
        (pair[0].square().mean() + pair[1].sigmoid().mean()).backward()
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(own, same, strict=True))


def test_tensors_have_clean_names():
    names = list(build_unet(1, 1).state_dict())
    assert names[:4] == ["down.0.conv.weight", "down.0.conv.bias", "down.0.norm.weight", "down.0.norm.bias"]
    assert "up.3.weight" in names
    assert {"head.2.weight", "deep_head.weight"} <= set(names)
