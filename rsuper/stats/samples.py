"""What every statistic asks of its input: labels of 0 and 1, and finite values case by case."""

import numpy as np
from jaxtyping import Bool, Float, Shaped


def as_labels(
    labels: Shaped[np.ndarray, " n"], *, positives: int = 0, negatives: int = 0
) -> Bool[np.ndarray, " n"]:
    """Check labels and turn them into booleans, True for a positive.

    Args:
        labels: booleans, or numbers that are 0 or 1.
        positives: how many positives are needed at least.
        negatives: how many negatives are needed at least.

    Raises:
        ValueError: a label is not 0 or 1, or too few cases of a class are there.
    """
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"labels must be 0 or 1, got {np.unique(labels)}")
    positive = labels.astype(bool)
    found = (int(positive.sum()), int((~positive).sum()))
    if found[0] < positives or found[1] < negatives:
        raise ValueError(
            f"labels must hold at least {positives} positives and {negatives} negatives, "
            f"got {found[0]} and {found[1]}"
        )
    return positive


def as_values(name: str, values: Shaped[np.ndarray, "..."], cases: int) -> Float[np.ndarray, " n"]:
    """Check that there is one finite value per case; return floats.

    Raises:
        ValueError: the number of cases differs, or a value is not finite.
    """
    if values.shape != (cases,):
        raise ValueError(f"{name} must hold one value for each of {cases} cases, got shape {values.shape}")
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(numbers)).sum())} that are not")
    return numbers


def as_rows(name: str, values: Shaped[np.ndarray, "..."], cases: int) -> Float[np.ndarray, "s n"]:
    """Check one value per case, or a row of them per training seed; return a row per seed.

    Raises:
        ValueError: there is no value, the number of cases differs, or a value is not finite.
    """
    if values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(f"{name} must be one row of cases, or one row per seed, got shape {values.shape}")
    return np.stack([as_values(name, row, cases) for row in np.atleast_2d(values)])
