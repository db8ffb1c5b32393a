"""What is R-Super's own: its report losses on a batch, and how it names what went wrong."""

import math
from dataclasses import replace

import pytest
import torch

from rsuper.data.report_sampler import ReportSampler
from rsuper.engine import checkpoint
from rsuper.errors import ConfigError, DataError
from rsuper.methods import find
from rsuper.networks.outputs import Outputs
from rsuper.reports.errors_made import ErrorRates
from rsuper.segmenter import new_network, patch_source, weights_of

SHAPE = (2, 2, 16, 16, 16)


@pytest.fixture
def method():
    return find("r_super")


@pytest.fixture
def batch(task_for, tmp_path):
    """Two report patches of the tiny data set, one of them with a sized tumor."""
    task = task_for("r_super", tmp_path)
    sampler = ReportSampler(patch_source(task), [(c.stored, c.findings) for c in task.cohort.reports])
    return next(
        batch
        for batch in map(sampler, range(20))
        if any(region.tumors for region in batch.regions) and len(set(batch.case_ids)) == 2
    )


def terms(method, logits, batch, **config):
    return method.module.report_terms(Outputs(logits, logits), batch, method.config(config))


def test_weights_multiply_their_losses(method, batch):
    logits = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    usual, heavy = (terms(method, logits, batch, ball_weight=w, volume_weight=w) for w in (0.1, 0.3))
    for name in ("volume", "ball"):
        assert heavy[name].item() == pytest.approx(3 * usual[name].item(), rel=1e-5)
        assert usual[name].item() > 0


def test_each_constant_is_used(method, batch):
    logits = torch.randn(SHAPE, generator=torch.Generator().manual_seed(1)) - 2
    usual = terms(method, logits, batch)
    for term, changes in (
        ("volume", {"tolerance": 0.5}),
        ("volume", {"stabilizer_mm3": 5000.0}),
        ("volume", {"background_weight": 0.0}),
        ("ball", {"margin_mm": 12.0}),
        ("ball", {"border_mm": 9.0}),
        ("ball", {"last_weight": 0.1}),
        ("ball", {"voxels_from": "ball"}),
    ):
        changed = terms(method, logits, batch, **changes)
        for name in ("volume", "ball"):
            assert (changed[name].item() == usual[name].item()) == (name != term), (changes, name)


def test_tumors_are_told(method, batch):
    found = terms(method, torch.zeros(SHAPE), batch)
    told = sum(found[f"tumors_{status}"].item() for status in ("assigned", "truncated", "no_room"))
    assert told == sum(len(region.tumors) for region in batch.regions) > 0
    assert not any(found[f"tumors_{status}"].requires_grad for status in ("assigned", "truncated", "no_room"))


@pytest.mark.parametrize("weights", [{"ball_weight": 0.0}, {"volume_weight": 0.0}])
def test_a_value_that_is_not_finite_names_its_case(method, batch, weights):
    logits = torch.zeros(SHAPE)
    logits[1, 0, 3, 4, 5] = math.nan
    with pytest.raises(DataError, match=f"case '{batch.case_ids[1]}'.*not finite"):
        terms(method, logits, batch, **weights)


def test_training_that_diverges_names_step_and_case(method, task_for, tmp_path):
    task = task_for("r_super", tmp_path)
    stage1 = find("segmentation-stage1")
    stage1.module.fit(task_for("segmentation-stage1", tmp_path), stage1.config({}))
    path = weights_of(task.upstream["segmentation-stage1"])
    network = new_network(task)
    checkpoint.load_weights(network, path)
    weights = network.state_dict()
    weights[next(iter(weights))].fill_(3e38)  # finite, as weights must be, and too large to compute with
    torch.save(weights, path)
    with pytest.raises(DataError, match=r"step 0: case 'tiny_M\d'.*logits of batch entry 0 is not finite"):
        method.module.fit(task, method.config({}))


@pytest.fixture
def told(method, task_for, tmp_path, monkeypatch):
    """Findings that reach the sampler of a fit, by case; the fit ends there."""
    monkeypatch.setattr(method.module.checkpoint, "load_weights", lambda *_: None)

    def fit(seed=0, **config):
        seen = []

        def sampler(_, pairs, use):
            seen.extend(pairs)
            raise StopIteration

        monkeypatch.setattr(method.module, "ReportSampler", sampler)
        task = replace(task_for("r_super", tmp_path), seed=seed)
        with pytest.raises(StopIteration):
            method.module.fit(task, method.config(config))
        return {stored.case_id: findings for stored, findings in seen}

    return fit


def test_no_errors_are_made_unless_asked_for(method, told, task_for, tmp_path):
    cases = task_for("r_super", tmp_path).cohort.reports
    assert told() == {case.stored.case_id: case.findings for case in cases}
    assert method.config({}).errors == ErrorRates()


def test_training_sees_the_findings_with_errors(told):
    plain = told()
    assert any(found.findings for found in plain.values())
    missed = told(errors={"missed": 1.0})
    assert missed.keys() == plain.keys()
    for case, found in missed.items():
        assert found.findings == ()
        assert set(found.absent) >= {f.organ for f in plain[case].findings}
    # The run's seed draws who is hit, and how.
    noisy, again, other = (told(seed, errors={"size_noise": 0.3}) for seed in (0, 0, 1))
    assert noisy == again
    assert noisy != other
    # A control changes what was misread.
    assert told(errors={"missed": 1.0}, reports="tumor_free") == missed


def test_rates_that_are_none_are_refused(method):
    with pytest.raises(ConfigError, match=r"errors\.missed"):
        method.config({"errors": {"missed": 1.5}})
    with pytest.raises(ConfigError, match=r"'errors\.lost' is not known"):
        method.config({"errors": {"lost": 0.5}})
