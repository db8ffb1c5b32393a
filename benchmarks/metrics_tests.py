"""DeLong's test and the permutation test against other implementations; part of `benchmarks/metrics.py`."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import norm, permutation_test

from benchmarks.timing import in_turn
from rsuper.stats.delong import DelongResult, delong_test
from rsuper.stats.permutation import PermutationResult, paired_permutation_test

RESAMPLES = 9999


def kernel_delong(
    labels: Int[np.ndarray, " n"], a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]
) -> float:
    """Return p by the kernel over all pairs of a positive and a negative."""
    gaps = [s[labels == 1][:, None] - s[labels == 0] for s in (a, b)]
    gap = np.heaviside(gaps[0], 0.5) - np.heaviside(gaps[1], 0.5)
    variance = gap.mean(1).var(ddof=1) / gap.shape[0] + gap.mean(0).var(ddof=1) / gap.shape[1]
    return float(2 * norm.sf(abs(gap.mean()) / math.sqrt(variance)))


def load_delong(path: Path) -> ModuleType:
    """Load the implementation published by yandexdataschool/roc_comparison from a copy of its file."""
    module = ModuleType(path.stem)
    # The file is older than numpy's removal of its name for Python's float.
    exec(compile(path.read_text().replace("np.float", "float"), path, "exec"), module.__dict__)
    return module


def yandex_delong(
    module: ModuleType,
    labels: Int[np.ndarray, " n"],
    a: Float[np.ndarray, " n"],
    b: Float[np.ndarray, " n"],
) -> float:
    """Return p by that file; its own entry point prints, so its steps are called one by one."""
    order, positives = module.compute_ground_truth_statistics(labels)
    aucs, covariance = module.fastDeLong(np.vstack([a, b])[:, order], positives)
    return float(10 ** module.calc_pvalue(aucs, covariance).item())


def statistics_rows(module: ModuleType | None) -> Iterator[dict[str, object]]:
    """DeLong and permutation against others; one row per test and size."""
    published = kernel_delong if module is None else partial(yandex_delong, module)
    name = "kernel" if module is None else "yandex"
    for n in (100, 408, 10_000):
        rng = np.random.default_rng(n)
        labels = np.arange(n) % 2
        a, b = np.round(rng.standard_normal((2, n)) + labels, 2)
        yield _test_row("DeLong", name, (labels, a, b), delong_test, published, repeats=9)
    for n in (100, 239, 408):
        rng = np.random.default_rng(n)
        labels = np.arange(n) % 2
        a, b = (rng.random((2, n)) < 0.3 + 0.4 * labels).astype(int)
        against = f"scipy, {RESAMPLES} draws"
        yield _test_row("F1", against, (labels, a, b), paired_permutation_test, scipy_permutation, repeats=3)


def _test_row(
    test: str,
    against: str,
    data: tuple[np.ndarray, np.ndarray, np.ndarray],
    own: Callable[..., DelongResult | PermutationResult],
    other: Callable[..., float],
    repeats: int,
) -> dict[str, object]:
    ms = in_turn({"ours": partial(own, *data), "other": partial(other, *data)}, repeats)
    gap = abs(own(*data).p_value - other(*data))
    times = {"ours_ms": ms["ours"], "other_ms": ms["other"], "other/ours": ms["other"] / ms["ours"]}
    return {"test": test, "against": against, "cases": data[0].size, **times, "gap_in_p": gap}


def scipy_permutation(
    labels: Int[np.ndarray, " n"], a: Int[np.ndarray, " n"], b: Int[np.ndarray, " n"]
) -> float:
    """Return p by random swaps with scipy."""

    def gap(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        f1 = [2 * (c * labels).sum(axis) / (labels.sum() + c.sum(axis)) for c in (x, y)]
        return f1[0] - f1[1]

    return float(
        permutation_test(
            (a, b), gap, permutation_type="samples", n_resamples=RESAMPLES, vectorized=True,
            rng=np.random.default_rng(0),
        ).pvalue
    )  # fmt: skip
