"""How often DSC and NSD of two methods that are equally good are told apart: interval, test, and both.

    python benchmarks/calibration_means.py [--runs n] [--out folder]

Values look like those of a table of cases: on tumors a share of misses with 0 and the rest spread between 0
and 1, on tumor-free cases 1 or 0; the two methods' values of a case are correlated. `all_cases` averages
over both kinds, `tumor_cases` over tumors alone. Without a gain both methods have one mean, so a level of
5 % must reject in 5 % of runs. `interval` is the share of paired bootstrap intervals that leave out 0,
`test` that of the paired permutation test, `claim` that of the claims' rule, which asks for both. Ranges are
Wilson's 95 % intervals. The last rows have a gain: there more is better.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.special import expit

from rsuper.metrics.overlap import CONVENTIONS
from rsuper.publish.verdict import CONTRADICTED, HOLDS, verdict
from rsuper.stats.bootstrap import difference_interval
from rsuper.stats.interval import wilson_interval
from rsuper.stats.sign_flip import paired_mean_test

LEVEL = 0.05
SEED = 0
CORRELATION = 0.5
# In a standard normal skill: below MISSED a tumor is missed, below -ALARM a tumor-free mask is not empty.
MISSED, ALARM = -0.6, 0.9
WAYS = ("interval", "test", "claim")


@dataclass(frozen=True)
class Setting:
    """Numbers of cases, what is averaged, and by how many standard deviations the first method is better."""

    positives: int
    negatives: int
    convention: str
    gain: float = 0.0

    def draw(self, generator: np.random.Generator) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "2 n"]]:
        """Draw labels and both methods' values of the cases that the convention counts."""
        negatives = self.negatives if self.convention == "all_cases" else 0
        labels = np.repeat([1, 0], [self.positives, negatives])
        shared, *own = generator.standard_normal((3, labels.size))
        skill = np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * np.array(own)
        skill[0] += self.gain
        tumors = np.where(skill < MISSED, 0.0, expit(1.2 * skill - 0.2))
        return labels, np.where(labels == 1, tumors, skill > -ALARM)


NULL = tuple(
    Setting(positives, negatives, convention)
    for positives, negatives in ((139, 225), (50, 50), (35, 50), (15, 50))
    for convention in CONVENTIONS
)
POWER = tuple(
    Setting(positives, 50, "tumor_cases", gain) for positives in (50, 15) for gain in (0.0, 0.25, 0.5, 1.0)
)


def rejections(setting: Setting, runs: int, generator: np.random.Generator, draws: int) -> dict[str, int]:
    """Count the runs in which each way tells the methods apart."""
    counts = dict.fromkeys(WAYS, 0)
    for _ in range(runs):
        labels, (a, b) = setting.draw(generator)
        bounds = difference_interval("mean", labels, a, b, generator=generator, draws=draws)
        p_value = paired_mean_test(a, b, generator=generator, draws=draws).p_value
        counts["interval"] += bounds.kind != "degenerate" and not bounds.low <= 0 <= bounds.high
        counts["test"] += p_value < LEVEL
        decided = verdict(bounds.low, bounds.high, p_value, significance=LEVEL)
        counts["claim"] += decided in (HOLDS, CONTRADICTED)
    return counts


def table(settings: tuple[Setting, ...], runs: int, draws: int) -> pd.DataFrame:
    """Give one row per setting: percent of runs, with its range; each from a stream of its own."""
    return pd.DataFrame(_rows(settings, runs, draws))


def _rows(settings: tuple[Setting, ...], runs: int, draws: int) -> Iterator[dict[str, object]]:
    streams = np.random.default_rng(SEED).spawn(len(settings))
    for setting, generator in zip(settings, streams, strict=True):
        row: dict[str, object] = {
            "cases": f"{setting.positives}+{setting.negatives}",
            "convention": setting.convention,
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
    parser.add_argument("--draws", type=int, default=500, help="resamples per interval, and swaps per test")
    parser.add_argument("--out", type=Path, help="folder for a CSV file")
    arguments = parser.parse_args()
    frame = table(NULL + POWER, arguments.runs, arguments.draws)
    print(f"Told apart at 5 %, % of runs\n{frame.to_string(index=False)}")
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        frame.to_csv(arguments.out / "means.csv", index=False)


if __name__ == "__main__":
    main()
