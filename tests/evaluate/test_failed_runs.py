"""Hand-made runs: which of them failed, and which are only weak."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scored_runs import make_experiment, run_cases

from rsuper.artifacts import Layout
from rsuper.collection import Collection
from rsuper.evaluate.failed_runs import NO_LEARNING, NO_MASK, ONE_SCORE, failed_in, failed_runs
from rsuper.evaluate.learning import Learning
from rsuper.schemas import CASES

LABELS = [1, 1, 0, 0, 0]
# nnU-Net took both kidneys for tumors, with probability 1, in every CT.
FAILED = [("real_anatomy", "nnunet", "kidney")]
REFERENCE = Path(__file__).parents[2] / "results" / "reference"


def run(scores, volumes, **changes):
    return run_cases(LABELS, scores, **changes).assign(predicted_volume_mm3=volumes)


def found(cases, learning=None, controls=()):
    return failed_runs(cases, "top_volume_mean", learning or {}, controls)


def test_a_run_without_any_mask_is_named_with_target_seed_and_cts():
    weak = run([0.4, 0.1, 0.2, 0.3, 0.1], [0.0, 0.0, 0.0, 64.0, 0.0], seed=0)  # one false piece: weak
    empty = run([0.4, 0.1, 0.2, 0.3, 0.1], [0.0] * 5, seed=1)
    kidney = run([0.9, 0.1, 0.2, 0.3, 0.1], [99.0] + [0.0] * 4, seed=1, target="kidney")
    table = found(pd.concat([weak, empty, kidney]))
    assert table.to_numpy().tolist() == [
        ["full", "r_super", 1, "pancreas", NO_MASK, "no voxel of 5 CTs reaches a probability of 0.5"]
    ]


def test_a_mask_on_any_test_set_or_validation_case_is_enough():
    empty = run([0.4, 0.1, 0.2, 0.3, 0.1], [0.0] * 5)
    some = run([0.4, 0.1, 0.2, 0.3, 0.1], [8.0] + [0.0] * 4, test_set="validation")
    assert len(found(empty)) == 1
    assert found(pd.concat([empty, some])).empty


def test_empty_is_right_where_no_ct_has_the_tumor():
    assert found(run([0.4, 0.1, 0.2, 0.3, 0.1], [0.0] * 5).assign(truth=False)).empty


def test_one_score_for_all_is_named_whatever_it_is():
    same = run([0.75] * 5, [500.0] * 5)
    assert found(same)[["sign", "finding"]].to_numpy().tolist() == [
        [ONE_SCORE, "all 5 CTs have the score 0.75"]
    ]
    assert found(run([0.75] * 4 + [0.75 + 1 / 65535], [500.0] * 5)).empty


def test_cts_without_a_score_are_not_looked_at():
    lost = run([np.nan] * 5, [np.nan] * 5)
    assert found(lost).empty
    assert found(run([0.2, np.nan, 0.2, 0.2, 0.2], [1.0, np.nan, 1.0, 1.0, 1.0]))["sign"].tolist() == [
        ONE_SCORE
    ]


def test_a_loss_that_did_not_fall_concerns_every_target():
    learning = {
        ("full", "a", 0): Learning(1.5, 1.5),
        ("full", "b", 0): Learning(1.5, 1.49),
        ("full", "c", 0): None,
    }
    assert found(
        pd.DataFrame(columns=[*CASES.columns, "budget", "method", "seed"]), learning
    ).to_numpy().tolist() == [
        ["full", "a", 0, "", NO_LEARNING, "the training loss began at 1.5 and ended at 1.5"]
    ]


def test_untrained_controls_are_not_judged():
    silent = run([0.0] * 5, [0.0] * 5, method="silent")
    assert found(silent)["sign"].tolist() == [NO_MASK, ONE_SCORE]
    assert found(silent, controls=["silent"]).empty


def test_logs_and_cases_of_an_experiment_come_together(tmp_path):
    layout = Layout(tmp_path)
    for method, losses in (("segmentation", [2.0, 2.5]), ("r_super", [2.0, 1.0])):
        log = layout.run("full", method, 0) / "model" / "log.jsonl"
        log.parent.mkdir(parents=True)
        log.write_text("".join(json.dumps({"step": k, "loss": loss}) + "\n" for k, loss in enumerate(losses)))
    cases = run([0.4, 0.1, 0.2, 0.3, 0.1], [0.0] * 5)
    runs = [("full", "segmentation", 0), ("full", "r_super", 0), ("full", "silent", 0)]
    table = failed_in(Collection(make_experiment(controls=["silent"]), layout), runs, cases)
    assert table[["method", "sign"]].to_numpy().tolist() == [
        ["r_super", NO_MASK],
        ["segmentation", NO_LEARNING],
    ]


@pytest.mark.parametrize("name", ["phantom", "phantom_seeds", "phantom_curve", "real_anatomy", "baselines"])
def test_of_the_kept_rows_only_what_failed_shows_the_signs(name):
    """An empty run has Dice 1 on tumor-free CTs and 0 on the others; one score for all has AUC one half."""
    table = (
        pd.read_csv(REFERENCE / name / "table2.csv").query("status == 'run'").set_index(["budget", "method"])
    )
    cells = [column.removesuffix("_auc") for column in table if column.endswith("_auc")]
    seen = 0
    for (budget, method), row in table.iterrows():
        for target in ("pancreas", "kidney"):
            own = [c for c in cells if c.startswith(target) and pd.notna(row[f"{c}_auc"])]
            counts = [[int(n) for n in row[f"{c}_n"].split("+")] for c in own]
            empty = [abs(row[f"{c}_dsc"] - n / (p + n)) < 1e-4 for c, (p, n) in zip(own, counts, strict=True)]
            chance = [row[f"{c}_auc"] == 0.5 for c in own]
            if own:
                seen += 1
                failed = method == "silent" or (name, method, target) in FAILED
                assert (all(empty) or all(chance)) == failed, (budget, method, target)
    assert seen > 4
