import math

import pandas as pd
import pytest

from rsuper.publish.html.grid import Cell, Grid, Head, interval, listed, percent, plain, points


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0125, "+1.2"), (-0.0341, "−3.4"), (0.0, "0.0"), (-0.0001, "0.0"), (1.0, "+100.0"), (math.nan, "")],
)
def test_differences_are_points_with_a_sign(value, text):
    assert points(value) == text


def test_an_interval_is_blank_where_a_bound_is_missing():
    assert interval(0.1, 0.256) == "10.0 to 25.6"
    assert interval(-0.1, 0.0) == "−10.0 to 0.0"
    assert interval(math.nan, 0.2) == interval(0.1, math.nan) == ""


def test_a_share_keeps_its_order_and_a_missing_one_is_blank():
    assert percent(0.5, low=0.4, high=0.6, mark="*") == Cell("50.0", "40.0 to 60.0", "*", 0.5)
    assert percent(math.nan, low=0.4, high=0.6) == Cell("")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (True, Cell("yes")),
        (None, Cell("")),
        (pd.NA, Cell("")),
        (math.nan, Cell("")),
        (12_345, Cell("12,345", order=12_345.0)),
        (0.000123456, Cell("0.0001235", order=0.000123456)),
        ("a < b", Cell("a < b")),
    ],
)
def test_anything_can_be_printed(value, cell):
    assert plain(value) == cell


def test_headings_above_columns_are_joined_and_left_out_where_there_are_none():
    heads = [Head("a"), Head("b", "x"), Head("c", "x"), Head("d", "y")]
    assert Grid("g", "", heads, []).groups == [("", 1), ("x", 2), ("y", 1)]
    assert Grid("g", "", heads[:1], []).groups == []


def test_a_frame_is_listed_with_its_kinds_numbers_and_wide_columns():
    frame = pd.DataFrame({"a": ["stop", "note"], "b": [2, 10], "c": ["x" * 80, "y"], "d": ["hidden", "too"]})
    grid = listed(frame, "name", "caption", {"a": "A", "b": "B", "c": "C"}, kinds="a")
    assert [head.text for head in grid.heads] == ["A", "B", "C"]
    assert [head.is_number for head in grid.heads] == [False, True, False]
    assert [head.is_wide for head in grid.heads] == [False, False, True]
    assert [row[0].kind for row in grid.rows] == ["stop", "note"]
    assert [row[1].order for row in grid.rows] == [2.0, 10.0]


def test_an_empty_frame_gives_a_table_without_rows():
    assert listed(pd.DataFrame({"a": pd.Series(dtype=str)}), "n", "c", {"a": "A"}).rows == []
