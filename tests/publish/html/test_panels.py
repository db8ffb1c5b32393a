"""Outlines, orientation and the ball of a picture, by hand."""

import base64
import io
import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from rsuper.publish.figures.overlay_pictures import Picture
from rsuper.publish.html.panels import as_seen, outline, panel

ROW = {
    "budget": "few",
    "method": "r_super",
    "seed": 3,
    "target": "kidney",
    "kind": "best",
    "case_id": "A",
    "test_set": "internal",
    "reason": "",
    "dsc": 0.5,
    "predicted_volume_mm3": 100.0,
    "truth_volume_mm3": 200.0,
    "diameter_mm": 10.0,
    "slice_z": 4,
    "ball_x": math.nan,
    "ball_y": math.nan,
    "ball_z": math.nan,
}


def picture(shape=(6, 4), spacing=(2.0, 3.0, 5.0), corner=(0.0, 0.0), truth=None, probability=None, **row):
    ct = np.full(shape, -110.0, dtype=np.float32)
    return Picture(pd.Series(ROW | row), ct, truth, probability, spacing, corner)


def test_one_pixel_has_four_edges():
    mask = np.zeros((3, 4), dtype=bool)
    mask[1, 2] = True  # row 1, column 2
    assert outline(mask) == "M2 1H3M2 2H3M2 1V2M3 1V2"


def test_edges_on_a_line_are_one_stroke_and_holes_are_drawn():
    ring = np.ones((3, 3), dtype=bool)
    ring[1, 1] = False
    assert outline(ring) == "M0 0H3M1 1H2M1 2H2M0 3H3M0 0V3M1 1V2M2 1V2M3 0V3"
    assert outline(np.zeros((3, 3), dtype=bool)) == ""


@given(arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 6))))
def test_strokes_are_as_long_as_the_border(mask):
    strokes = re.findall(r"M(\d+) (\d+)([HV])(\d+)", outline(mask))
    length = sum(int(stop) - int(x if kind == "H" else y) for x, y, kind, stop in strokes)
    padded = np.pad(mask, 1).astype(int)
    assert length == np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()


def test_anterior_is_on_top_and_the_patients_right_on_the_left():
    ct = np.zeros((3, 2))  # x grows to the right, y to the front
    ct[2, 1] = 7
    assert as_seen(ct).tolist() == [[7, 0, 0], [0, 0, 0]]


def test_the_image_is_the_soft_tissue_window():
    shown = picture(shape=(2, 2))
    shown.ct_hu[0, 0], shown.ct_hu[1, 1], shown.ct_hu[1, 0] = 65.0, 1000.0, -1000.0
    made = panel(shown)
    image = Image.open(io.BytesIO(base64.b64decode(made["image"])))
    assert np.asarray(image).tolist() == [[255, 0], [0, 128]]  # 65 HU is in the middle of -110 to 240
    assert (made["columns"], made["rows"], made["width_mm"], made["height_mm"]) == (2, 2, 4.0, 6.0)


def test_the_ball_is_where_its_center_is_seen():
    # Voxel (4, 1) of a view that begins at the CT's corner: 9 mm and 4.5 mm from it, of 12 mm each.
    made = panel(picture(probability=np.zeros((6, 4)), ball_x=4.0, ball_y=1.0, ball_z=4.0))
    assert made["ball"] == [12.0 - 9.0, 12.0 - 4.5, 5.0]
    assert made["ball_above_mm"] is None
    # The same ball in a view that begins 4 mm and 3 mm further.
    moved = panel(
        picture(probability=np.zeros((6, 4)), corner=(4.0, 3.0), ball_x=4.0, ball_y=1.0, ball_z=4.0)
    )
    assert moved["ball"] == [7.0, 10.5, 5.0]


@pytest.mark.parametrize(("ball_z", "above"), [(6.0, 10.0), (2.0, -10.0)])
def test_a_ball_beside_the_slice_is_told(ball_z, above):
    made = panel(picture(probability=np.zeros((6, 4)), ball_x=4.0, ball_y=1.0, ball_z=ball_z))
    assert (made["ball"], made["ball_above_mm"]) == (None, above)


def test_without_prediction_there_is_neither_outline_nor_ball():
    made = panel(picture(truth=np.ones((6, 4), dtype=bool), ball_x=4.0, ball_y=1.0, ball_z=4.0))
    assert made["truth"] == "M0 0H6M0 4H6M0 0V4M6 0V4"
    assert (made["prediction"], made["ball"], made["ball_above_mm"]) == ("", None, None)


def test_blank_numbers_are_none_and_a_prediction_is_cut_at_one_half():
    probability = np.zeros((2, 2))
    probability[1, 1] = 0.5
    made = panel(picture(shape=(2, 2), probability=probability, dsc=math.nan, diameter_mm=math.nan))
    assert (made["dsc"], made["diameter_mm"], made["seed"]) == (None, None, 3)
    assert made["prediction"] == "M0 0H1M0 1H1M0 0V1M1 0V1"
