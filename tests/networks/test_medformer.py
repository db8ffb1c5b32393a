import math

import pytest
import torch
import torch.nn.functional as F

from rsuper.networks.medformer import build_medformer

# Per module of the paper's network, the heads apart.
PARAMETERS = {
    "inc": 56_160,
    "down1": 465_664,
    "down2": 1_378_688,
    "down3": 8_184_064,
    "down4": 17_546_176,
    "map_fusion": 1_683_840,
    "up1": 6_405_568,
    "up2": 918_016,
    "up3": 995_328,
    "up4": 248_832,
}


def size_of(module):
    return sum(parameter.numel() for parameter in module.parameters())


def small(seed=0, **options):
    torch.manual_seed(seed)
    return build_medformer(1, 2, **{"preset": "eighth", **options})


def noise(*size, batch=2):
    return torch.randn(batch, 1, *size, generator=torch.Generator().manual_seed(1))


def shapes_of(network, image):
    """Output shapes of each module: features, or features and maps."""
    shapes = {}

    def note(name):
        def hook(_module, _inputs, out):
            tensors = [out] if isinstance(out, torch.Tensor) else out
            shapes[name] = [tuple(tensor.shape) for tensor in tensors]

        return hook

    for name, module in network.named_children():
        module.register_forward_hook(note(name))
    shapes["out"] = [tuple(tensor.shape) for tensor in network(image)]
    return shapes


@pytest.mark.parametrize("classes", [1, 2, 14, 42])
def test_number_of_parameters(classes):
    with torch.device("meta"):
        # The auxiliary head reads 128 channels, the final one 32, each with a bias.
        assert size_of(build_medformer(1, classes)) == 37_882_336 + (129 + 33) * classes
        assert size_of(build_medformer(1, classes, deep_supervision=False)) == 37_882_336 + 33 * classes


def test_number_of_parameters_per_module():
    with torch.device("meta"):
        counts = {name: size_of(module) for name, module in build_medformer(1, 14).named_children()}
    assert counts == PARAMETERS | {"aux_out": 129 * 14, "outc": 33 * 14}
    assert sum(PARAMETERS.values()) == 37_882_336


def test_first_block_of_the_decoder():
    with torch.device("meta"):
        first, second, *_ = build_medformer(1, 1).up1.attention
    assert (size_of(first), size_of(second)) == (1_804_480, 1_484_544)


@pytest.mark.parametrize(
    ("preset", "count"), [("half", 9_817_236), ("quarter", 1_552_012), ("eighth", 350_304)]
)
def test_number_of_parameters_of_the_small_ones(preset, count):
    with torch.device("meta"):
        assert size_of(build_medformer(1, 2, preset=preset)) == count


def test_only_squeeze_and_excitation_fusion_and_outputs_have_biases():
    biased = {name for name, _ in small().named_parameters() if name.endswith("bias")}
    assert all(".weigh." in n or n.startswith(("map_fusion.layers", "aux_out", "outc")) for n in biased)


@pytest.mark.parametrize("side", [96, 128])
def test_shapes_of_the_papers_network(side):
    def grid(width, step):
        return (1, width, side // step, side // step, side // step)

    with torch.device("meta"):
        shapes = shapes_of(build_medformer(1, 2), torch.empty(1, 1, side, side, side))
    assert shapes == {
        "inc": [grid(32, 1)],
        "down1": [grid(64, 2)],
        "down2": [grid(128, 4), (1, 128, 27)],
        "down3": [grid(256, 8), (1, 256, 27)],
        "down4": [grid(320, 16), (1, 320, 27)],
        "map_fusion": [(1, 128, 27), (1, 256, 27), (1, 320, 27)],
        "up1": [grid(256, 8), (1, 256, 27)],
        "up2": [grid(128, 4), (1, 128, 27)],
        "aux_out": [grid(2, 4)],
        "up3": [grid(64, 2)],
        "up4": [grid(32, 1)],
        "outc": [grid(2, 1)],
        "out": [grid(2, 1), grid(2, 1)],
    }


def test_shapes_and_values_of_a_box():
    network, image = small(), noise(32, 48, 64, batch=1)
    shapes = shapes_of(network, image)
    assert shapes["down4"] == [(1, 40, 2, 3, 4), (1, 40, 27)]
    assert shapes["aux_out"] == [(1, 2, 8, 12, 16)]
    outputs = network(image)
    for logits in outputs:
        assert logits.shape == (1, 2, 32, 48, 64)
        assert torch.isfinite(logits).all()


def test_deep_output_is_interpolated_linearly_from_its_corners():
    network, seen = small(), []
    network.aux_out.register_forward_hook(lambda _module, _inputs, out: seen.append(out))
    deep = network(noise(32, 32, 32)).deep
    for corner in ((0, 0, 0), (-1, 0, -1), (-1, -1, -1)):
        assert torch.equal(deep[..., *corner], seen[0][..., *corner])


def test_without_deep_supervision_there_is_no_deep_output():
    network = small(deep_supervision=False)
    assert network(noise(32, 32, 32)).deep is None


@pytest.mark.parametrize(("side", "nearest"), [(16, 32), (24, 32), (40, 48), (72, 80)])
def test_sizes_that_cannot_work_name_the_nearest_that_can(side, nearest):
    with torch.device("meta"):
        network, image = small(), torch.empty(1, 1, side, 32, 64)
    message = (
        rf"\({side}, 32, 64\).*multiples of \(16, 16, 16\) and at least \(32, 32, 32\).*\({nearest}, 32, 64\)"
    )
    with pytest.raises(ValueError, match=message):
        network(image)
    with pytest.raises(ValueError, match=message):
        network.check_patch((side, 32, 64))


@pytest.mark.parametrize("side", [32, 48, 96, 128])
def test_sizes_that_work(side):
    with torch.device("meta"):
        network, image = small(), torch.empty(1, 1, side, side, side)
    network.check_patch((side, side, side))
    assert network(image).final.shape == (1, 2, side, side, side)


def test_gradient_reaches_every_parameter_but_the_unread_values():
    network = small()
    final, deep = network(noise(32, 32, 32))
    deep.square().mean().backward(retain_graph=True)
    after_the_deep_head = ("up3", "up4", "outc")
    for name, parameter in network.named_parameters():
        assert (parameter.grad is None) == name.startswith(after_the_deep_head), name
    final.square().mean().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())
    # Nothing reads the last map, so nothing the values that it would read.
    values = network.up2.attention[-1].attention.features_in[1].weight.grad.split(16)
    assert values[0].abs().sum() > 0
    assert not values[1].any()


