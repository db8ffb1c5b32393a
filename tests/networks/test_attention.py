import numpy as np
import pytest
import torch

from rsuper.networks.attention import (
    AttentionBlock,
    BidirectionalAttention,
    FusionLayer,
    MapFusion,
    MapGeneration,
    exchange,
)


def size_of(module):
    return sum(parameter.numel() for parameter in module.parameters())


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def softmax(scores):
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def unit(values):
    """Rows with zero mean and unit variance."""
    centered = values - values.mean(axis=1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(axis=1, keepdims=True) + 1e-5)


def spread(values, grid, kernel):
    """Convolution of 27 taps per channel, zero outside, tap by tap."""
    out = np.zeros_like(values).reshape(-1, *grid)
    padded = np.pad(values.reshape(-1, *grid), ((0, 0), (1, 1), (1, 1), (1, 1)))
    for i, j, k in np.ndindex(3, 3, 3):
        moved = padded[:, i : i + grid[0], j : j + grid[1], k : k + grid[2]]
        out += kernel[:, 0, i, j, k, None, None, None] * moved
    return out.reshape(len(values), -1)


def attend(query, value, map_query, map_value):
    """One head, position by position and token by token; arrays (dim, positions) and (dim, tokens)."""
    read, map_read = np.zeros_like(query), np.zeros_like(map_query)
    for p in range(query.shape[1]):
        scores = [query[:, p] @ map_query[:, n] / np.sqrt(len(query)) for n in range(map_query.shape[1])]
        read[:, p] = map_value @ softmax(np.array(scores))
    for n in range(map_query.shape[1]):
        scores = [query[:, p] @ map_query[:, n] / np.sqrt(len(query)) for p in range(query.shape[1])]
        map_read[:, n] = value @ softmax(np.array(scores))
    return read, map_read


def reference(attention, features, tokens, heads):
    """The whole module for one case, in NumPy."""
    weights = {name: value.detach().numpy() for name, value in attention.named_parameters()}
    grid, flat = features.shape[1:], features.reshape(len(features), -1)
    both = weights["features_in.1.weight"][:, :, 0, 0, 0] @ spread(
        unit(flat), grid, weights["features_in.0.weight"]
    )
    map_both = weights["map_in.weight"][:, :, 0] @ unit(tokens)
    parts = [np.split(half, heads) for half in (*np.split(both, 2), *np.split(map_both, 2))]
    reads = [attend(*head) for head in zip(*parts, strict=True)]
    read, map_read = (np.concatenate(side) for side in zip(*reads, strict=True))
    mixed = weights["features_out.1.weight"][:, :, 0, 0, 0] @ spread(
        read, grid, weights["features_out.0.weight"]
    )
    return (mixed + flat).reshape(features.shape), weights["map_out.weight"][:, :, 0] @ map_read + tokens


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_bidirectional_attention_equals_loops(heads):
    attention = BidirectionalAttention(6, 6, heads).double()
    features, tokens = randn(2, 6, 2, 3, 2), randn(2, 6, 4)
    got = attention(features, tokens)
    for case in range(2):
        expected = reference(attention, features[case].numpy(), tokens[case].numpy(), heads)
        for ours, theirs in zip(got, expected, strict=True):
            np.testing.assert_allclose(ours[case].detach().numpy(), theirs, rtol=1e-10, atol=1e-12)


def test_exchange_of_one_position_and_two_tokens_by_hand():
    def column(*values):
        return torch.tensor(values, dtype=torch.float64).view(1, 1, -1, 1)

    # Scores ln 3 and 0 (dimension 1, so no scaling): weights 3/4 and 1/4.
    tokens = torch.tensor([[[[np.log(3), 0.0]]]], dtype=torch.float64)
    values = torch.tensor([[[[8.0, 4.0]]]], dtype=torch.float64)
    read, map_read = exchange(column(1.0), column(5.0), tokens, values)
    assert read.item() == pytest.approx(0.75 * 8 + 0.25 * 4)
    assert map_read.flatten().tolist() == [5, 5]  # the one position is all a token can read


def test_weights_over_tokens_and_over_positions_sum_to_one():
    # Where all values are one, what is read is the sum of the weights.
    query, map_query = 5 * randn(2, 3, 4, 50), 5 * randn(2, 3, 4, 7)
    read, map_read = exchange(query, torch.ones_like(query), map_query, torch.ones_like(map_query))
    torch.testing.assert_close(read, torch.ones_like(read))
    torch.testing.assert_close(map_read, torch.ones_like(map_read))


