"""Every method: two processes that share the patches have the loss terms of one."""

import json
import shutil

import pytest

from rsuper.config.experiment import Augment, DeviceAugment
from rsuper.engine import distributed
from rsuper.methods import available
from tests.methods import contract
from tests.processes import run_together

CARDS = available()
TRAINED = [
    name
    for name, card in CARDS.items()
    if card.environment is None and name not in ("oracle", "silent", "nnunet")
]
NAMES = ["segmentation-stage1", *TRAINED, "r_super-volume_only", "r_super-ball_only"]
TOLERANCE = 1e-5
# From the second step on weights differ by rounding, which Adam enlarges where a gradient is nearly 0. A
# contrast at temperature 0.1 of a network that has learned nothing enlarges it again.
LATER = {"clip_like": 1e-4}


@pytest.fixture(scope="module")
def fitted(task_for, tmp_path_factory):
    return contract.Runs(task_for, tmp_path_factory.mktemp("runs"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_two_processes_have_the_terms_of_one(name, fitted, tmp_path):
    method, alone = fitted.find(name), fitted(name)
    for needed in method.needs:
        shutil.copytree(alone.upstream[needed], tmp_path / needed)
    task = fitted.task_for(name, tmp_path)
    run_together(lambda: method.module.fit(task, contract.short_config(method)), tmp_path / "join")
    expected, found = contract.log_lines(alone.workdir), contract.log_lines(task.workdir)
    assert len(found) == len(expected) > 0
    for one, two in zip(expected, found, strict=True):
        assert list(one) == list(two)
        close = TOLERANCE if one["step"] == 1 else LATER.get(name, TOLERANCE)
        for term, value in one.items():
            assert two[term] == pytest.approx(value, rel=close, abs=close), (one["step"], term)
    for path in sorted(alone.workdir.rglob("landing.jsonl")):
        other = task.workdir / path.relative_to(alone.workdir)
        lines, others = (
            [json.loads(line) for line in each.read_text().splitlines()] for each in (path, other)
        )
        assert [line["case_id"] for line in lines] == [line["case_id"] for line in others]
    files = [set(contract.contents(each.workdir)) for each in (alone, task)]
    assert files[0] == files[1]


def test_the_terms_are_those_of_a_batch_of_uneven_shares(fitted, task_for, tmp_path):
    """Three report patches and three mask patches for two processes: one has one, the other two."""
    for needed in fitted.find("r_super").needs:
        shutil.copytree(fitted(needed).workdir, tmp_path / "one" / needed)
        shutil.copytree(fitted(needed).workdir, tmp_path / "two" / needed)
    patches = {"mask_patches": 3, "report_patches": 3}
    one, two = (task_for("r_super", tmp_path / name, **patches) for name in ("one", "two"))
    method = fitted.find("r_super")
    method.module.fit(one, method.config({}))
    run_together(lambda: method.module.fit(two, method.config({})), tmp_path / "join")
    lines = [contract.log_lines(task.workdir) for task in (one, two)]
    for first, second in zip(*lines, strict=True):
        assert first == pytest.approx(second, rel=TOLERANCE, abs=TOLERANCE)


@pytest.mark.parametrize("name", ["segmentation", "r_super", "multi_task", "rg_pseudo_labels", "clip_like"])
def test_changes_on_the_device_are_those_of_one(name, fitted, task_for, tmp_path):
    method = fitted.find(name)
    for needed in method.needs:
        for folder in ("one", "two"):
            shutil.copytree(fitted(needed).workdir, tmp_path / folder / needed)
    augment = Augment(device=DeviceAugment(turned_share=1, share=1))
    one, two = (task_for(name, tmp_path / folder, augment=augment) for folder in ("one", "two"))
    method.module.fit(one, method.config({}))
    run_together(lambda: method.module.fit(two, method.config({})), tmp_path / "join")
    first, second = (contract.log_lines(task.workdir)[0] for task in (one, two))
    assert first == pytest.approx(second, rel=TOLERANCE, abs=TOLERANCE)
    assert first != contract.log_lines(fitted(name).workdir)[0]


def test_too_few_patches_are_named(fitted, task_for, tmp_path):
    method = fitted.find("segmentation-stage1")
    task = task_for("segmentation-stage1", tmp_path, mask_patches=1)

    def work():
        with pytest.raises(Exception, match="2 processes cannot share 1 patches of a kind"):
            method.module.fit(task, contract.short_config(method))
        assert distributed.number() == 2

    run_together(work, tmp_path / "join")
