"""NaN out of the network stops every method in its first step, in both stages, with the batch's cases."""

from dataclasses import replace

import pytest
import torch

from rsuper.engine.settings import Settings
from rsuper.errors import DataError
from rsuper.methods import find
from tests.methods.contract import Runs

# A method with what its Config is changed by: `pretrain` off leads to the second stage at once.
FITS: list[tuple[str, dict[str, object]]] = [
    ("segmentation-stage1", {}),
    ("segmentation", {}),
    ("r_super", {}),
    ("r_super-volume_only", {}),
    ("r_super-ball_only", {}),
    ("rg_pseudo_labels", {}),
    ("multi_task", {}),
    ("models_genesis", {}),
    ("models_genesis", {"pretrain": False}),
    ("clip_like", {}),
    ("clip_like", {"pretrain": False}),
]


@pytest.fixture(scope="module")
def runs(task_for, tmp_path_factory):
    """First stages to continue, made before anything is spoiled."""
    made = Runs(task_for, tmp_path_factory.mktemp("runs"))
    made("segmentation-stage1")
    return made


# bf16 is for GPUs; there `make test-gpu` asks for it.
@pytest.mark.parametrize(
    ("device", "precision"), [("cpu", "float32"), pytest.param("cuda", "bf16", marks=pytest.mark.gpu)]
)
@pytest.mark.parametrize(("name", "changes"), FITS)
def test_every_method_stops_and_names_the_cases(
    name, changes, device, precision, runs, tmp_path, monkeypatch
):
    forward = torch.nn.Conv3d.forward

    def broken(self, values):
        found = forward(self, values)
        return found * torch.nan if self.training and torch.is_grad_enabled() else found

    method = find(name)
    task = replace(
        runs.task_for(name, runs.folder),
        workdir=tmp_path / name,
        device=device,
        engine=Settings(precision=precision, check_every=2),
    )
    monkeypatch.setattr(torch.nn.Conv3d, "forward", broken)
    with pytest.raises(DataError, match=r"step 0: .*tiny_[MR]\d.*not finite"):
        method.module.fit(task, method.config(changes))
    assert not (task.workdir / "model" / "training.json").exists()
