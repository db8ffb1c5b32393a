"""Made-up long forms: small enough to know every number of the tables by heart."""

from dataclasses import dataclass, field

import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.schemas import COMPARISONS, FAILED_RUNS, METRICS

BASE = {
    "name": "made_up",
    "about": "numbers for tests",
    "data_note": "made-up numbers",
    "targets": ["pancreas", "kidney"],
    "datasets": {"d": {"source": "abdomenatlas", "root": "nowhere"}},
    "test_sets": {
        "internal": {"role": "test_internal", "label": "same hospital", "paper": "UCSF-Test"},
        "external": {"role": "test_external", "label": "unseen hospital", "paper": "JHH-Test"},
    },
    "budgets": {
        "few": {"pancreas": 5, "kidney": 5, "normal": 10, "methods": ["segmentation", "r_super"]},
        "full": {"methods": ["nnunet", "segmentation", "r_super", "r_super-volume_only", "mine"]},
    },
    "preprocess": {},
    "network": {"name": "unet", "patch": [8, 8, 8]},
    "schedule": {
        "stage1_steps": 1,
        "steps": 1,
        "learning_rate": 0.1,
        "stage1_learning_rate": 0.1,
    },
}


@dataclass(frozen=True)
class Uses:
    all_images: bool = False
    masks: bool = True
    reports: str = "none"


@dataclass(frozen=True)
class Ticks:
    uses_unannotated_cts: bool = False
    uses_reports: bool = False
    uses_detailed_report_info: bool = False
    reports_optimize_segmentation: bool = False
    reports_penalize_fp_fn: bool = False


@dataclass(frozen=True)
class Card:
    name: str
    label: str
    uses: Uses = Uses()
    table1: Ticks | None = Ticks()
    control: str | None = None
    variants: dict[str, object] = field(default_factory=dict)
    variant_labels: dict[str, str] = field(default_factory=dict)


def make_experiment(**changes: object) -> Experiment:
    return Experiment.model_validate(BASE | changes)


def metric(budget: str, method: str, name: str, value: float, **changes: object) -> dict[str, object]:
    """One row of METRICS, pancreas on the external test set, 40 tumor and 60 tumor-free CTs."""
    rule = "oracle_test" if name in ("f1", "sensitivity", "specificity") else ""
    convention = "all_cases" if name == "dsc" or name.startswith("nsd") else ""
    row = {
        "budget": budget,
        "method": method,
        "seed": "0",
        "test_set": "external",
        "target": "pancreas",
        "stratum": "all",
        "metric": name,
        "convention": convention,
        "rule": rule,
        "value": value,
        "ci_low": value - 0.1,
        "ci_high": value + 0.1,
        "interval": "made up",
        "n_positive": 40,
        "n_negative": 60,
        "threshold": 0.5,
        "reason": "",
    }
    return row | changes


def comparison(
    other: str, name: str, low: float, high: float, p: float, **changes: object
) -> dict[str, object]:
    """One row of COMPARISONS: r_super against another at budget full, pancreas on the external test set."""
    row = {
        "budget": "full",
        "method": "r_super",
        "other": other,
        "seed": "0",
        "test_set": "external",
        "target": "pancreas",
        "stratum": "all",
        "metric": name,
        "convention": "all_cases" if name in ("dsc", "nsd") else "",
        "rule": "oracle_test" if name == "f1" else "",
        "difference": (low + high) / 2,
        "ci_low": low,
        "ci_high": high,
        "test": "made up",
        "p_value": p,
        "p_adjusted": min(1.0, 2 * p),
        "ablation": False,
        "reason": "",
    }
    return row | changes


def metrics_of(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(METRICS.columns))


def comparisons_of(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COMPARISONS.columns)).astype({"ablation": bool})


def failed_of(rows: list[tuple[str, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(FAILED_RUNS.columns))
