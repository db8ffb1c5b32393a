"""Scored cases of one run and test set as arrays, with the thresholds that turn scores into calls."""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Shaped

from rsuper.errors import ArtifactError
from rsuper.metrics.detection import THRESHOLD_RULES, best_f1_threshold

VALIDATION = "validation"
STRATA = ("all", "small", "large")
# All case scores are at least 0. A failed case lies below all of them and below every threshold, so that it
# is called negative even where calling every scored case positive is best.
FAILED_SCORE = -1.0
LOWEST_THRESHOLD = -0.5


@dataclass(frozen=True)
class Key:
    """What a group of cases belongs to."""

    budget: str
    method: str
    seed: str  # of training; "all" for all seeds together
    test_set: str
    target: str

    def __str__(self) -> str:
        return f"{self.method} at budget {self.budget}, seed {self.seed}, {self.test_set}, {self.target}"


@dataclass(frozen=True)
class Threshold:
    """A threshold on the case score, NaN with a reason where a rule cannot choose one."""

    value: float
    reason: str = ""


@dataclass(frozen=True)
class ScoredCases:
    """Cases of one run, test set and target, sorted by case_id; arrays run along the rows of `frame`.

    `validation` are the cases that set that rule's threshold, sorted likewise; none where there are none.
    """

    key: Key
    frame: pd.DataFrame
    validation: pd.DataFrame
    labels: Bool[np.ndarray, " n"]
    scores: Float[np.ndarray, " n"]
    failed: Bool[np.ndarray, " n"]
    patients: Shaped[np.ndarray, " n"]
    thresholds: dict[str, Threshold]

    def within(self, stratum: str) -> Bool[np.ndarray, " n"]:
        """Mark the cases of a stratum: its tumors, and every tumor-free case."""
        if stratum == "all":
            return np.ones(len(self.frame), dtype=bool)
        return ~self.labels | (self.frame["stratum"] == stratum).to_numpy()

    def calls(self, rule: str) -> Bool[np.ndarray, " n"]:
        """Call each case positive or negative at the rule's threshold, which must not be NaN."""
        return self.scores > self.thresholds[rule].value

    def mask_metric(self, name: str) -> Float[np.ndarray, " n"]:
        """Return DSC or NSD per case; a failed case counts as an empty mask. NaN without a truth mask."""
        values = self.frame[name].to_numpy(dtype=np.float64, copy=True)
        annotated = (self.frame["truth_source"] == "mask").to_numpy()
        values[self.failed & annotated] = np.where(self.labels, 0.0, 1.0)[self.failed & annotated]
        return values

    def lesions(self) -> Float[np.ndarray, "3 n"]:
        """Return per case the true tumors, those found, and false pieces; a failed case marks nothing."""
        names = ["tumors", "tumors_found", "false_positives"]
        counts = self.frame[names].to_numpy(dtype=np.float64, copy=True).T
        failed = self.failed & ~np.isnan(counts[0])
        counts[1:, failed] = 0.0
        return counts

    def with_masks(
        self, keep: Bool[np.ndarray, " n"], name: str, convention: str
    ) -> tuple[Bool[np.ndarray, " n"], str]:
        """Mark the cases of `keep` whose DSC or NSD counts in a convention; say what is missing."""
        chosen = keep & self.labels if convention == "tumor_cases" else keep
        counted = chosen & ~np.isnan(self.mask_metric(name))
        missing = int(chosen.sum() - counted.sum())
        if not chosen.any():
            return counted, "no cases"
        if not counted.any():
            return counted, "no truth masks"
        return counted, f"{missing} cases have no truth mask" if missing else ""

    def failures(self, stratum: str) -> str:
        """Say how many cases of a stratum failed; "" where none did."""
        keep = self.within(stratum)
        failed = int(self.failed[keep].sum())
        if not failed:
            return ""
        return f"{failed} of {int(keep.sum())} cases failed: called negative, mask empty"


def scored_groups(cases: pd.DataFrame, score: str) -> Iterator[ScoredCases]:
    """Split the table of cases into runs, test sets and targets, in sorted order.

    Args:
        cases: columns of CASES with budget, method and seed, of all runs; validation cases have the test set
            `validation`, which sets thresholds and is not a group of its own.
        score: name of the case score, such as `top_volume_mean`.

    Raises:
        ArtifactError: a case stands twice in a group or among its validation cases, or a score is infinite
            or negative.
    """
    keys = ["budget", "method", "seed", "test_set", "target"]
    groups = dict(iter(cases.groupby(keys, sort=True)))
    for (budget, method, seed, test_set, target), group in groups.items():
        if test_set != VALIDATION:
            key = Key(str(budget), str(method), str(seed), str(test_set), str(target))
            yield _scored(key, group, groups.get((budget, method, seed, VALIDATION, target)), score)


def _scored(key: Key, group: pd.DataFrame, validation: pd.DataFrame | None, score: str) -> ScoredCases:
    frame = _sorted(key, group)
    held_out = _sorted(replace(key, test_set=VALIDATION), group[:0] if validation is None else validation)
    labels, scores, failed = _arrays(key, frame, score)
    chosen_on = {"oracle_test": (labels, scores), "validation": _arrays(key, held_out, score)[:2]}
    return ScoredCases(
        key=key,
        frame=frame,
        validation=held_out,
        labels=labels,
        scores=scores,
        failed=failed,
        # A case whose patient is not known is a patient of its own.
        patients=frame["patient_id"].where(frame["patient_id"] != "", frame["case_id"]).to_numpy(dtype=str),
        thresholds={rule: _threshold(rule, *chosen_on[rule]) for rule in THRESHOLD_RULES},
    )


def _sorted(key: Key, rows: pd.DataFrame) -> pd.DataFrame:
    frame = rows.sort_values("case_id", ignore_index=True)
    twice = frame["case_id"][frame["case_id"].duplicated()]
    if len(twice):
        raise ArtifactError(f"{key}: case '{twice.iloc[0]}' stands twice in the table of cases")
    return frame


def _arrays(
    key: Key, frame: pd.DataFrame, score: str
) -> tuple[Bool[np.ndarray, " n"], Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    scores = frame[f"score_{score}"].to_numpy(dtype=np.float64)
    failed = np.isnan(scores)
    wrong = np.isinf(scores) | (scores < 0)  # a failed case has to lie below all others
    if wrong.any():
        case, value = frame["case_id"][wrong].iloc[0], scores[wrong][0]
        raise ArtifactError(
            f"{key}: score_{score} of case '{case}' must be finite and at least 0, got {value}"
        )
    return frame["truth"].to_numpy(dtype=bool), np.where(failed, FAILED_SCORE, scores), failed


def _threshold(rule: str, labels: Bool[np.ndarray, " n"], scores: Float[np.ndarray, " n"]) -> Threshold:
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        where = "the test set" if rule == "oracle_test" else "validation"
        return Threshold(
            math.nan, f"no threshold: {positives} tumor and {negatives} tumor-free CTs in {where}"
        )
    return Threshold(max(best_f1_threshold(labels, scores), LOWEST_THRESHOLD))


def generator_for(entropy: int, name: str) -> np.random.Generator:
    """Return a generator that depends on a seed and a name alone.

    So an interval stays the same when other runs, test sets or metrics come or go.
    """
    return np.random.default_rng([entropy, zlib.crc32(name.encode())])
