"""Runs whose numbers say nothing of their method: collapsed to one answer for every CT, or never learned.

A weak method is none of these. The signs are of a network that gives the same answer whatever it sees:

- `no mask`: of all scored CTs, some of which have the tumor, no map of a target reaches the mask threshold;
- `one score`: all scored CTs have the same case score;
- `no learning`: the training loss on masks ends where the untrained network began, or above.

Untrained controls (`silent` has the first two by design) are not judged.
"""

from collections.abc import Container, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from rsuper.collection import Collection
from rsuper.evaluate.learning import Learning, learning_of
from rsuper.metrics.overlap import MASK_THRESHOLD
from rsuper.schemas import FAILED_RUNS

NO_MASK, ONE_SCORE, NO_LEARNING = "no mask", "one score", "no learning"
# Scores of maps that hold steps of 1/65535 are equal or differ by more; sums may round.
SAME = 1e-9

Run = tuple[str, str, int]


def failed_in(collection: Collection, runs: Sequence[Run], cases: pd.DataFrame) -> pd.DataFrame:
    """List the failed runs of an experiment, with the logs of their training; see `failed_runs`.

    Raises:
        ArtifactError: a log is not readable.
    """
    experiment = collection.experiment
    trained = [run for run in runs if run[1] not in experiment.controls]
    learning = {run: learning_of(collection.layout, *run) for run in trained}
    return failed_runs(cases, experiment.evaluation.score, learning, experiment.controls)


def failed_runs(
    cases: pd.DataFrame, score: str, learning: Mapping[Run, Learning | None], controls: Container[str]
) -> pd.DataFrame:
    """List the failed runs, one row per run, target and sign; target is blank where all are concerned.

    Args:
        cases: columns of CASES with budget, method and seed, of all runs and test sets, validation included.
            CTs that could not be scored are not looked at; they are counted elsewhere.
        score: name of the case score.
        learning: per run (budget, method, seed) its training loss; None where no log tells.
        controls: untrained ones.

    Returns:
        Columns of FAILED_RUNS, sorted; no failed run gives an empty frame.
    """
    rows = [*_collapsed(cases, score), *_unlearned(learning)]
    kept = [row for row in rows if row[1] not in controls]
    return pd.DataFrame(sorted(kept), columns=list(FAILED_RUNS.columns))


def _collapsed(cases: pd.DataFrame, score: str) -> Iterator[tuple[object, ...]]:
    column = f"score_{score}"
    scored = cases[cases[column].notna()]
    for key, group in scored.groupby(["budget", "method", "seed", "target"], sort=True):
        largest, values = group["predicted_volume_mm3"].max(), group[column].to_numpy(dtype=np.float64)
        if group["truth"].astype(bool).any() and largest == 0:
            finding = f"no voxel of {len(group)} CTs reaches a probability of {MASK_THRESHOLD:g}"
            yield *key, NO_MASK, finding
        if len(group) > 1 and np.ptp(values) <= SAME:
            yield *key, ONE_SCORE, f"all {len(group)} CTs have the score {values[0]:.4g}"


def _unlearned(learning: Mapping[Run, Learning | None]) -> Iterator[tuple[object, ...]]:
    for key, found in learning.items():
        if found is not None and not found.fell:
            finding = f"the training loss began at {found.start:.4g} and ended at {found.end:.4g}"
            yield *key, "", NO_LEARNING, finding
