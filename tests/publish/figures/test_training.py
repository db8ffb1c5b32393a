import json

import pytest
from long_forms import make_experiment

from rsuper.artifacts import Layout
from rsuper.errors import ArtifactError
from rsuper.publish.figures.training import training
from rsuper.publish.figures.training_terms import MASKS, POINTS, training_curves
from tests.publish.figures.drawn import panels, same_bytes

RUN = ("full", "r_super", 0)
OWN = {"mask_cross_entropy_final": 0.25, "mask_dice_final": 0.5, "mask_dice_deep": 9.0}
KEPT_OUT = {"learning_rate": 1.0, "seconds": 1.0, "loss": 1.0, "gradient_norm": 1.0, "count:negative": 3}


def write_log(layout, run, lines, stage="."):
    path = layout.run(*run) / "model" / stage / "log.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def curves(layout, *runs):
    return {(c.run, c.term): (list(c.steps), list(c.values)) for c in training_curves(layout, runs)}


def test_the_loss_on_masks_and_every_further_term(tmp_path):
    layout = Layout(tmp_path)
    lines = [{"step": s, **OWN, **KEPT_OUT, "ball": s / 10, "tumors_assigned": 4.0} for s in (20, 40)]
    write_log(layout, RUN, lines)
    assert curves(layout, RUN) == {
        (RUN, MASKS): ([20.0, 40.0], [0.75, 0.75]),
        (RUN, "ball"): ([20.0, 40.0], [2.0, 4.0]),
    }


def test_long_logs_are_averaged_in_equal_parts(tmp_path):
    layout = Layout(tmp_path)
    write_log(layout, RUN, [{"step": s, "loss": float(s)} for s in range(1, 2 * POINTS + 1)])
    steps, values = curves(layout, RUN)[RUN, "loss"]
    assert len(steps) == POINTS
    assert steps == values == [1.5 + 2 * k for k in range(POINTS)]


def test_a_term_that_comes_and_goes_counts_as_zero_where_it_is_absent(tmp_path):
    layout = Layout(tmp_path)
    write_log(layout, RUN, [{"step": 1, **OWN}, {"step": 2, **OWN, "volume": 3.0}])
    assert curves(layout, RUN)[RUN, "volume"] == ([1.0, 2.0], [0.0, 3.0])


def test_further_stages_carry_their_name_and_controls_have_none(tmp_path):
    layout = Layout(tmp_path)
    write_log(layout, RUN, [{"step": 1, **OWN}])
    write_log(layout, RUN, [{"step": 1, "restoration": 2.0}], stage="pretext")
    assert list(curves(layout, RUN, ("full", "silent", 0))) == [(RUN, MASKS), (RUN, "pretext: restoration")]


def test_a_damaged_log_is_named(tmp_path):
    layout = Layout(tmp_path)
    path = write_log(layout, RUN, [{"step": 1, **OWN}])
    path.write_text("{")
    with pytest.raises(ArtifactError, match=r"log\.jsonl: not a log of numbers"):
        training_curves(layout, [RUN])


def test_two_panels_per_budget_and_the_same_bytes(tmp_path, cards):
    layout = Layout(tmp_path)
    for method in ("segmentation", "r_super"):
        more = {"ball": 1.0, "volume": 2.0} if method == "r_super" else {}
        write_log(layout, ("full", method, 0), [{"step": s, **OWN, **more} for s in range(1, 9)])
    found = training_curves(layout, [("full", "segmentation", 0), RUN])
    for name in ("one", "other"):
        training(found, make_experiment(), cards, tmp_path / name)
    assert panels(tmp_path / "one.svg") == 4  # budgets few and full
    assert same_bytes(tmp_path / "one.svg", tmp_path / "other.svg")


def test_nothing_to_draw_is_said(tmp_path, cards):
    training([], make_experiment(), cards, tmp_path / "none")
    assert panels(tmp_path / "none.svg") == 4
