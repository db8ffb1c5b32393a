"""The package itself, on the tiny data set: it trains, its maps lie where its data lay."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rsuper.artifacts import write_json
from rsuper.data.store import structure_mask
from rsuper.errors import MethodError
from rsuper.methods import find
from rsuper.nnunet import dataset
from rsuper.nnunet.predict import Predictor, TilePredictor
from rsuper.provenance.listing import is_seal
from rsuper.runs import training_totals
from rsuper.task import TestVolume
from tests.methods.contract import log_lines

pytestmark = pytest.mark.slow

STEPS = 16
SMALL = {"base_features": 4, "memory_gb": 0.1, "mirroring": False}


def upstream(task, *seconds):
    """Runs that took so long."""
    for run, each in zip(task.upstream.values(), seconds, strict=True):
        write_json({"seconds": each}, run / "model" / "training.json")


def organ_labels(case, targets, ignored):
    """Organs in the place of tumors: large and bright, so that a few steps find them."""
    organs = case.organs((0, 0, 0), case.index.shape)
    labels = structure_mask(organs, ["pancreas"]).astype(np.uint8)
    labels[structure_mask(organs, ["kidney_left", "kidney_right"])] = 2
    return labels


@pytest.fixture(scope="module")
def fitted(task_for, tmp_path_factory):
    """Trained for a few steps on organs in the place of tumors."""
    task = task_for("nnunet", tmp_path_factory.mktemp("nnunet"))
    method = find("nnunet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "labels_of", organ_labels)
        method.module.fit(task, method.config({**SMALL, "length": STEPS}))
    return task


def test_it_leaves_weights_and_plans_and_no_copy_of_the_data(fitted):
    names = {path.name for path in (fitted.workdir / "model").iterdir() if not is_seal(path.name)}
    assert names == {
        "weights.pt", "training.json", "log.jsonl", "nnUNetPlans.json", "dataset.json",
        "dataset_fingerprint.json", "prediction.json", "output.txt",
    }  # fmt: skip
    plans = json.loads((fitted.workdir / "model" / "nnUNetPlans.json").read_text())
    plan = plans["configurations"]["3d_fullres"]
    assert plan["spacing"] == [4, 4, 4]
    assert plan["architecture"]["arch_kwargs"]["features_per_stage"][:2] == [4, 8]
    assert plans["image_reader_writer"] == "SimpleITKIO"  # rsuper.nnunet.predict counts on its axes


def test_steps_and_patches_are_counted(fitted):
    batch = json.loads((fitted.workdir / "model" / "training.json").read_text())["batch_size"]
    assert batch >= 2
    assert training_totals(fitted.workdir) == {
        "steps": STEPS, "mask_patches": STEPS * batch, "report_patches": 0,
    }  # fmt: skip
    lines = log_lines(fitted.workdir)
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    assert lines[0]["learning_rate"] == pytest.approx(0.01)
    assert lines[STEPS // 2]["learning_rate"] == pytest.approx(0.01 * 0.5**0.9)
    assert (
        np.mean([line["loss"] for line in lines[-5:]]) < np.mean([line["loss"] for line in lines[:5]]) - 0.2
    )


def test_maps_are_those_of_nnunets_own_prediction_from_files(fitted, collection, tmp_path, monkeypatch):
    """Axes, spacing and channels: the same CT by way of a NIfTI file that nnU-Net reads itself."""
    stored = collection.stored["tiny_M1"]
    volume = TestVolume(stored, stored.index.shape)
    (prediction,) = find("nnunet").module.predict(fitted, [volume])
    dataset.write_dataset([stored], ("pancreas", "kidney"), tmp_path)
    image = tmp_path / dataset.DATASET / "imagesTr" / "case_00000_0000.nii.gz"
    predictor = Predictor(fitted.workdir / "model", "cpu", mirroring=False, tile_step=0.5, trainer=())
    predictor._predictor.use_gaussian = False  # in half precision it rounds away what lies in corners
    own = predictor(stored)
    monkeypatch.delattr(TilePredictor, "_internal_predict_sliding_window_return_logits")
    predictor._predictor.predict_from_files_sequential(
        [[str(image)]], [str(tmp_path / "out")], save_probabilities=True
    )
    reference = np.load(tmp_path / "out.npz")["probabilities"]  # c z y x
    for channel, target in enumerate(("pancreas", "kidney"), start=1):
        assert own[channel].shape == volume.native_shape
        assert own[channel].std() > 1e-3
        # It adds logits up in half precision.
        assert np.allclose(own[channel], reference[channel].T, atol=2e-3)
        probability = prediction.probabilities[target]
        assert probability.shape == volume.native_shape
        assert np.corrcoef(probability.ravel(), own[channel].ravel())[0, 1] > 0.9


def test_it_stops_by_the_clock_of_the_row_segmentation_with_another_of_its_trainers(task_for, tmp_path):
    task = task_for("nnunet", tmp_path)
    upstream(task, 0.5, 1.5)
    method = find("nnunet")
    method.module.fit(task, method.config({**SMALL, "trainer": ["nnUNetTrainerAdam3en4"]}))
    summary = json.loads((task.workdir / "model" / "training.json").read_text())
    assert summary["step"] >= 1
    assert summary["seconds"] >= 2.0
    lines = log_lines(task.workdir)
    assert lines[-1]["step"] == summary["step"]
    assert lines[0]["learning_rate"] == pytest.approx(3e-4)  # the variant's


def test_a_failure_ends_with_what_nnunet_said(task_for, tmp_path):
    task = task_for("nnunet", tmp_path)
    broken = replace(task, device="no_such_device")
    method = find("nnunet")
    with pytest.raises(
        MethodError, match=r"nnU-Net ended with code 1; all it said is in .*output\.txt(.|\n)*no_such"
    ):
        method.module.fit(broken, method.config({**SMALL, "length": 2}))