def test_evaluation_computes_what_training_computes():
    network, image = small(), noise(32, 32, 32)
    with torch.no_grad():
        training, evaluation = network.train()(image), network.eval()(image)
    assert all(torch.equal(one, other) for one, other in zip(training, evaluation, strict=True))
    assert not list(network.buffers())


def test_cases_of_a_batch_do_not_influence_each_other():
    network, images = small(), noise(32, 32, 32)
    with torch.no_grad():
        together, alone = network(images), network(images[:1])
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one[:1], other, rtol=1e-4, atol=1e-4)


def test_memory_layout_changes_nothing_but_rounding():
    network, image = small().double(), noise(32, 32, 32).double()
    with torch.no_grad():
        channels_last = network(image)
        plain = network.to(memory_format=torch.contiguous_format)(image)
    for one, other in zip(channels_last, plain, strict=True):
        torch.testing.assert_close(one, other)


def test_a_seed_gives_its_weights():
    first, again, other = small(3), small(3), small(4)
    assert all(torch.equal(one, two) for one, two in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.outc.weight, other.outc.weight)


def test_half_precision_stays_close():
    network, image = small(), noise(32, 32, 32)
    with torch.no_grad():
        whole = network(image)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = network(image)
    for one, other in zip(whole, half, strict=True):
        assert torch.isfinite(other).all()
        # bfloat16 has 8 bits. Half a percent after the first block adds up to a tenth over all of them.
        assert (one - other.float()).square().mean().sqrt() < 0.15 * one.std()


def test_prior_is_where_both_outputs_start():
    network = small(prior=0.02)
    for head in (network.outc, network.aux_out):
        torch.testing.assert_close(head.bias.sigmoid(), torch.full((2,), 0.02))
    assert small(prior=0.02, deep_supervision=False).outc.bias[0].item() == pytest.approx(
        math.log(0.02 / 0.98)
    )
    torch.manual_seed(0)
    assert (small().outc.bias.abs() <= 0.5).all()  # torch's: uniform within 1 / sqrt(4 inputs)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"preset": "tiny"}, "preset must be one of paper, half, quarter, eighth, got 'tiny'"),
        ({"prior": 0.0}, "prior must lie between 0 and 1, got 0.0"),
        ({"prior": 1.5}, "prior must lie between 0 and 1, got 1.5"),
        (
            {"chanels": [4]},
            "unknown option 'chanels'; known: preset, deep_supervision, prior, base, channels",
        ),
        ({"channels": [8, 16, 32, 40]}, r"channels needs 8 .* got \(8, 16, 32, 40\)"),
        ({"heads": [1, 1, 2, 3, 2, 1, 1, 1]}, "heads must divide channels"),
    ],
)
def test_wrong_options_are_named(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        small(**options)


def test_channels_must_be_positive():
    with pytest.raises(ValueError, match="in_channels and out_channels must be positive, got 0, 1"):
        build_medformer(0, 1)


def test_it_learns_a_ball():
    network = small(prior=0.03)
    axes = torch.meshgrid(*[torch.arange(32.0)] * 3, indexing="ij")
    ball = sum((axis - center) ** 2 for axis, center in zip(axes, (12, 18, 15), strict=True)) < 36
    ball = ball.float().expand(2, 2, 32, 32, 32)
    image = 0.5 * noise(32, 32, 32) + 2 * ball[:, :1]
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.003)
    losses = []
    for _ in range(30):
        outputs = network(image)
        loss = sum(F.binary_cross_entropy_with_logits(logits, ball) for logits in outputs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 8
    found = outputs.final > 0
    assert 2 * (found * ball).sum() / (found.sum() + ball.sum()) > 0.95
