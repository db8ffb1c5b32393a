"""Everything that the report shows, made up: small, and with whatever text a test wants in it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from long_forms import comparison, comparisons_of, failed_of, make_experiment, metric, metrics_of

from rsuper.methods import Card, available
from rsuper.publish.claims import claims_frame
from rsuper.publish.figures.overlay_pictures import Picture
from rsuper.publish.html.panels import panel
from rsuper.publish.html.sources import Sources
from rsuper.publish.hypotheses import hypotheses_frame
from rsuper.publish.inputs import Inputs
from rsuper.publish.table1 import table1
from rsuper.publish.table2 import table2
from rsuper.publish.table3 import table3
from rsuper.schemas import AUDIT, LEAKED, PAPER_AUDIT

PLACES = [("pancreas", "external"), ("pancreas", "internal"), ("kidney", "internal"), ("kidney", "external")]
SCORES = {"segmentation": 0.70, "r_super": 0.80, "nnunet": 0.75}
RUNS = [("full", method, 0) for method in SCORES]


def sources(folder: Path, text: str = "text") -> Sources:
    """Make sources in which every cell that may hold free text holds `text`."""
    experiment = make_experiment(
        about=f"About {text}",
        data_note=f"Note {text}",
        budgets={"full": {"methods": list(SCORES)}},
        test_sets={
            "internal": {"role": "test_internal", "label": f"same {text}", "paper": "UCSF-Test"},
            "external": {"role": "test_external", "label": "unseen hospital", "paper": "JHH-Test"},
        },
        hypotheses=[
            {
                "id": "reports_help",
                "statement": f"Reports help {text}",
                "budget": "full",
                "other": "segmentation",
                "metrics": ["auc", "f1"],
            }
        ],
    )
    cards = [_card(name, text) for name in available()]
    metrics, comparisons = _long_forms()
    failed = failed_of([("full", "nnunet", "0", "", "no learning", f"the loss {text}")])
    leaked = pd.DataFrame([["a", "p", "test_internal", "mask_train"]], columns=list(LEAKED.columns))
    inputs = Inputs(
        experiment,
        cards,
        metrics,
        comparisons,
        {"full": {"pancreas": 7, "kidney": 9}},
        {("full", name): ({"pancreas": 7, "kidney": 9}, {"pancreas": 20, "kidney": 30}) for name in SCORES},
        failed,
        leaked,
    )
    shown = {"supervision": inputs.supervision, "failed": failed}
    tables = {
        "table1": table1(cards),
        "table2": table2(metrics, comparisons, experiment, cards, **shown),
        "table2_validation": table2(metrics, comparisons, experiment, cards, **shown, rule="validation"),
        "table3": table3(metrics, comparisons, experiment, cards, **shown),
        "claims": claims_frame(metrics, comparisons, experiment, failed=failed).assign(why=text),
        "hypotheses": hypotheses_frame(comparisons, experiment, failed=failed),
        "accuracy": _accuracy(text),
    }
    audit = pd.DataFrame([["check", "warning", 2, "a b", text, text, text]], columns=list(AUDIT.columns))
    return Sources(
        inputs=inputs,
        experiment_file=Path("made_up.yaml"),
        root=folder,
        tables=tables,
        audit=audit,
        paper=_paper(text),
        extraction=[f"all right {text}"],
        figures=[_drawing(folder, name) for name in ("figure4", "roc", "training", "landing", "figure3")],
        panels=[json.dumps(each) for each in _panels(text)],
        methods=[card for card in cards if card.name in SCORES],
        records={run: _record(run, text) for run in RUNS},
    )


def _card(name: str, text: str) -> Card:
    card = available()[name]
    told = {"label": f"{card.label} {text}", "citation": text, "deviations": (text,)}
    return card.model_copy(update=told)


def _long_forms() -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, compared = [], []
    for target, test_set in PLACES:
        for stratum in ("all", "small", "large"):
            place = {"target": target, "test_set": test_set, "stratum": stratum}
            for method, value in SCORES.items():
                for rule in ("oracle_test", "validation"):
                    rows += [
                        metric("full", method, name, value - 0.1, rule=rule, **place)
                        for name in ("f1", "sensitivity", "specificity")
                    ]
                rows.append(metric("full", method, "auc", value, **place))
                for convention in ("all_cases", "tumor_cases"):
                    rows.append(metric("full", method, "dsc", value - 0.3, convention=convention, **place))
            for other in ("segmentation", "nnunet"):
                compared.append(comparison(other, "auc", 0.01, 0.09, 0.001, **place))
                for rule in ("oracle_test", "validation"):
                    compared.append(comparison(other, "f1", -0.05, 0.09, 0.3, rule=rule, **place))
                tumors = {"convention": "tumor_cases", **place}
                compared.append(comparison(other, "dsc", -0.2, -0.1, 0.001, **tumors))
    return metrics_of(rows), comparisons_of(compared)


def _accuracy(text: str) -> pd.DataFrame:
    row = {"set": text, "extractor": "rules", "version": "5", "target": "kidney", "measure": "presence"}
    numbers = {"value": 0.9, "low": 0.8, "high": 0.95, "count": 9.0, "n": 10}
    return pd.DataFrame([row | numbers, row | numbers | {"measure": "error_missed"}])


def _paper(text: str) -> pd.DataFrame:
    verdicts = ["inconsistent", *["consistent"] * 25]
    rows = [{"check": f"check {k}", "verdict": each, "finding": text} for k, each in enumerate(verdicts)]
    return pd.DataFrame(rows, columns=list(PAPER_AUDIT.columns))


def _drawing(folder: Path, name: str) -> Path:
    path = folder / f"{name}.svg"
    size = 'width="300" height="200"'
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {size}><rect {size} fill="#0072B2"/></svg>')
    return path


def _panels(text: str) -> list[dict[str, object]]:
    truth = np.zeros((12, 10), dtype=bool)
    truth[3:7, 4:8] = True
    row = {
        "seed": 0,
        "budget": "full",
        "test_set": "internal",
        "reason": "",
        "dsc": 0.5,
        "predicted_volume_mm3": 1200.0,
        "truth_volume_mm3": 2000.0,
        "diameter_mm": 14.0,
        "slice_z": 4,
        "ball_x": 5.0,
        "ball_y": 6.0,
        "ball_z": 4.0,
    }
    return [
        panel(
            Picture(
                pd.Series(
                    row | {"method": method, "target": target, "kind": kind, "case_id": f"case {text}"}
                ),
                np.full((12, 10), 40.0, dtype=np.float32),
                truth,
                np.where(truth, 0.9, 0.0).astype(np.float32),
                (4.0, 4.0, 4.0),
                (0.0, 0.0),
            )
        )
        for _, method, _ in RUNS
        for target in ("pancreas", "kidney")
        for kind in ("best", "worst", "false alarm")
    ]


def _record(run: tuple[str, str, int], text: str) -> dict[str, object]:
    return {
        "card": {"version": 1},
        "commit": "0123456789abcdef",
        "dirty": False,
        "versions": {"torch": "2.13.0"},
        "hardware": {"cpu": f"processor {text}", "device": "cpu"},
        "deterministic": True,
        "deterministic_reason": "",
        "code_fingerprint": f"code-{run[1]}",
        "cohort_sha256": "cohort",
        "ended": "2026-01-02T03:04:05.678+00:00",
        "seconds_training": 61.2,
        "peak_memory_mb": {"resident": 512.0},
        "work": {"steps": 100.0, "mask_patches": 200.0, "report_patches": 0.0},
    }
