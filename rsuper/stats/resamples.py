"""A metric on many resamples of the same cases at once."""

import functools

import numpy as np
from jaxtyping import Bool, Float


def statistic(
    metric: str,
    positive: Bool[np.ndarray, " n"],
    values: Float[np.ndarray, " n"],
    weights: Float[np.ndarray, "d n"],
) -> Float[np.ndarray, " d"]:
    """Compute a metric on every resample, a row of multiplicities per case each."""
    if metric == "auc":
        return _weighted_auc(positive, values, weights)
    if metric == "mean":
        return weights @ values / weights.sum(axis=1)
    positives = weights @ positive
    tp = weights @ (values * positive)
    if metric == "sensitivity":
        return tp / positives
    fp = weights @ (values * ~positive)
    if metric == "specificity":
        return 1 - fp / (weights.sum(axis=1) - positives)
    return 2 * tp / (positives + tp + fp)


def _weighted_auc(
    positive: Bool[np.ndarray, " n"], scores: Float[np.ndarray, " n"], weights: Float[np.ndarray, "d n"]
) -> Float[np.ndarray, " d"]:
    """Sum, over redrawn positives, the redrawn negatives below plus half of those level with them."""
    order = np.argsort(scores[~positive])
    negatives = scores[~positive][order]
    below = np.zeros((len(weights), negatives.size + 1))
    np.cumsum(weights[:, np.flatnonzero(~positive)[order]], axis=1, out=below[:, 1:])
    edges = [np.searchsorted(negatives, scores[positive], side=side) for side in ("left", "right")]
    placements = functools.reduce(np.add, (below[:, edge] for edge in edges)) / 2
    pairs = weights[:, positive].sum(axis=1) * below[:, -1]
    return np.einsum("dp,dp->d", weights[:, positive], placements) / pairs