def test_large_scores_stay_finite():
    query, map_query = 1e4 * randn(1, 1, 4, 5), 1e4 * randn(1, 1, 4, 3)
    assert all(torch.isfinite(read).all() for read in exchange(query, query, map_query, map_query))


def test_the_order_of_tokens_means_nothing():
    attention = BidirectionalAttention(6, 6, 2).double()
    features, tokens, order = randn(1, 6, 2, 2, 3), randn(1, 6, 4), torch.tensor([2, 0, 3, 1])
    straight, mixed = attention(features, tokens), attention(features, tokens[..., order])
    torch.testing.assert_close(straight[0], mixed[0])
    torch.testing.assert_close(straight[1][..., order], mixed[1])


def test_last_block_returns_the_map_as_it_came_and_the_same_features():
    attention, last = BidirectionalAttention(6, 6, 2), BidirectionalAttention(6, 6, 2, last=True)
    last.load_state_dict({k: v for k, v in attention.state_dict().items() if k != "map_out.weight"})
    features, tokens = torch.randn(1, 6, 2, 3, 2), torch.randn(1, 6, 4)
    after, same = last(features, tokens)
    assert same is tokens
    torch.testing.assert_close(after, attention(features, tokens)[0])


def test_shortcut_to_another_width_is_an_activated_convolution():
    attention = BidirectionalAttention(4, 6, 2).double()
    features, tokens = randn(1, 4, 2, 3, 2), randn(1, 6, 4)
    with torch.no_grad():
        attention.features_out[1].weight.zero_()
    deviation, mean = torch.std_mean(features, dim=(2, 3, 4), correction=0, keepdim=True)
    active = ((features - mean) / (deviation.square() + 1e-4).sqrt()).relu()
    expected = torch.einsum("oi,bixyz->boxyz", attention.shortcut.weight[:, :, 0, 0, 0], active)
    torch.testing.assert_close(attention(features, tokens)[0], expected)


def test_map_generation_is_a_weighted_mean_over_the_grid():
    generate = MapGeneration(3, 5).double()
    features = randn(2, 3, 4, 2, 3)
    content, scores = generate.content(features).flatten(2), generate.weights(features).flatten(2)
    weights = scores.exp() / scores.exp().sum(dim=2, keepdim=True)
    torch.testing.assert_close(generate(features), torch.einsum("bcp,bnp->bcn", content, weights))


def test_fusion_layer_equals_torchs_transformer_layer():
    ours = FusionLayer(12, 3).double()
    theirs = torch.nn.TransformerEncoderLayer(
        12, 3, 12, dropout=0, activation="gelu", batch_first=True, norm_first=True, dtype=torch.float64
    )
    norm, enter, _, leave = ours.perceptron
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(ours.query_key_value.weight)
        theirs.self_attn.in_proj_bias.zero_()
        theirs.self_attn.out_proj.load_state_dict(ours.out.state_dict())
        for name, module in {
            "norm1": ours.attention_norm,
            "norm2": norm,
            "linear1": enter,
            "linear2": leave,
        }.items():
            getattr(theirs, name).load_state_dict(module.state_dict())
    tokens = randn(2, 7, 12)
    torch.testing.assert_close(ours(tokens), theirs(tokens))


def test_fusion_lets_every_map_see_every_other():
    fusion = MapFusion((4, 6, 5), 12, 3, 2)
    maps = [torch.randn(1, width, 3, requires_grad=True) for width in (4, 6, 5)]
    fused = fusion(maps)
    assert [tokens.shape for tokens in fused] == [(1, 4, 3), (1, 6, 3), (1, 5, 3)]
    for tokens in fused:
        gradients = torch.autograd.grad(tokens.square().sum(), maps, retain_graph=True)
        assert all(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize(
    ("module", "size"),
    [
        (lambda: BidirectionalAttention(128, 128, 4), 105_216),  # 54 d + 6 d^2
        (lambda: BidirectionalAttention(256, 256, 8), 407_040),
        (lambda: AttentionBlock(128, 128, 4, 4), 381_824),
        (lambda: AttentionBlock(256, 256, 8, 4), 1_484_544),
        (lambda: AttentionBlock(576, 256, 8, 4), 1_804_480),  # of these 576 * 256 in the shortcut
        (lambda: AttentionBlock(128, 128, 4, 4, last=True), 381_824 - 128**2),
        (lambda: MapGeneration(320, 27), 2_998_080),
        (lambda: MapFusion((128, 256, 320), 320, 10, 2), 1_683_840),
    ],
)
def test_number_of_parameters(module, size):
    with torch.device("meta"):
        assert size_of(module()) == size
