"""The same cases scored by one run, or by the runs of all training seeds together."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Shaped

from rsuper.errors import ArtifactError
from rsuper.evaluate.calls import VALIDATION, Key, ScoredCases, Threshold, scored_groups

# Stands in the column `seed` of METRICS and COMPARISONS where a row is about all seeds together.
ALL_SEEDS = "all"


@dataclass(frozen=True)
class ScoredSeeds:
    """Runs that differ in their seed alone, on the same cases: values come as one row per seed.

    Labels, patients and strata are those of the cases, equal in all runs.
    """

    key: Key
    runs: tuple[ScoredCases, ...]

    @property
    def labels(self) -> Bool[np.ndarray, " n"]:
        """Truth per case."""
        return self.runs[0].labels

    @property
    def patients(self) -> Shaped[np.ndarray, " n"]:
        """Patient of each case."""
        return self.runs[0].patients

    @property
    def scores(self) -> Float[np.ndarray, "s n"]:
        """Case scores."""
        return np.stack([run.scores for run in self.runs])

    def within(self, stratum: str) -> Bool[np.ndarray, " n"]:
        """Mark the cases of a stratum: its tumors, and every tumor-free case."""
        return self.runs[0].within(stratum)

    def threshold(self, rule: str) -> Threshold:
        """Return the rule's threshold; NaN for several seeds, as each has its own, with the first reason."""
        found = [run.thresholds[rule] for run in self.runs]
        if len(found) == 1:
            return found[0]
        reasons = [
            f"seed {run.key.seed}: {each.reason}"
            for run, each in zip(self.runs, found, strict=True)
            if each.reason
        ]
        return Threshold(math.nan, next(iter(reasons), ""))

    def calls(self, rule: str) -> Bool[np.ndarray, "s n"]:
        """Call each case positive or negative at the threshold of each seed, none of which may be NaN."""
        return np.stack([run.calls(rule) for run in self.runs])

    def mask_metric(self, name: str) -> Float[np.ndarray, "s n"]:
        """Return DSC or NSD; see `ScoredCases`."""
        return np.stack([run.mask_metric(name) for run in self.runs])

    def lesions(self) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "s n"], Float[np.ndarray, "s n"]]:
        """Return the true tumors per case, those found, and false pieces; see `ScoredCases`."""
        tumors, found, false = np.stack([run.lesions() for run in self.runs], axis=1)
        return tumors[0], found, false

    def with_masks(
        self, keep: Bool[np.ndarray, " n"], name: str, convention: str
    ) -> tuple[Bool[np.ndarray, " n"], str]:
        """Mark the cases of `keep` whose DSC or NSD counts in a convention; say what is missing."""
        return self.runs[0].with_masks(keep, name, convention)

    def failures(self, stratum: str) -> str:
        """Say how many cases of a stratum failed, and of which seed where there are several."""
        if len(self.runs) == 1:
            return self.runs[0].failures(stratum)
        found = [(run.key.seed, run.failures(stratum)) for run in self.runs]
        return "; ".join(f"seed {seed}: {text}" for seed, text in found if text)


def seed_groups(cases: pd.DataFrame, score: str) -> Iterator[ScoredSeeds]:
    """Split the table of cases into runs, test sets and targets; then once more with all seeds together.

    The second part is empty where every run has one seed.

    Args:
        cases: as for `scored_groups`.
        score: name of the case score.

    Raises:
        ArtifactError: a case stands twice in a group, or the seeds of a run do not have the same cases.
    """
    together: dict[Key, list[ScoredCases]] = {}
    for group in scored_groups(cases, score):
        together.setdefault(replace(group.key, seed=ALL_SEEDS), []).append(group)
        yield ScoredSeeds(group.key, (group,))
    for key, runs in together.items():
        if len(runs) > 1:
            for other in runs[1:]:
                check_same_cases(runs[0], other)
            yield ScoredSeeds(key, tuple(runs))


def check_same_cases(ours: ScoredCases, other: ScoredCases) -> None:
    """Make sure that two runs were scored on the same cases with the same truth, and so their thresholds.

    Raises:
        ArtifactError: they were not; names a case.
    """
    keys = ours.key, other.key
    _check_same_rows(keys, (ours.frame, other.frame))
    validation = tuple(replace(key, test_set=VALIDATION) for key in keys)
    _check_same_rows((validation[0], validation[1]), (ours.validation, other.validation))


def _check_same_rows(keys: tuple[Key, Key], frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    names = [set(frame["case_id"]) for frame in frames]
    for present, absent in ((0, 1), (1, 0)):
        extra = names[present] - names[absent]
        if extra:
            raise ArtifactError(
                f"case '{min(extra)}' is among the cases of {keys[present]}, but not of {keys[absent]} "
                f"({len(extra)} such cases); score both runs on the same test set"
            )
    for column in ("truth", "stratum", "truth_source", "patient_id"):
        differs = (frames[0][column] != frames[1][column]).to_numpy()
        if differs.any():
            case = frames[0]["case_id"][differs].iloc[0]
            raise ArtifactError(f"case '{case}' differs in '{column}' between {keys[0]} and {keys[1]}")


def over_seeds(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows that the tables print: of all seeds together where a run has several, else of its one.

    Args:
        frame: columns of METRICS or COMPARISONS.

    Raises:
        ArtifactError: a run has several seeds, but no rows of all of them.
    """
    runs = frame.groupby(["budget", "method"], sort=False)["seed"]
    kept = frame[(frame["seed"] == ALL_SEEDS) | ~runs.transform(lambda seeds: (seeds == ALL_SEEDS).any())]
    several = kept.groupby(["budget", "method"], sort=False)["seed"].nunique()
    if (several > 1).any():
        budget, method = several.index[several > 1][0]
        raise ArtifactError(
            f"{method} at budget {budget} has several seeds, but no rows with seed '{ALL_SEEDS}'; "
            "make the long forms again (target metrics.csv)"
        )
    return kept


def count_seeds(frame: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Count the training seeds of each run (budget, method) in METRICS."""
    single = frame.loc[frame["seed"] != ALL_SEEDS, ["budget", "method", "seed"]].drop_duplicates()
    return dict(Counter(zip(single["budget"], single["method"], strict=True)))
