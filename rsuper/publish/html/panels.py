"""A CT slice with what was true, predicted and reported in it, as text that a page can hold."""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Shaped
from PIL import Image

from rsuper.metrics.overlap import MASK_THRESHOLD
from rsuper.publish.figures.overlay_cases import circle_radius_mm
from rsuper.publish.figures.overlay_pictures import Picture

WINDOW_HU = (-110.0, 240.0)  # a usual soft-tissue window
_NAMED = ("budget", "method", "seed", "target", "kind", "case_id", "test_set", "reason")
_NUMBERS = ("dsc", "predicted_volume_mm3", "truth_volume_mm3", "diameter_mm")


def panel(picture: Picture) -> dict[str, Any]:
    """Return a picture as plain values: an image of one byte per pixel, outlines and a circle.

    The slice is seen from below, the patient's right on the left, anterior on top. `width_mm` and `height_mm`
    are the image's; outlines are SVG paths in pixels of it, the circle is in millimeters from its upper left
    corner. Where the reported ball does not meet the slice, `ball_above_mm` says how far it is from it
    (negative: below), else it is None.
    """
    row = picture.row
    x_mm, y_mm = (
        step * length for step, length in zip(picture.spacing_mm[:2], picture.ct_hu.shape, strict=True)
    )
    predicted = None if picture.probability is None else picture.probability >= MASK_THRESHOLD
    return {
        **{name: _plain(row[name]) for name in _NAMED},
        **{name: _number(row[name]) for name in _NUMBERS},
        "width_mm": round(x_mm, 2),
        "height_mm": round(y_mm, 2),
        "columns": picture.ct_hu.shape[0],
        "rows": picture.ct_hu.shape[1],
        "image": _png(picture.ct_hu),
        "truth": "" if picture.truth is None else outline(as_seen(picture.truth)),
        "prediction": "" if predicted is None else outline(as_seen(predicted)),
        **_ball(picture, x_mm, y_mm),
    }


def as_seen(array: Shaped[np.ndarray, "x y"]) -> Shaped[np.ndarray, "rows columns"]:
    """Turn a slice in RAS+ order into an image: first row anterior, first column the patient's right."""
    return array[::-1, ::-1].T


def outline(mask: Bool[np.ndarray, "rows columns"]) -> str:
    """Return the border of a mask along the edges of its pixels as an SVG path; "" for an empty mask.

    Neighboring edges on a line are one stroke. The unit is a pixel, from the upper left corner.
    """
    padded = np.pad(mask, 1)
    across = padded[1:] != padded[:-1]  # edges between rows, below row k - 1
    down = padded[:, 1:] != padded[:, :-1]
    strokes = [f"M{start} {k}H{stop}" for k, line in enumerate(across) for start, stop in _runs(line)]
    strokes += [f"M{k} {start}V{stop}" for k, line in enumerate(down.T) for start, stop in _runs(line)]
    return "".join(strokes)


def _runs(line: Bool[np.ndarray, " n"]) -> Sequence[tuple[int, int]]:
    """Start and stop of every run of a padded line, in pixels of the mask."""
    steps = np.diff(line.astype(np.int8), prepend=0, append=0)
    return [
        (int(a) - 1, int(b) - 1)
        for a, b in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    ]


def _png(ct_hu: Shaped[np.ndarray, "x y"]) -> str:
    low, high = WINDOW_HU
    gray = np.clip((as_seen(ct_hu).astype(np.float32) - low) / (high - low), 0, 1) * 255
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(gray.round().astype(np.uint8))).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _ball(picture: Picture, width_mm: float, height_mm: float) -> dict[str, Any]:
    row, (x, y, z) = picture.row, picture.spacing_mm
    nothing: dict[str, Any] = {"ball": None, "ball_above_mm": None}
    if picture.probability is None or math.isnan(row["ball_x"]):
        return nothing
    above_mm = float((row["ball_z"] - row["slice_z"]) * z)
    radius_mm = circle_radius_mm(row["diameter_mm"], above_mm)
    if radius_mm == 0:
        return nothing | {"ball_above_mm": round(above_mm, 1)}
    left_mm = width_mm - ((row["ball_x"] + 0.5) * x - picture.corner_mm[0])
    top_mm = height_mm - ((row["ball_y"] + 0.5) * y - picture.corner_mm[1])
    return nothing | {"ball": [round(float(each), 2) for each in (left_mm, top_mm, radius_mm)]}


def _plain(value: Any) -> str | int:
    return int(value) if isinstance(value, int | np.integer) else str(value)


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else round(float(value), 4)
