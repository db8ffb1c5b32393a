"""How often the tests and the claims' interval reject on simulated cases: under the null, and with an effect.

    python benchmarks/calibration.py [--runs n] [--out folder]

Scores are normal within tumor and tumor-free cases and correlated between the two methods, on the same cases.
Under the null both have one AUC, so a level of 5 % must reject in 5 % of runs, or in fewer where a test is
conservative. `delong` tests the AUCs. `f1` tests calls at the threshold that is best for the population, as
one chosen on validation cases would be, and `f1_oracle` at the best one of each method on the test cases, as
the paper reads. `interval` and `interval_oracle` are the shares of bootstrap intervals of the difference in
F1 that leave out 0; `both` and `both_oracle` ask the rule of the claims, which wants the test of the same
calls to reject as well: how often a claim holds or is contradicted. Ranges are Wilson's 95 % intervals.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.special import ndtri

from rsuper.metrics.detection import best_f1_threshold
from rsuper.publish.verdict import CONTRADICTED, HOLDS, verdict
from rsuper.stats.bootstrap import difference_interval
from rsuper.stats.delong import delong_test
from rsuper.stats.interval import wilson_interval
from rsuper.stats.permutation import paired_permutation_test

LEVEL = 0.05
CORRELATION = 0.6
SEED = 0
POPULATION = 100_000
TESTS = ("delong", "f1", "f1_oracle")
INTERVALS = ("interval", "interval_oracle", "both", "both_oracle")


@dataclass(frozen=True)
class Setting:
    """Numbers of cases, and the AUC of each method in the population."""

    positives: int
    negatives: int
    auc_a: float
    auc_b: float
    correlation: float = CORRELATION

    def draw(
        self, generator: np.random.Generator, times: int = 1
    ) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "2 n"]]:
        """Draw labels and the scores of both methods, of a cohort so many times as large."""
        counts = (times * self.positives, times * self.negatives)
        labels = np.repeat([1, 0], counts)
        shared, *own = generator.standard_normal((3, labels.size))
        noise = np.sqrt(self.correlation) * shared + np.sqrt(1 - self.correlation) * np.array(own)
        # Two normal classes this far apart have that AUC.
        shift = np.sqrt(2) * ndtri([[self.auc_a], [self.auc_b]])
        return labels, noise + shift * labels


# Test sets of the paper, strata of them, and the smallest one with nearly perfect scores.
NULL = (
    *(Setting(139, 225, auc, auc) for auc in (0.75, 0.80, 0.85, 0.90)),
    Setting(139, 225, 0.85, 0.85, correlation=0.0),
    Setting(139, 225, 0.85, 0.85, correlation=0.9),
    Setting(169, 197, 0.85, 0.85),
    Setting(50, 50, 0.85, 0.85),
    Setting(28, 225, 0.85, 0.85),
    Setting(15, 50, 0.75, 0.75),
    Setting(15, 50, 0.85, 0.85),
    Setting(15, 50, 0.97, 0.97),
)
EFFECTS = (0.0, 0.02, 0.04, 0.06, 0.08)
POWER = tuple(
    Setting(positives, negatives, 0.82 + effect, 0.82)
    for positives, negatives in ((139, 225), (50, 50), (15, 50))
    for effect in EFFECTS
)


def population_thresholds(setting: Setting, generator: np.random.Generator) -> tuple[float, float]:
    """Find each method's threshold of highest F1 on a very large cohort; equal methods have one."""
    times = POPULATION // (setting.positives + setting.negatives)
    labels, scores = setting.draw(generator, times)
    a, b = (best_f1_threshold(labels, each) for each in scores)
    return (a, a) if setting.auc_a == setting.auc_b else (a, b)


def rejections(setting: Setting, runs: int, generator: np.random.Generator, draws: int = 0) -> dict[str, int]:
    """Count the runs in which each test rejects; with bootstrap draws the intervals that leave out 0 too."""
    fixed = population_thresholds(setting, generator)
    counts = dict.fromkeys(TESTS + (INTERVALS if draws else ()), 0)
    for _ in range(runs):
        labels, (a, b) = setting.draw(generator)
        counts["delong"] += delong_test(labels, a, b).p_value < LEVEL
        oracle = (best_f1_threshold(labels, a), best_f1_threshold(labels, b))
        for suffix, (cut_a, cut_b) in (("", fixed), ("_oracle", oracle)):
            calls = (a > cut_a).astype(int), (b > cut_b).astype(int)
            p_value = paired_permutation_test(labels, *calls).p_value
            counts[f"f1{suffix}"] += p_value < LEVEL
            if draws:
                bounds = difference_interval(
                    "f1", labels, *calls, generator=generator, draws=draws, level=1 - LEVEL
                )
                apart = bounds.kind != "degenerate" and not bounds.low <= 0 <= bounds.high
                counts[f"interval{suffix}"] += apart
                decided = verdict(bounds.low, bounds.high, p_value, significance=LEVEL)
                counts[f"both{suffix}"] += decided in (HOLDS, CONTRADICTED)
    return counts


def table(settings: Sequence[Setting], runs: int, draws: int) -> pd.DataFrame:
    """Give one row per setting: percent of runs rejected, with its range; each from a stream of its own."""
    return pd.DataFrame(_rows(settings, runs, draws))


def _rows(settings: Sequence[Setting], runs: int, draws: int) -> Iterator[dict[str, object]]:
    streams = np.random.default_rng(SEED).spawn(len(settings))
    for setting, generator in zip(settings, streams, strict=True):
        row: dict[str, object] = {
            "cases": f"{setting.positives}+{setting.negatives}",
            "auc": f"{setting.auc_b:g}",
            "gain": f"{setting.auc_a - setting.auc_b:.2f}",
            "correlation": setting.correlation,
        }
        for name, count in rejections(setting, runs, generator, draws).items():
            found = wilson_interval(int(count), runs)
            row[name] = f"{100 * found.value:.1f} ({100 * found.low:.1f}-{100 * found.high:.1f})"
        yield row


def main() -> None:
    """Simulate, print both tables, write them as CSV if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2000, help="runs per setting under the null")
    parser.add_argument("--power-runs", type=int, default=500, help="runs per setting with an effect")
    parser.add_argument(
        "--draws", type=int, default=300, help="bootstrap draws per interval; 0: no intervals"
    )
    parser.add_argument("--out", type=Path, help="folder for CSV files")
    arguments = parser.parse_args()
    for name, title, frame in (
        (
            "null",
            "Rejected at 5 % with no difference, % of runs",
            table(NULL, arguments.runs, arguments.draws),
        ),
        ("power", "Rejected at 5 % with a gain in AUC, % of runs", table(POWER, arguments.power_runs, 0)),
    ):
        print(f"{title}\n{frame.to_string(index=False)}\n")
        if arguments.out is not None:
            arguments.out.mkdir(parents=True, exist_ok=True)
            frame.to_csv(arguments.out / f"{name}.csv", index=False)


if __name__ == "__main__":
    main()
