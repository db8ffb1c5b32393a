import math

import numpy as np
import pytest
from long_forms import make_experiment, metric, metrics_of

from rsuper.errors import ArtifactError
from rsuper.publish.figures import style
from rsuper.publish.figures.curve import curve
from rsuper.publish.figures.curve_points import curve_frame
from tests.publish.figures.drawn import panels, same_bytes
from tests.publish.figures.test_curve_points import budget

COUNTS = {"m10": budget(10, 100), "m100": budget(100, 100), "m10_r10": budget(10, 10)}
CELLS = {"f1": {}, "auc": {}, "dsc": {"convention": "tumor_cases"}}


def results(budgets=tuple(COUNTS), methods=("segmentation", "r_super"), seeds=("0",), **changes):
    """R-Super is 0.1 above segmentation everywhere; each further seed is 0.02 above the one before."""
    return [
        metric(name, method, kind, 0.4 + 0.1 * (method == "r_super") + 0.02 * index, seed=seed)
        | cells
        | changes
        for name in budgets
        for method in methods
        for kind, cells in CELLS.items()
        for index, seed in enumerate(seeds)
    ]


def frame(rows, counts=COUNTS):
    return curve_frame(metrics_of(rows), counts, make_experiment())


@pytest.fixture
def drawn(monkeypatch, cards, tmp_path):
    """Draws rows of METRICS; gives the figure."""

    def draw(rows, counts=COUNTS):
        figures = []
        monkeypatch.setattr(style, "save", lambda figure, _: figures.append(figure))
        curve(frame(rows, counts), make_experiment(), cards, tmp_path / "curve")
        return figures[0]

    return draw


def lines(axis):
    """Means: label of each bar container -> its points."""
    found = {}
    for container in axis.containers:
        line = container.lines[0]
        found[container.get_label()] = np.round(line.get_xydata(), 6).tolist()
    return found


def values(axis, label):
    return [y for _, y in lines(axis)[label]]


def singles(axis):
    """Values of the small markers."""
    small = [line for line in axis.lines if line.get_markersize() == 3.2]
    return sorted(round(float(y), 6) for line in small for y in line.get_ydata())


def test_same_numbers_same_bytes_and_a_panel_per_metric_and_column(cards, tmp_path):
    rows = results() + results(target="kidney", test_set="internal")
    for name in ("a", "b"):
        curve(frame(rows), make_experiment(), cards, tmp_path / name)
    assert same_bytes(tmp_path / "a", tmp_path / "b")
    assert panels(tmp_path / "a.svg") == 2 * 3 * 2
    only_masks = frame(results(["m10", "m100"]))
    curve(only_masks, make_experiment(), cards, tmp_path / "masks")
    assert panels(tmp_path / "masks.svg") == 3


def test_both_curves_by_hand(drawn):
    axes = drawn(results()).get_axes()
    assert [axis.get_ylabel() for axis in axes] == ["F1", "AUC", "DSC, tumor CTs"] * 2
    # 10 to 100 masks is one decade: R-Super stands 0.008 of it to the left, segmentation to the right.
    assert lines(axes[0]) == {
        "Segmentation": [[1.008, 0.4], [2.008, 0.4]],
        "R-Super": [[0.992, 0.5], [1.992, 0.5]],
    }
    # Reports: 10 and 100 are one decade apart, so 0 stands at 0; the axis is two wide.
    assert lines(axes[3]) == {"Segmentation": [[0.016, 0.4]], "R-Super": [[0.984, 0.5], [1.984, 0.5]]}
    assert [label.get_text() for label in axes[5].get_xticklabels()] == ["0", "10", "100"]
    assert axes[2].get_xlabel() == "pancreas tumor CTs with masks\n(100 with reports)"
    assert axes[5].get_xlabel() == "pancreas tumor CTs with reports\n(10 with masks)"


