"""Made-up tables of cases."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.evaluate.cases import cases_frame, nsd_columns

TOLERANCES = (2.0,)


def make_experiment(**changes: object) -> Experiment:
    base = {
        "name": "made_up",
        "about": "numbers for tests",
        "targets": ["pancreas"],
        "datasets": {"d": {"source": "abdomenatlas", "root": "nowhere"}},
        "test_sets": {"internal": {"role": "a", "label": "a"}},
        "budgets": {"full": {"methods": ["segmentation", "r_super"]}},
        "preprocess": {},
        "network": {"patch": [8, 8, 8]},
        "schedule": {"stage1_steps": 1, "steps": 1, "learning_rate": 0.1, "stage1_learning_rate": 0.1},
        "evaluation": {"nsd_tolerances_mm": TOLERANCES, "bootstrap_draws": 200},
    }
    return Experiment.model_validate(base | changes)


def run_cases(
    labels: Sequence[int], scores: Sequence[float], dsc: Sequence[float] | None = None, **changes: object
) -> pd.DataFrame:
    """Cases of one run: a NaN score is a failed case; without `dsc` there are no truth masks."""
    rows = [
        {
            "case_id": f"case{index:03d}",
            "patient_id": f"patient{index:03d}",
            "test_set": "internal",
            "target": "pancreas",
            "truth": bool(label),
            "truth_source": "report" if dsc is None else "mask",
            "stratum": ("small" if index % 2 else "large") if label else "",
            "score_top_volume_mean": score,
            "dsc": math.nan if dsc is None or math.isnan(score) else dsc[index],
            # One tumor per tumor case, found where Dice is above 0; an unclean tumor-free case has one piece.
            "tumors": math.nan if dsc is None else float(label),
            "tumors_found": math.nan if dsc is None or math.isnan(score) else float(label * (dsc[index] > 0)),
            "false_positives": math.nan
            if dsc is None or math.isnan(score)
            else float((1 - label) * (dsc[index] == 0)),
            **dict.fromkeys(
                nsd_columns(TOLERANCES).values(),
                math.nan if dsc is None or math.isnan(score) else dsc[index] / 2,
            ),
            "reason": "lost" if math.isnan(score) else "",
        }
        for index, (label, score) in enumerate(zip(labels, scores, strict=True))
    ]
    frame = cases_frame(rows, TOLERANCES)
    return frame.assign(**({"budget": "full", "method": "r_super", "seed": 0} | changes))


def random_run(method: str, draw: int, shift: float = 1.0, **changes: object) -> pd.DataFrame:
    """60 cases, 24 of them tumors, scored above the others by about `shift` standard deviations."""
    generator = np.random.default_rng(draw)
    labels = np.arange(60) % 5 < 2
    scores = 1 / (1 + np.exp(-(generator.normal(size=60) + shift * labels)))
    dsc = np.where(labels, generator.random(60), generator.random(60) < 0.7).astype(float)
    return run_cases(labels.astype(int).tolist(), scores.tolist(), dsc.tolist(), method=method, **changes)
