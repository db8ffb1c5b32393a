"""Bidirectional attention between a grid of features and a small semantic map, the core of MedFormer 3D.

A semantic map is N tokens of a stage's width (27 in the paper: 3x3x3), each a weighted mean over the whole
grid. Features and map inform each other at a cost linear in the number of positions. The map's tokens have no
neighbors: only their number counts, so maps are stored flat.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rsuper.networks.convolutions import MBConv, SeparableConv, activate, conv, normalize


def token_conv(in_width: int, out_width: int) -> nn.Conv1d:
    """The same linear map for every token, without bias."""
    return nn.Conv1d(in_width, out_width, 1, bias=False)


def exchange(
    query: Float[Tensor, "b h e p"],
    value: Float[Tensor, "b h e p"] | None,
    map_query: Float[Tensor, "b h e n"],
    map_value: Float[Tensor, "b h e n"],
) -> tuple[Float[Tensor, "b h e p"], Float[Tensor, "b h e n"] | None]:
    """Let positions read the map's tokens, and tokens read the positions, by one matrix of scores.

    Score of token and position: inner product of their queries / sqrt(e). What a position reads is weighted
    by the softmax over the tokens, what a token reads by the softmax over the positions.

    Args:
        query: Per head and position of the grid.
        value: What tokens read. None: they read nothing.
        map_query: Per head and token.
        map_value: What positions read.

    Returns:
        What each position and each token has read; None for the tokens without `value`.
    """
    # The small factor is the one to scale. Positions stay last in every product, as they are in memory.
    scores = (map_query * map_query.shape[2] ** -0.5).transpose(2, 3) @ query
    read = map_value @ scores.softmax(dim=2)
    if value is None:
        return read, None
    return read, value @ scores.softmax(dim=3).transpose(2, 3)


class BidirectionalAttention(nn.Module):
    """Exchange between features and map, each with a shortcut.

    `last`: nothing reads the map afterwards; its output convolution is left out and the map returned as it
    came. As in the design, the features keep their values, though no token reads them: that half of the rows
    of `features_in`'s last convolution has gradient 0.

    The authors' code interleaves the heads' channels; here they lie one after another, as the products take
    them. That is the same network with its rows in another order.
    """

    def __init__(
        self, in_width: int, width: int, heads: int, *, last: bool = False, inner: int | None = None
    ) -> None:
        super().__init__()
        self.heads = heads
        inner = inner or width  # of queries and values, all heads together
        self.features_in = SeparableConv(in_width, 2 * inner)
        self.map_in = token_conv(width, 2 * inner)
        self.features_out = SeparableConv(inner, width)
        self.map_out = None if last else token_conv(inner, width)
        self.shortcut = None if in_width == width else conv(in_width, width, 1)

    def forward(
        self, features: Float[Tensor, "b i x y z"], tokens: Float[Tensor, "b c n"]
    ) -> tuple[Float[Tensor, "b c x y z"], Float[Tensor, "b c n"]]:
        """Return features and map after the exchange."""
        query, value = self._split(self.features_in(normalize(features)))
        map_query, map_value = self._split(self.map_in(normalize(tokens)))
        read, map_read = exchange(query, None if self.map_out is None else value, map_query, map_value)
        grid = features.shape[2:]
        shortcut = features if self.shortcut is None else self.shortcut(activate(features))
        features = self.features_out(read.reshape(len(read), -1, *grid)) + shortcut
        if self.map_out is not None and map_read is not None:
            tokens = self.map_out(map_read.flatten(1, 2)) + tokens
        return features, tokens

    def _split(
        self, both: Float[Tensor, "b cc *grid"]
    ) -> tuple[Float[Tensor, "b h e p"], Float[Tensor, "b h e p"]]:
        """Split into queries and values per head."""
        parts = both.reshape(len(both), 2, self.heads, both.shape[1] // 2 // self.heads, -1)
        return parts[:, 0], parts[:, 1]


class AttentionBlock(nn.Module):
    """Bidirectional attention, then an inverted bottleneck on the features."""

    def __init__(
        self,
        in_width: int,
        width: int,
        heads: int,
        expansion: int,
        *,
        last: bool = False,
        inner: int | None = None,
    ) -> None:
        super().__init__()
        self.attention = BidirectionalAttention(in_width, width, heads, last=last, inner=inner)
        self.bottleneck = MBConv(width, expansion)

    def forward(
        self, features: Float[Tensor, "b i x y z"], tokens: Float[Tensor, "b c n"]
    ) -> tuple[Float[Tensor, "b c x y z"], Float[Tensor, "b c n"]]:
        """Return features and map."""
        features, tokens = self.attention(features, tokens)
        return self.bottleneck(features), tokens


class MapGeneration(nn.Module):
    """Make a semantic map: each token is a mean over the grid, with weights that the features choose."""

    def __init__(self, width: int, tokens: int) -> None:
        super().__init__()
        self.content = conv(width, width)
        self.weights = conv(width, tokens)

    def forward(self, features: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b c n"]:
        """Return the tokens."""
        weights = self.weights(features).flatten(2).softmax(dim=2)
        return self.content(features).flatten(2) @ weights.transpose(1, 2)


class FusionLayer(nn.Module):
    """A transformer layer over tokens: self-attention, then a perceptron, each after a layer norm."""

    def __init__(self, width: int, heads: int, hidden: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        hidden = hidden or width
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)
        )

    def forward(self, tokens: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        """Transform tokens."""
        b, n, c = tokens.shape
        split = self.query_key_value(self.attention_norm(tokens)).view(b, n, 3, self.heads, c // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind()
        read = nn.functional.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.out(read.transpose(1, 2).reshape(b, n, c))
        return tokens + self.perceptron(tokens)


class MapFusion(nn.Module):
    """Let the maps of several scales inform each other: transformer layers over all their tokens.

    There is no shortcut around the fusion and no positional encoding.
    """

    def __init__(self, widths: tuple[int, ...], width: int, heads: int, depth: int) -> None:
        super().__init__()
        self.enter = nn.ModuleList(token_conv(own, width) for own in widths)
        self.layers = nn.Sequential(*(FusionLayer(width, heads) for _ in range(depth)))
        self.leave = nn.ModuleList(token_conv(width, own) for own in widths)

    def forward(self, maps: list[Float[Tensor, "b _ n"]]) -> list[Float[Tensor, "b _ n"]]:
        """Return the maps in their order, each in its own width."""
        entered = [enter(tokens) for enter, tokens in zip(self.enter, maps, strict=True)]
        fused = self.layers(torch.cat(entered, dim=2).transpose(1, 2)).transpose(1, 2)
        parts = fused.chunk(len(maps), dim=2)
        return [leave(tokens) for leave, tokens in zip(self.leave, parts, strict=True)]
