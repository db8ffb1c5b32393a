"""Two stages: what is carried over, what is not, and that the first learns."""

import json

import pytest
import torch

from rsuper.engine import checkpoint
from rsuper.errors import ArtifactError, ConfigError
from rsuper.methods import find
from rsuper.networks.build import build_network
from rsuper.runs import training_totals
from rsuper.segmenter import new_network
from tests.methods.contract import log_lines


@pytest.fixture(scope="module")
def fitted(task_for, tmp_path_factory):
    task = task_for("models_genesis", tmp_path_factory.mktemp("genesis"), steps=3)
    method = find("models_genesis")
    method.module.fit(task, method.config({}))
    return task


def test_all_but_the_heads_is_carried_over(fitted):
    kept = json.loads((fitted.workdir / "model" / "transfer.json").read_text())["not_transferred"]
    assert sorted(kept) == ["deep_head.bias", "deep_head.weight", "head.2.bias", "head.2.weight"]
    network = new_network(fitted)
    own = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    path = fitted.workdir / "model" / "pretrain" / checkpoint.WEIGHTS
    assert checkpoint.transfer_weights(network, path, network.heads) == kept
    restored = torch.load(path, weights_only=True)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, own[name] if name in kept else restored[name]), name


def test_work_is_split_between_restoring_and_masks(fitted):
    totals = training_totals(fitted.workdir)
    assert totals == {"steps": 2 + 3, "mask_patches": 3 * 2, "report_patches": 0}
    restoring, *segmenting = sorted(log_lines(fitted.workdir), key=lambda line: "restoration" not in line)[1:]
    assert "restoration" in restoring
    assert restoring["count:image_patches"] == 4  # as many as R-Super sees
    assert any("mask_dice_final" in line for line in segmenting)


def test_every_ct_of_the_budget_is_restored(task_for, tmp_path, collection):
    cohort = task_for("models_genesis", tmp_path).cohort
    assert len(cohort.images) == len(collection.budget_cases("full", 0)) + len(
        collection.report_ids("full", 0)
    )


def test_without_pretraining_it_starts_from_random_weights(task_for, tmp_path):
    task, method = task_for("models_genesis-no_pretraining", tmp_path), find("models_genesis-no_pretraining")
    method.module.fit(task, method.config({}))
    assert not (task.workdir / "model" / "pretrain").exists()
    assert training_totals(task.workdir)["steps"] == 2


def test_a_small_patch_is_a_config_error(task_for, tmp_path):
    task = task_for("models_genesis", tmp_path)
    small = task.__class__(
        **{**task.__dict__, "network": task.network.model_copy(update={"patch": (8, 16, 16)})}
    )
    with pytest.raises(ConfigError, match=r"needs a patch of at least 14 voxels per side, got \[8, 16, 16\]"):
        find("models_genesis").module.fit(small, find("models_genesis").config({}))


def test_weights_of_another_network_are_refused(tmp_path):
    for name, channels in (("a", (4, 8, 8, 8)), ("b", (4, 8, 16, 16))):
        checkpoint.save_weights(build_network("unet", 1, 1, channels=channels), tmp_path / f"{name}.pt")
    network = build_network("unet", 1, 2, channels=(4, 8, 8, 8))
    assert len(checkpoint.transfer_weights(network, tmp_path / "a.pt", network.heads)) == 4
    with pytest.raises(ArtifactError, match=r"b\.pt: the weights are not of such a network: \['down"):
        checkpoint.transfer_weights(network, tmp_path / "b.pt", network.heads)
    with pytest.raises(ArtifactError, match=r"a\.pt: .*head\.2\.weight"):
        checkpoint.transfer_weights(network, tmp_path / "a.pt", ("deep_head",))
