"""The engine on a GPU: bf16 by itself, losses in float32, kills, pinned batches, slabs at prediction."""

import json
import re

import numpy as np
import pytest
import torch

from rsuper.changes import Change, changed_images, turn_of, turned_masks
from rsuper.engine.computing import computed
from rsuper.engine.predict import probability_map
from rsuper.engine.provenance import peak_memory_mb
from rsuper.engine.settings import Settings
from rsuper.engine.train import Stage, train
from tests.engine.scenes import Patches, Plan, network, patches, segmentation

pytestmark = pytest.mark.gpu


class Windows:
    overlap, blend, batch = 0.5, "gaussian", 2


def logged_losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    "settings",
    [Settings(), Settings(precision="float32"), Settings(check_every=10), Settings(workers=2, ema=0.9)],
)
def test_training_learns_and_losses_are_float32(tmp_path, settings):
    def loss(model, batch):
        final = model(batch.image).final
        assert final.dtype == torch.float32
        assert batch.image.is_cuda
        return segmentation(model, batch)

    train(network().cuda(), patches, loss, Stage(120, 0.01, Plan(log_every=40), settings=settings), tmp_path)
    losses = logged_losses(tmp_path)
    assert losses[-1] < 0.9 * losses[0]


def test_auto_is_bf16_where_the_gpu_has_it():
    model = network().cuda()
    seen = []
    model.bottom.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    computed(model, Settings(), torch.device("cuda"))(patches(0).image.cuda())
    expected = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    assert seen == [expected]


def test_interrupted_and_resumed_is_uninterrupted(tmp_path):
    settings = Settings(precision="float32", deterministic=False, ema=0.9)
    stage = Stage(11, 0.01, Plan(), settings=settings)

    def killed(step):
        if step == 7:
            raise KeyboardInterrupt
        return patches(step)

    models = [network("dropout").cuda() for _ in range(2)]
    torch.cuda.manual_seed(3)
    train(models[0], patches, segmentation, stage, tmp_path / "whole")
    torch.cuda.manual_seed(3)
    with pytest.raises(KeyboardInterrupt):
        train(network("dropout").cuda(), killed, segmentation, stage, tmp_path / "parts")
    train(models[1], patches, segmentation, stage, tmp_path / "parts")
    for one, two in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_a_step_waits_once_for_the_device(tmp_path):
    """Losses wait for their own checks; without these the loop waits where it reads the numbers."""
    batch = patches(0)

    def loss(model, batch: Patches):
        return {"mean": model(batch.image).final.square().mean()}

    waits = []
    original = torch.Tensor.tolist

    def counted(tensor):
        if tensor.is_cuda:
            waits.append(1)
        return original(tensor)

    torch.Tensor.tolist = counted
    try:
        settings = Settings(check_every=5)
        stage = Stage(20, 0.01, Plan(checkpoint_every=100, log_every=20), settings=settings)
        train(network().cuda(), lambda step: batch, loss, stage, tmp_path)
    finally:
        torch.Tensor.tolist = original
    assert len(waits) == 4


def test_peak_memory_of_the_gpu_is_logged_and_recorded(tmp_path, capsys):
    plan = Plan(log_every=2)
    train(network().cuda(), patches, segmentation, Stage(4, 0.01, plan, "main"), tmp_path)
    assert re.search(r"accelerator \d+\.\d GB", capsys.readouterr().err)
    recorded = peak_memory_mb("cuda")
    assert recorded["accelerator"] > 0
    assert recorded["accelerator"] == torch.cuda.max_memory_allocated() / 2**20


def test_prediction_equals_the_cpus():
    model = network().eval()
    image = np.random.default_rng(0).normal(size=(1, 21, 13, 9)).astype(np.float32)
    with torch.no_grad():
        expected = probability_map(lambda x: model(x).final, image, (8, 8, 8), Windows(), "cpu")
        model.cuda()
        found = probability_map(lambda x: model(x).final, image, (8, 8, 8), Windows(), "cuda")
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_volume_stays_on_the_host():
    """A volume of 64 windows: the device holds a slab of it."""
    image = np.zeros((1, 256, 64, 64), dtype=np.float32)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    probability_map(lambda x: x, image, (16, 64, 64), Windows(), "cuda")
    assert torch.cuda.max_memory_allocated() - before < image.nbytes


def test_changes_of_patches_are_the_cpus_and_nobody_waits():
    rng = torch.Generator().manual_seed(0)
    image = torch.randn(3, 2, 24, 20, 16, generator=rng)
    masks = torch.rand(3, 2, 24, 20, 16, generator=rng) > 0.5
    turn = turn_of([0.3, -0.2, 0.5], [0.05, 0.0, -0.05], (1.0, 1.0, 2.0))
    changes = [
        Change(turn, gain=1.2, offset=0.1, gamma=1.3),
        Change(None, contrast=1.2, blur_voxels=1.1),
        Change(turn),
    ]
    on_gpu, masks_on_gpu = image.cuda(), masks.cuda()
    changed_images(on_gpu, changes)  # the first call loads kernels
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        found, turned = changed_images(on_gpu, changes), turned_masks(masks_on_gpu, changes)
        noisy = [changed_images(on_gpu, [Change(noise=0.2, noise_seed=seed)] * 3) for seed in (1, 1, 2)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.testing.assert_close(found.cpu(), changed_images(image, changes), rtol=1e-4, atol=1e-4)
    assert (turned.cpu() != turned_masks(masks, changes)).float().mean() < 1e-3  # halfway between two voxels
    assert torch.equal(noisy[0], noisy[1])
    assert not torch.equal(noisy[0], noisy[2])
