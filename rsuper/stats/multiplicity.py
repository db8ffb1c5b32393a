"""Adjustment of p values for several tests."""

from collections.abc import Sequence

from statsmodels.stats.multitest import multipletests


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values by Holm's step-down method, in the order given; no value gives an empty list.

    Raises:
        ValueError: a p value is not in [0, 1]; leave out tests that could not be made.
    """
    bad = [p for p in p_values if not 0 <= p <= 1]
    if bad:
        raise ValueError(f"p_values must lie in [0, 1], got {bad}")
    if len(p_values) < 2:
        # Nothing to adjust. statsmodels collects garbage at each call, some 60 ms, and a budget with one
        # alternative has hundreds of families.
        return [float(p) for p in p_values]
    return [float(p) for p in multipletests(list(p_values), method="holm")[1]]
