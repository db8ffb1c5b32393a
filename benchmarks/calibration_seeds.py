"""How often two methods that are equally good are told apart, when each is trained with several seeds.

    python benchmarks/calibration_seeds.py [--runs n] [--out folder]

Training is luck: the AUC of a trained network is drawn around that of its method, with the stated standard
deviation, and the networks of one method resemble one another more than those of the other. Both methods
have one mean AUC, so a level of 5 % must reject in 5 % of runs. `test` takes the trained networks as given
(DeLong's test of the mean AUCs, the permutation test of F1 at each network's best threshold). `interval` is
the two-level bootstrap interval, over seeds and cases, that leaves out 0; `gain` is the rule of claims
and marks, which asks for both. `each` asks that every seed's own test rejects. Ranges are Wilson's 95 %
intervals. The last rows have a gain: there more is better.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.special import ndtri

from rsuper.metrics.detection import best_f1_threshold
from rsuper.publish.verdict import CONTRADICTED, HOLDS, verdict
from rsuper.stats.bootstrap import Metric, difference_interval
from rsuper.stats.delong import delong_test
from rsuper.stats.interval import wilson_interval
from rsuper.stats.permutation import paired_permutation_test

LEVEL = 0.05
SEED = 0
METRICS: tuple[Metric, ...] = ("auc", "f1")
WAYS = ("test", "interval", "gain", "each")
# Shares of a score's variance: of the case, of method and case, of the network and case.
SHARES = (0.6, 0.2, 0.2)


@dataclass(frozen=True)
class Setting:
    """Numbers of cases and seeds; mean AUC, its standard deviation over seeds, gain of the first method."""

    positives: int
    negatives: int
    seeds: int
    luck: float
    auc: float = 0.85
    gain: float = 0.0

    def draw(
        self, generator: np.random.Generator
    ) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "2 s n"]]:
        """Draw labels, and the scores of both methods' networks on the same cases."""
        labels = np.repeat([1, 0], [self.positives, self.negatives])
        case, method = generator.standard_normal(labels.size), generator.standard_normal((2, 1, labels.size))
        network = generator.standard_normal((2, self.seeds, labels.size))
        of_case, of_method, of_network = np.sqrt(SHARES)
        luck = self.luck * generator.standard_normal((2, self.seeds))
        aucs = np.clip(self.auc + np.array([[self.gain], [0.0]]) + luck, 0.51, 0.99)
        # Two normal classes this far apart have that AUC.
        signal = (np.sqrt(2) * ndtri(aucs))[..., None] * labels
        return labels, of_case * case + of_method * method + of_network * network + signal


NULL = (
    *(
        Setting(positives, negatives, seeds, luck)
        for positives, negatives in ((139, 225), (60, 120), (15, 50))
        for seeds, luck in ((2, 0.02), (3, 0.0), (3, 0.02), (5, 0.02))
    ),
    *(Setting(*numbers, luck=0.04) for numbers in ((139, 225, 2), (139, 225, 3), (60, 120, 3))),
)
POWER = tuple(Setting(60, 120, seeds, 0.02, gain=0.05) for seeds in (2, 3, 5))


def rejections(setting: Setting, runs: int, generator: np.random.Generator, draws: int) -> dict[str, int]:
    """Count the runs in which each way tells the methods apart."""
    counts = dict.fromkeys([f"{metric} {way}" for metric in METRICS for way in WAYS], 0)
    for _ in range(runs):
        labels, scores = setting.draw(generator)
        calls = np.array([[own > best_f1_threshold(labels, own) for own in rows] for rows in scores])
        for metric in METRICS:
            test = delong_test if metric == "auc" else paired_permutation_test
            a, b = scores if metric == "auc" else calls.astype(int)
            p_value = test(labels, a, b).p_value
            bounds = difference_interval(metric, labels, a, b, generator=generator, draws=draws)
            apart = bounds.kind != "degenerate" and not bounds.low <= 0 <= bounds.high
            counts[f"{metric} test"] += p_value < LEVEL
            counts[f"{metric} interval"] += apart
            decided = verdict(bounds.low, bounds.high, p_value, significance=LEVEL)
            counts[f"{metric} gain"] += decided in (HOLDS, CONTRADICTED)
            counts[f"{metric} each"] += all(
                test(labels, x, y).p_value < LEVEL for x, y in zip(a, b, strict=True)
            )
    return counts


def table(settings: tuple[Setting, ...], runs: int, draws: int) -> pd.DataFrame:
    """Give one row per setting: percent of runs, with its range; each from a stream of its own."""
    return pd.DataFrame(_rows(settings, runs, draws))


def _rows(settings: tuple[Setting, ...], runs: int, draws: int) -> Iterator[dict[str, object]]:
    streams = np.random.default_rng(SEED).spawn(len(settings))
    for setting, generator in zip(settings, streams, strict=True):
        row: dict[str, object] = {
            "cases": f"{setting.positives}+{setting.negatives}",
            "seeds": setting.seeds,
            "luck": setting.luck,
            "gain": setting.gain,
        }
        for name, count in rejections(setting, runs, generator, draws).items():
            found = wilson_interval(int(count), runs)
            row[name] = f"{100 * found.value:.1f} ({100 * found.low:.1f}-{100 * found.high:.1f})"
        yield row


def main() -> None:
    """Simulate, print the table, write it as CSV if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2000, help="runs per setting")
    parser.add_argument("--draws", type=int, default=300, help="bootstrap draws per interval")
    parser.add_argument("--out", type=Path, help="folder for a CSV file")
    arguments = parser.parse_args()
    frame = table(NULL + POWER, arguments.runs, arguments.draws)
    print(f"Told apart at 5 %, % of runs\n{frame.to_string(index=False)}")
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        frame.to_csv(arguments.out / "seeds.csv", index=False)


if __name__ == "__main__":
    main()
