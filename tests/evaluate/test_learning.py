import json

import pytest

from rsuper.artifacts import Layout
from rsuper.errors import ArtifactError
from rsuper.evaluate.learning import Learning, learning_of


@pytest.fixture
def logged(tmp_path):
    """`logged(method, lines)` writes a run's log and returns the layout."""

    def write(method, lines):
        path = Layout(tmp_path).run("full", method, 0) / "model" / "log.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return Layout(tmp_path)

    return write


def masks(*losses, **more):
    return [
        {"step": k, "mask_a": loss / 2, "mask_b": loss / 2, "loss": 9.0} | more
        for k, loss in enumerate(losses)
    ]


def test_a_tenth_of_the_lines_at_each_end_counts(logged):
    layout = logged("segmentation-stage1", masks(*range(20, 0, -1)))
    assert learning_of(layout, "full", "segmentation-stage1", 0) == Learning(19.5, 1.5)
    assert Learning(19.5, 1.5).fell


def test_a_run_that_continues_another_is_measured_from_that_ones_start(logged):
    logged("segmentation-stage1", masks(4.0, 1.0))
    layout = logged("r_super", masks(1.0, 1.1, report_volume=3.0))
    assert learning_of(layout, "full", "r_super", 0) == Learning(4.0, 1.1)


def test_a_run_that_lost_what_it_continued_did_not_learn(logged):
    logged("segmentation-stage1", masks(4.0, 1.0))
    found = learning_of(logged("segmentation", masks(1.0, 4.5)), "full", "segmentation", 0)
    assert found == Learning(4.0, 4.5)
    assert not found.fell


def test_a_loss_without_named_terms_is_measured_from_its_own_start(logged):
    logged("segmentation-stage1", masks(4.0, 1.0))
    layout = logged("nnunet", [{"step": 1, "loss": 0.2}, {"step": 2, "loss": -0.6}])
    assert learning_of(layout, "full", "nnunet", 0) == Learning(0.2, -0.6)


def test_without_a_log_or_with_one_line_nothing_is_said(logged):
    layout = logged("segmentation-stage1", masks(4.0))
    assert learning_of(layout, "full", "segmentation-stage1", 0) is None
    assert learning_of(layout, "full", "segmentation", 0) is None


def test_a_damaged_log_is_named(logged, tmp_path):
    layout = logged("segmentation", masks(4.0, 3.0))
    log = next(tmp_path.rglob("log.jsonl"))
    log.write_text(log.read_text() + '{"step": 3, "mask')
    with pytest.raises(ArtifactError, match=r"log\.jsonl: not a log of numbers .* remove the run"):
        learning_of(layout, "full", "segmentation", 0)
