import math

import numpy as np
import pytest
from long_forms import make_experiment

from rsuper.publish.figures import style
from rsuper.publish.figures.error_points import KINDS
from rsuper.publish.figures.extraction_errors import KIND_LABELS, extraction_errors
from tests.publish.figures.drawn import panels, same_bytes
from tests.publish.figures.test_error_points import CARDS, costs, frame, values

MISSED, NOISE = KIND_LABELS["missed"], KIND_LABELS["size_noise"]


def results(**changes):
    """By method: segmentation 0.3, the reference 0.4, missed 0.5 and 0.6, size noise 0.7."""
    return frame(values(**changes), costs(**changes))


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draws rows of EXTRACTION_ERRORS; gives the figure."""

    def draw(points, **settings):
        figures = []
        monkeypatch.setattr(style, "save", lambda figure, _: figures.append(figure))
        extraction_errors(points, make_experiment(), CARDS, tmp_path / "errors", **settings)
        return figures[0]

    return draw


def lines(axis):
    """Label of each line with bars -> its points."""
    return {
        container.get_label(): np.round(container.lines[0].get_xydata(), 6).tolist()
        for container in axis.containers
    }


def bars(axis, label):
    """Lower and upper end of each bar of a line."""
    (container,) = (each for each in axis.containers if each.get_label() == label)
    return [np.round(bar[:, 1], 6).tolist() for bar in container.lines[2][0].get_segments()]


def levels(axis):
    """Label of each line over the whole width -> its height."""
    return {
        line.get_label(): round(float(line.get_ydata()[0]), 6)
        for line in axis.lines
        if list(line.get_xdata()) == [0, 1] and not line.get_label().startswith("_")
    }


def test_every_kind_of_error_has_a_name():
    assert tuple(KIND_LABELS) == KINDS


def test_same_numbers_same_bytes_and_a_panel_per_metric_and_column(tmp_path):
    rows = [*values(), *values(target="kidney", test_set="internal"), *values(budget="full")]
    points = frame(rows, [*costs(), *costs(budget="full")])
    for name in ("a", "b"):
        extraction_errors(points, make_experiment(), CARDS, tmp_path / name)
    assert same_bytes(tmp_path / "a", tmp_path / "b")
    assert panels(tmp_path / "a.svg") == 3 * 2 * 2  # metrics, columns, budgets


def test_lines_by_hand(drawn):
    figure = drawn(results())
    axes = figure.get_axes()
    assert [axis.get_ylabel() for axis in axes] == ["F1", "AUC", "DSC, tumor CTs"]
    assert axes[0].get_title() == "pancreas, unseen hospital"
    assert [label.get_text() for label in axes[2].get_xticklabels()] == ["0", "10", "20", "40"]
    for axis in axes:
        assert levels(axis) == {"R-Super without errors": 0.4, "Segmentation": 0.3}
        # The highest rate is 0.4: missed stands 1.5 x 0.02 of it to the left, size noise 0.5 x to the right.
        assert lines(axis) == {
            MISSED: [[0.188, 0.5], [0.388, 0.6]],
            NOISE: [[0.104, 0.7]],
        }
        colors = {line.get_color() for line in axis.lines if line.get_linestyle() != "None"}
        assert len(colors) == 4
    starts = [line.get_xydata()[0].tolist() for line in axes[0].lines if line.get_xdata()[0] == 0]
    assert starts.count([0, 0.4]) == 1 + 2  # the level of the reference, and the beginning of each line


def test_bars_are_paired_intervals_seen_from_the_reference(drawn):
    axis = drawn(results()).get_axes()[1]
    # 0.4 less 0.05 to 0.15; a bar that does not hold its value ends there.
    assert bars(axis, MISSED) == [[0.25, 0.5], [0.25, 0.6]]
    (band,) = axis.patches
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((0.25, 0.35))


def test_without_comparisons_or_reference_there_is_no_bar(drawn):
    axis = drawn(frame(values())).get_axes()[1]
    assert bars(axis, MISSED) == [[0.5, 0.5], [0.6, 0.6]]
    assert not axis.patches
    axis = drawn(frame(values(["segmentation", "r_super-a"]), costs(["r_super-a"]))).get_axes()[1]
    assert bars(axis, MISSED) == [[0.4, 0.4]]
    assert levels(axis) == {"Segmentation": 0.3}
    assert not axis.patches


def test_what_has_no_value_is_not_drawn(drawn):
    lost = [row | {"value": math.nan} if row["metric"] == "auc" else row for row in values()]
    f1, auc, _ = drawn(frame(lost, costs())).get_axes()
    assert len(lines(f1)) == 2
    assert lines(auc) == levels(auc) == {}
    assert [text.get_text() for text in auc.texts] == ["no results"]


def test_the_note_says_what_the_intervals_are_over(drawn):
    one, several = (drawn(results(), seeds=seeds).get_suptitle().replace("\n", " ") for seeds in (1, 3))
    assert "over test cases" in one
    assert "means over up to 3 seeds" in several
    assert "R-Super without errors" in one


def test_nothing_to_draw_is_an_empty_panel(drawn, tmp_path):
    (axis,) = drawn(frame([])).get_axes()
    assert [text.get_text() for text in axis.texts] == ["no run with extraction errors"]
