"""The held-out tenth as a training may see it: it hands over a predictor, and numbers come back.

Validation cases have reports, which not every method may read. So no method is handed them: what decides
between weights is one function, the same for all, that keeps CTs and reports to itself.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from rsuper.collection import Collection
from rsuper.data.cohort import TARGET_ORGANS
from rsuper.data.store import structure_mask
from rsuper.errors import ConfigError
from rsuper.metrics.detection import auc, case_scores
from rsuper.reports.supervision import case_truth
from rsuper.task import HeldOut, Predictor


def held_out(collection: Collection) -> HeldOut:
    """Make the function that scores a predictor on the validation cases.

    It is given a predictor (stored case -> probability per target of the experiment, on the store's grid)
    and the targets that count. It returns per target the AUC of the experiment's case score against what the
    reports say, and their mean as `score`. A target all of whose cases are alike has none.

    The function raises ConfigError where no target has cases of both kinds.
    """
    experiment = collection.experiment
    cases = [collection.stored[case] for case in collection.validation]
    truths: dict[str, dict[str, bool | None]] = {
        case.case_id: {
            target: case_truth(collection.findings.get(case.case_id), target) for target in experiment.targets
        }
        for case in cases
    }

    def score(predict: Predictor, targets: Sequence[str]) -> dict[str, float]:
        found: dict[str, list[tuple[bool, float]]] = {target: [] for target in targets}
        for case in cases:
            maps = dict(zip(experiment.targets, predict(case), strict=True))
            organs = case.organs((0, 0, 0), case.index.shape)
            for target in targets:
                truth = truths[case.case_id][target]
                organ = structure_mask(organs, TARGET_ORGANS[target])
                if truth is not None and organ.any():
                    scores = case_scores(maps[target], organ, case.index.spacing_mm)
                    found[target].append((truth, scores[experiment.evaluation.score]))
        return _areas(found)

    return score


def _areas(found: Mapping[str, Sequence[tuple[bool, float]]]) -> dict[str, float]:
    areas = {}
    for target, scored in found.items():
        labels, scores = (np.array(column) for column in zip(*scored, strict=True)) if scored else ((), ())
        if len(set(labels)) == 2:
            areas[f"auc_{target}"] = auc(np.asarray(labels), np.asarray(scores))
    if not areas:
        raise ConfigError(
            f"section 'engine' of the experiment: validation needs held-out cases with and without a tumor "
            f"of one of {list(found)}; leave validate_every out, or raise the share in section 'validation'"
        )
    return {**areas, "score": float(np.mean(list(areas.values())))}
