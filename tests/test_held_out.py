"""Validation on the held-out tenth: a number comes back, and no report goes out."""

from dataclasses import replace

import numpy as np
import pytest

from rsuper.engine import checkpoint
from rsuper.engine.settings import Settings
from rsuper.errors import ConfigError
from rsuper.held_out import held_out
from rsuper.methods import find
from rsuper.reports.supervision import case_truth
from rsuper.runs import make_task
from tests.methods import contract


@pytest.fixture
def validated(collection):
    """The tiny data set, all of whose report cases are held out."""
    other = replace(collection)
    other.__dict__["validation"] = [f"tiny_R{number}" for number in range(1, 5)]
    return other


def truths(collection, target):
    return {case: case_truth(collection.findings[case], target) for case in collection.validation}


def test_the_score_is_the_mean_area_by_what_reports_say(validated):
    def predict(case):
        maps = np.zeros((2, *case.index.shape), dtype=np.float32)
        maps[0] = 0.9 if truths(validated, "pancreas")[case.case_id] else 0.1
        maps[1] = 0.5
        return maps

    found = held_out(validated)(predict, ("pancreas", "kidney"))
    assert found == {"auc_pancreas": 1.0, "auc_kidney": 0.5, "score": 0.75}
    assert held_out(validated)(predict, ("kidney",)) == {"auc_kidney": 0.5, "score": 0.5}


def test_cases_of_one_kind_decide_nothing(validated):
    validated.__dict__["validation"] = ["tiny_R3", "tiny_R4"]  # free of tumors
    with pytest.raises(ConfigError, match="validation needs held-out cases with and without a tumor"):
        held_out(validated)(lambda case: np.zeros((2, *case.index.shape), np.float32), ("pancreas",))


def test_a_run_validates_where_the_experiment_says_so(collection):
    method = find("segmentation-stage1")
    assert make_task(collection, method, "full", 0, device="cpu").held_out is None
    engine = collection.experiment.engine.model_copy(update={"validate_every": 1})
    other = replace(collection, experiment=collection.experiment.model_copy(update={"engine": engine}))
    task = make_task(other, method, "full", 0, device="cpu")
    assert task.held_out is not None
    assert task.engine == Settings(validate_every=1)


@pytest.fixture(scope="module")
def fitted(task_for, tmp_path_factory):
    return contract.Runs(task_for, tmp_path_factory.mktemp("runs"))


NAMES = ("segmentation", "r_super", "r_super-pancreas_only", "multi_task", "rg_pseudo_labels", "clip_like")


@pytest.mark.parametrize("name", NAMES)
def test_methods_are_validated_and_follow_the_settings(name, fitted, task_for, tmp_path):
    """The last stage of a row: what is validated is what predicts, and settings reach the loop."""
    method, seen = fitted.find(name), []

    def score(predict, targets):
        case = fitted(name).cohort.mask_cases[0]
        maps = predict(case)
        assert maps.shape == (2, *case.index.shape)
        assert 0 <= maps.min() <= maps.max() <= 1
        seen.append(tuple(targets))
        return {"score": float(len(seen))}

    settings = Settings(validate_every=1, ema=0.5, accumulate=2)
    task = replace(
        fitted.task_for(name, tmp_path),
        engine=settings,
        held_out=score,
        upstream=fitted(name).upstream,
    )
    method.module.fit(task, contract.short_config(method))
    targets = ("pancreas",) if name.endswith("pancreas_only") else ("pancreas", "kidney")
    assert seen == [targets] * 2  # two steps
    summary = checkpoint.summary(task.workdir / "model")
    assert (summary["best_step"], summary["best_score"]) == (2, 2.0)
    assert summary["mask_patches"] == 2 * 2 * 2  # steps, batches of a step, patches of a batch
    assert (task.workdir / "model" / "weights_last.pt").is_file()  # the average predicts
