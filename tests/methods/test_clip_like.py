"""Two stages: what is contrasted, what the second stage starts from, and the controls."""

import json
from dataclasses import replace

import pytest
import torch

from rsuper.engine import checkpoint
from rsuper.errors import DataError
from rsuper.methods import find
from rsuper.runs import training_totals
from rsuper.segmenter import new_network
from tests.methods.contract import log_lines


def fit(task, name="clip_like", **values):
    method = find(name)
    method.module.fit(task, method.config(values))
    return task


@pytest.fixture(scope="module")
def fitted(task_for, tmp_path_factory):
    return fit(task_for("clip_like", tmp_path_factory.mktemp("clip"), steps=3))


def test_work_is_split_between_contrast_and_masks(fitted):
    assert training_totals(fitted.workdir) == {"steps": 2 + 3, "mask_patches": 3 * 2, "report_patches": 0}
    contrast = [line for line in log_lines(fitted.workdir) if "contrast" in line]
    assert len(contrast) == 2
    # Eight are asked for; the budget has three report cases.
    assert {line["count:text_patches"] for line in contrast} == {3}


def test_the_encoder_is_carried_over_and_the_decoder_is_as_it_was_drawn(fitted):
    before = new_network(fitted).state_dict()
    after = torch.load(fitted.workdir / "model" / "pretrain" / checkpoint.WEIGHTS, weights_only=True)
    changed = {
        name.split(".")[0]
        for name, tensor in before.items()
        if not torch.equal(tensor, after[f"network.{name}"])
    }
    assert changed == {"down", "bottom"}
    assert {name for name in after if name.startswith("read_out.")} == {
        "read_out.head.weight",
        "read_out.head.bias",
    }
    final = torch.load(fitted.workdir / "model" / checkpoint.WEIGHTS, weights_only=True)
    assert set(final) == set(before)


def test_it_goes_on_from_a_finished_pre_training(fitted, task_for, tmp_path):
    """A run that a kill stopped between the stages ends with the weights of one that was never stopped."""
    task = task_for("clip_like", tmp_path, steps=3)
    (task.workdir / "model").mkdir(parents=True)
    done = fitted.workdir / "model" / "pretrain"
    (task.workdir / "model" / "pretrain").symlink_to(done)
    fit(task)
    one, other = (
        torch.load(run / "model" / checkpoint.WEIGHTS, weights_only=True)
        for run in (task.workdir, fitted.workdir)
    )
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_a_report_without_a_vector_is_left_out_and_counted(fitted, task_for, tmp_path):
    assert json.loads((fitted.workdir / "text_use.json").read_text()) == {
        "reports_used": 3,
        "reports_without_vector": 0,
    }
    task = task_for("clip_like", tmp_path)
    first, *rest = task.cohort.report_cases
    cohort = replace(task.cohort, report_cases=[replace(first, vector=None), *rest])
    fit(replace(task, cohort=cohort))
    assert json.loads((task.workdir / "text_use.json").read_text()) == {
        "reports_used": 2,
        "reports_without_vector": 1,
    }
    nothing = replace(cohort, report_cases=[replace(case, vector=None) for case in task.cohort.report_cases])
    with pytest.raises(DataError, match="none of 3 training reports has a vector"):
        fit(replace(task_for("clip_like", tmp_path / "nothing"), cohort=nothing))


def test_the_authors_branch_is_a_choice(task_for, tmp_path):
    task = fit(task_for("clip_like", tmp_path), read_out="branch")
    stored = torch.load(task.workdir / "model" / "pretrain" / checkpoint.WEIGHTS, weights_only=True)
    assert any(name.startswith("read_out.transform.") for name in stored)


def test_shuffled_texts_are_those_of_other_cases(task_for, tmp_path):
    module = find("clip_like").module
    task = task_for("clip_like", tmp_path)
    vectors = {case.stored.case_id: case.vector for case in task.cohort.text}
    own = module._pairs(task, module.Config())
    assert all((vectors[stored.case_id] == vector).all() for stored, vector in own)
    seeds = [module._pairs(replace(task, seed=seed), module.Config(texts="shuffled")) for seed in range(8)]
    for pairs in seeds:
        assert [stored.case_id for stored, _ in pairs] == list(vectors)
        assert sorted(v.tolist() for _, v in pairs) == sorted(v.tolist() for v in vectors.values())
    assert any((vectors[stored.case_id] != vector).any() for pairs in seeds for stored, vector in pairs)


def test_without_pretraining_it_starts_from_random_weights(task_for, tmp_path):
    task = fit(task_for("clip_like-no_pretraining", tmp_path), "clip_like-no_pretraining")
    assert not (task.workdir / "model" / "pretrain").exists()
    assert training_totals(task.workdir)["steps"] == 2
