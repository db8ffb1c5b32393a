import pytest
import torch
import torch.nn.functional as F

from rsuper.networks.convolutions import (
    BasicBlock,
    MBConv,
    PatchMerging,
    SeparableConv,
    activate,
    normalize,
    upsample,
)


def size_of(module):
    return sum(parameter.numel() for parameter in module.parameters())


def unit(features, eps):
    """Zero mean, unit variance per case and channel, from the definition."""
    centered = features - features.mean(dim=(2, 3, 4), keepdim=True)
    return centered / (centered.square().mean(dim=(2, 3, 4), keepdim=True) + eps).sqrt()


@pytest.fixture
def features():
    torch.manual_seed(0)
    return torch.randn(2, 4, 4, 6, 2, dtype=torch.float64) * 3 + 1


def test_normalization_by_hand():
    # Mean 2, variance ((1)^2 + (1)^2) / 2 = 1: -1 and 1, but for the epsilon.
    values = torch.tensor([1.0, 3.0]).view(1, 1, 2)
    torch.testing.assert_close(normalize(values).flatten(), torch.tensor([-1.0, 1.0]))


def test_epsilons_of_normalization_and_activation():
    small = torch.tensor([0.0, 0.02], dtype=torch.float64).view(1, 1, 2, 1, 1)  # variance 1e-4
    # Before a convolution of a block 0.01 / sqrt(1e-4 + 1e-4), elsewhere 0.01 / sqrt(1e-4 + 1e-5).
    assert activate(small).flatten().tolist() == pytest.approx([0, 0.5**0.5])
    assert normalize(small).flatten().tolist() == pytest.approx([-(1.1**-0.5), 1.1**-0.5])


def test_activation_leaves_its_input_as_it_is(features):
    before = features.clone()
    assert activate(features).min() == 0
    assert torch.equal(features, before)


@pytest.mark.parametrize(("in_width", "out_width"), [(4, 4), (4, 6)])
def test_basic_block_is_two_activated_convolutions_and_a_shortcut(features, in_width, out_width):
    block = BasicBlock(in_width, out_width).double()
    weights = [block.first.weight, block.second.weight]
    expected = features
    for weight in weights:
        expected = F.conv3d(unit(expected, 1e-4).relu(), weight, padding=1)
    if in_width == out_width:
        expected = expected + features
    else:
        expected = expected + F.conv3d(unit(features, 1e-4).relu(), block.shortcut.weight, padding=1)
    torch.testing.assert_close(block(features), expected)


def test_parameters_of_the_blocks():
    assert size_of(BasicBlock(32, 32)) == 2 * 27 * 32 * 32
    assert size_of(BasicBlock(192, 64)) == 2 * 27 * 192 * 64 + 27 * 64 * 64  # the shortcut is 3x3x3 as well
    assert size_of(SeparableConv(128, 256)) == 27 * 128 + 128 * 256
    assert size_of(PatchMerging(256, 320)) == 27 * 8 * 256 + 8 * 256 * 320 == 710_656
    # 1x1x1 to 4d and back, 27 taps per channel, squeeze and excitation with biases: 16 d^2 + 113 d.
    assert size_of(MBConv(128, 4)) == 16 * 128**2 + 113 * 128 == 276_608
    assert size_of(MBConv(256, 4)) == 1_077_504


def test_merging_moves_each_cube_into_channels(features):
    merge = PatchMerging(4, 5).double()
    corners = [features[:, :, i::2, j::2, k::2] for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    merged = unit(torch.stack(corners, dim=2).flatten(1, 2), 1e-5)
    spread, point = merge.mix
    expected = F.conv3d(F.conv3d(merged, spread.weight, padding=1, groups=32), point.weight)
    assert expected.shape == (2, 5, 2, 3, 1)
    torch.testing.assert_close(merge(features), expected)


def test_inverted_bottleneck_step_by_step(features):
    block = MBConv(4, 3).double()
    wide = F.conv3d(unit(features, 1e-4).relu(), block.widen.weight)
    wide = F.conv3d(unit(wide, 1e-4).relu(), block.depthwise.weight, padding=1, groups=12)
    squeeze, _, excite, _ = block.weigh
    hidden = (wide.mean(dim=(2, 3, 4)) @ squeeze.weight[:, :, 0, 0, 0].T + squeeze.bias).relu()
    weight = (hidden @ excite.weight[:, :, 0, 0, 0].T + excite.bias).sigmoid()
    expected = F.conv3d(unit(wide * weight[:, :, None, None, None], 1e-4), block.narrow.weight) + features
    torch.testing.assert_close(block(features), expected)


def test_normalization_divides_the_channel_weights_out_again(features):
    # What the class says: with all weights of channels at a half or at one, the same but for the epsilon.
    block = MBConv(4, 3).double()
    outcomes = []
    for bias in (0.0, 40.0):  # sigmoid 0.5 and 1
        with torch.no_grad():
            block.weigh[2].weight.zero_()
            block.weigh[2].bias.fill_(bias)
        outcomes.append(block(features))
    torch.testing.assert_close(*outcomes, rtol=0.05, atol=0.05)


def test_upsampling_keeps_corners_and_is_linear_between():
    ramp = torch.tensor([0.0, 3.0]).view(1, 1, 2, 1, 1)
    fine = upsample(ramp, (4, 1, 1))
    torch.testing.assert_close(fine.flatten(), torch.tensor([0.0, 1.0, 2.0, 3.0]))
