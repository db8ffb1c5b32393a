from dataclasses import asdict

import numpy as np
import pandas as pd

from rsuper.losses.volume_curve import curve_points
from rsuper.publish.figures.figure1 import figure1, volume_loss_figure
from rsuper.publish.figures.tables import VOLUME_LOSS
from tests.publish.figures.drawn import panels, same_bytes


def points():
    return pd.DataFrame([asdict(point) for point in curve_points(count=301)])


def test_table_has_its_columns():
    assert list(points()) == list(VOLUME_LOSS.columns)


def test_lines_are_the_rows_of_the_table():
    upper, lower = volume_loss_figure(points()).axes
    first = points().query("reported_mm3 == 1000 and tolerance == 0.1")
    assert np.array_equal(upper.lines[0].get_xdata(), first["predicted_mm3"])
    assert np.array_equal(upper.lines[0].get_ydata(), first["loss"])
    assert np.array_equal(lower.lines[0].get_ydata(), first["gradient_per_cm3"])
    assert [line.get_label() for line in upper.lines] == [
        "reported 1,000 mm³, tolerance 10%",
        "reported 1,000 mm³, tolerance 20%",
        "reported 0: no tumor",
    ]
    # Grayscale: no two lines have the same dashes.
    assert len({line.get_linestyle() for line in upper.lines}) == 3


def test_same_numbers_same_bytes(tmp_path):
    for name in ("a", "b"):
        figure1(points(), tmp_path / name)
    assert same_bytes(tmp_path / "a", tmp_path / "b")
    assert panels(tmp_path / "a.svg") == 2


def test_no_rows_are_one_panel_that_says_so():
    (axes,) = volume_loss_figure(points().iloc[:0]).axes
    assert [text.get_text() for text in axes.texts] == ["no curve"]