def test_segmentation_is_a_level_with_a_band_against_reports(drawn):
    axes = drawn(results()).get_axes()
    assert [len(axis.patches) for axis in axes] == [0, 0, 0, 1, 1, 1]
    (band,) = axes[4].patches
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((0.3, 0.5))
    # Without an interval there is no band, and without segmentation no level.
    axes = drawn(results(ci_low=math.nan, ci_high=math.nan)).get_axes()
    assert [len(axis.patches) for axis in axes] == [0] * 6
    axes = drawn(results(methods=["r_super"])).get_axes()
    assert [len(axis.patches) for axis in axes] == [0] * 6
    assert [label.get_text() for label in axes[5].get_xticklabels()] == ["10", "100"]


def test_every_ct_called_positive(drawn):
    axes = drawn(results()).get_axes()
    # 40 tumors, 60 without: 2 * 40 / (80 + 60).
    dashed = [line for line in axes[0].lines if line.get_linestyle() == "--"]
    assert [line.get_ydata()[0] for line in dashed] == pytest.approx([80 / 140])
    assert not [line for line in axes[1].lines if line.get_linestyle() == "--"]


def test_single_seeds_stand_beside_their_mean(drawn):
    means = results(["m10", "m100"], seeds=["all"])
    figure = drawn(results(["m10", "m100"], seeds=["0", "1"]) + means)
    axis = figure.get_axes()[0]
    assert values(axis, "R-Super") == [0.5, 0.5]
    assert singles(axis) == [0.4, 0.4, 0.42, 0.42, 0.5, 0.5, 0.52, 0.52]
    assert "means over up to 2 seeds" in figure.get_suptitle().replace("\n", " ")
    axis = drawn(results(["m10", "m100"])).get_axes()[0]
    assert singles(axis) == []


def test_seeds_without_rows_of_all_are_an_error(drawn):
    with pytest.raises(ArtifactError, match="no rows with seed 'all'"):
        drawn(results(seeds=["0", "1"]))


def test_seeds_are_shown_where_their_mean_has_no_value(drawn):
    seeds = results(["m10"], ["r_super"], seeds=["0", "1"])
    means = results(["m10"], ["r_super"], seeds=["all"], value=math.nan, reason="seed 2: no threshold")
    axis = drawn(seeds + means).get_axes()[0]
    assert lines(axis) == {}
    assert singles(axis) == [0.5, 0.52]


def test_one_budget_is_one_point(drawn):
    axes = drawn(results(["m10"])).get_axes()
    assert len(axes) == 3
    assert values(axes[0], "R-Super") == [0.5]
    assert [label.get_text() for label in axes[2].get_xticklabels()] == ["10"]


def test_a_method_missing_at_a_budget_is_a_point_less(drawn):
    rows = results(["m10"], ["segmentation"]) + results(["m100"])
    axis = drawn(rows).get_axes()[0]
    assert values(axis, "Segmentation") == [0.4, 0.4]
    assert values(axis, "R-Super") == [0.5]


def test_what_has_no_value_is_not_drawn(drawn):
    rows = results(["m10", "m100"])
    lost = [
        row | {"value": math.nan, "ci_low": math.nan, "ci_high": math.nan}
        if row["metric"] == "dsc" or (row["budget"], row["method"]) == ("m10", "r_super")
        else row
        for row in rows
    ]
    f1, _, dsc = drawn(lost).get_axes()
    assert values(f1, "R-Super") == [0.5]
    assert values(f1, "Segmentation") == [0.4, 0.4]
    assert [text.get_text() for text in dsc.texts] == ["no results"]


def test_an_interval_that_misses_its_value_has_no_bar_on_that_side(drawn):
    axis = drawn(results(["m10"], ["r_super"], ci_low=0.6, ci_high=0.7)).get_axes()[0]
    (bar,) = axis.containers[0].lines[2]
    assert bar.get_segments()[0][:, 1] == pytest.approx([0.5, 0.7])


def test_nothing_to_draw_is_an_empty_panel(cards, tmp_path):
    for name, rows in (("none", []), ("nan", results(value=math.nan))):
        curve(frame(rows), make_experiment(), cards, tmp_path / name)
        assert panels(tmp_path / f"{name}.svg") == 1
