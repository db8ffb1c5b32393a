import math

import numpy as np
import pandas as pd
import pytest
from long_forms import make_experiment

from rsuper.publish.figures import style
from rsuper.publish.figures.landing import landing
from rsuper.publish.figures.report_counts import COLUMNS
from rsuper.publish.figures.run_kinds import kinds_of
from rsuper.publish.figures.shown_runs import landed_runs
from tests.publish.figures.drawn import panels, same_bytes
from tests.publish.figures.landings import landed, no_truth, table, tumor_free, volumes_alone

SCHEDULE = {"stage1_steps": 1, "steps": 100, "learning_rate": 0.1, "stage1_learning_rate": 0.1}
CONTROL = "r_super-shuffled_reports"


def experiment(**changes):
    return make_experiment(schedule=SCHEDULE, **changes)


def rows(**changes):
    """Two tenths of a run: shares 0.4 and 0.6, volumes 0.5 and 2 of the reported ones."""
    return [landed(5, 0.4, **changes), landed(95, 0.6, predicted_mm3=2000.0, **changes)]


def counts(*numbers):
    found = [("full", "r_super", 0, *number) for number in numbers]
    return pd.DataFrame(found, columns=list(COLUMNS))


@pytest.fixture
def drawn(monkeypatch, cards, tmp_path):
    """Draws rows of LANDING and counts; gives the figure."""

    def draw(made, numbers=(), **settings):
        figures = []
        monkeypatch.setattr(style, "save", lambda figure, _: figures.append(figure))
        landing(table(made), counts(*numbers), experiment(), cards, tmp_path / "landing", **settings)
        return figures[0]

    return draw


def series(axis):
    """Label of each line with bars -> its points."""
    return {
        container.get_label(): np.round(container.lines[0].get_xydata(), 6).tolist()
        for container in axis.containers
    }


def level(axis, dashes):
    """Heights of the lines over the whole width with these dashes."""
    lines = [line for line in axis.lines if line.get_linestyle() == dashes and len(line.get_ydata())]
    return [float(line.get_ydata()[0]) for line in lines]


def text(axis):
    return [item.get_text() for item in axis.texts]


def test_same_numbers_same_bytes(cards, tmp_path):
    made = table([*rows(), *rows(budget="few"), *rows(target="kidney")])
    for name in ("a", "b"):
        landing(made, counts(), experiment(), cards, tmp_path / name, tolerance=0.1)
    assert same_bytes(tmp_path / "a", tmp_path / "b")
    assert panels(tmp_path / "a.svg") == 2 * 4 + 3  # two targets at two budgets, and three panels of bars


def test_lines_by_hand(drawn):
    axes = drawn(rows(), tolerance=0.1).get_axes()
    shares, ratios = axes[0], axes[2]
    assert shares.get_title() == "pancreas, budget full"
    # One method: in the middle of the first and the last tenth.
    assert series(shares) == {"R-Super": [[5, 0.4], [95, 0.6]]}
    assert series(ratios) == {"R-Super": [[5, 0.5], [95, 2]]}
    assert level(shares, ":") == [0.25]
    assert level(shares, "--") == [1]
    assert level(ratios, "-.") == [1.2]
    (band,) = ratios.patches
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((0.9, 1.1))
    assert not drawn(rows()).get_axes()[2].patches


def test_methods_stand_apart_and_no_two_have_a_color(drawn):
    made = rows() + rows(method=CONTROL) + [volumes_alone(5, method="r_super-volume_only")]
    axes = drawn(made).get_axes()
    assert list(series(axes[0])) == ["R-Super", "R-Super, shuffled reports"]
    # 0.09 of a tenth apart: half of it on either side.
    assert [points[0][0] for points in series(axes[0]).values()] == pytest.approx([4.55, 5.45])
    assert len(series(axes[2])) == 3
    colors = {container.lines[0].get_color() for container in axes[2].containers}
    assert len(colors) == 3


def test_a_taken_color_is_replaced(cards):
    names = [f"r_super-v{k}" for k in range(12)]
    wide = experiment(budgets={"full": {"methods": ["segmentation", "r_super", *names]}})
    kinds = kinds_of(["r_super", *names[:4]], wide, cards)
    assert len({kind.look.color for kind in kinds.values()}) == 5
    assert kinds["r_super"].look == style.look("r_super", wide)
    assert style.look("segmentation", wide).color not in {kind.look.color for kind in kinds.values()}
    assert len(kinds_of(names, wide, cards)) == 12  # more than there are colors


def test_volumes_near_nothing_are_drawn_at_the_floor(drawn):
    axis = drawn([landed(5, predicted_mm3=0.0)]).get_axes()[2]
    assert series(axis) == {"R-Super": [[5, 0.01]]}


@pytest.mark.parametrize(
    ("made", "shares", "ratios"),
    [
        ([no_truth(5)], "no true mask of the case is withheld", None),
        ([volumes_alone(5), tumor_free(5)], "no Ball Loss", None),
        ([tumor_free(5)], "the report has no tumor there", "no region with a reported volume"),
    ],
)
def test_a_panel_without_a_value_says_why(drawn, made, shares, ratios):
    axes = drawn(made).get_axes()
    assert text(axes[0]) == [shares]
    assert text(axes[2]) == ([ratios] if ratios else [])
    assert text(axes[1]) == ["no results"]  # the kidney has no region at all


def test_bars_by_hand(drawn):
    numbers = [
        ("organs", "pancreas", "positive", 30),
        ("organs", "pancreas", "negative", 60),
        ("organs", "pancreas", "no size", 10),
        ("regions", "", "positive", 1500),
        ("regions", "", "a new reason", 500),
    ]
    pancreas, kidney, regions = drawn(rows(), numbers).get_axes()[-3:]
    assert [bar.get_width() for bar in pancreas.patches] == [30, 60, 10]
    assert [bar.get_x() for bar in pancreas.patches] == [0, 30, 90]
    assert text(pancreas) == ["100"]
    assert [label.get_text() for label in pancreas.get_yticklabels()] == ["R-Super"]
    assert text(kidney) == ["no counts"]
    assert [bar.get_width() for bar in regions.patches] == [75, 25]
    assert regions.get_legend_handles_labels()[1] == ["tumor with size", "a new reason"]
    assert text(regions) == ["2,000"]


def test_nothing_noted_is_an_empty_panel(drawn):
    (axis,) = drawn([]).get_axes()
    assert text(axis) == ["no run noted where its balls land"]


def test_without_the_reference_there_is_no_true_volume(drawn):
    axis = drawn(rows(method=CONTROL)).get_axes()[2]
    assert level(axis, "-.") == []
    assert list(series(axis)) == ["R-Super, shuffled reports"]
    assert level(drawn([no_truth(5)]).get_axes()[2], "-.") == []
    assert all(math.isfinite(y) for _, y in series(axis)["R-Super, shuffled reports"])


def test_which_runs_are_shown():
    runs = [("full", name, 0) for name in ("segmentation", "r_super", CONTROL, "r_superb", "oracle")]
    assert landed_runs(runs, experiment()) == [("full", "r_super", 0), ("full", CONTROL, 0)]
    assert landed_runs(runs[:1], experiment()) == []
