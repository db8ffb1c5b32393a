"""From predictions on disk to the rows and panels of the overlays."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from rsuper.artifacts import predictions_table, write_table
from rsuper.data.volumes import read_grid, write_probability
from rsuper.evaluate.case_tables import read_cases
from rsuper.evaluate.cases import cases_frame, score_case
from rsuper.evaluate.read import PredictedSet
from rsuper.publish.figures.overlay_cases import Choice
from rsuper.publish.figures.overlay_pictures import read_pictures, view_window
from rsuper.publish.figures.overlay_rows import largest_finding, overlays_frame
from rsuper.publish.figures.overlays import _panel, overlays
from rsuper.publish.figures.tables import OVERLAYS
from rsuper.reports.findings import Finding, ReportFindings
from rsuper.schemas import PREDICTIONS
from tests.publish.figures.drawn import panels, same_bytes

SHAPE = (40, 32, 32)
RUNS = [("full", "segmentation", 0), ("full", "r_super", 0)]
TUMOR = Choice("pancreas", "worst", "tiny_T1", "internal")
FREE = Choice("pancreas", "tumor-free", "tiny_T2", "internal")


def locate(probability, diameter_mm, spacing_mm, region):
    """Stands for the Ball Convolution: the most probable voxel of the region."""
    assert spacing_mm == pytest.approx((4.0, 4.0, 4.0))
    masked = np.where(region, probability, -1.0)
    return tuple(int(index) for index in np.unravel_index(masked.argmax(), masked.shape))


@pytest.fixture(scope="module")
def rows(filed):
    """Rows of two cases and two runs; segmentation failed on T1."""
    for run in RUNS:
        table = predictions_table(filed.layout.run(*run), "internal")
        lines = []
        for case in ("tiny_T1", "tiny_T2"):
            failed = run[1] == "segmentation" and case == "tiny_T1"
            lines.append(
                (case, "pancreas", "" if failed else f"{case}.nii.gz", "out of memory" if failed else "")
            )
            probability = np.zeros(SHAPE, np.float32)
            probability[0:3, 0, 16] = 0.9  # outside of the organ
            probability[24, 14, 17] = 0.8  # in the pancreatic head, which T1's report names
            probability[15, 14, 15:17] = 0.85  # in the tail
            affine = read_grid(Path(filed.row(case)["ct"])).file_affine
            write_probability(probability, table.parent / f"{case}.nii.gz", affine)
        write_table(pd.DataFrame(lines, columns=list(PREDICTIONS.columns)), table, PREDICTIONS)
    frames = []
    for budget, method, seed in RUNS:
        predicted = PredictedSet(filed, filed.layout.run(budget, method, seed), "internal")
        found = [
            row
            for case in ("tiny_T1", "tiny_T2")
            for row in score_case(predicted.case(case), tolerances_mm=(2.0,)).values()
        ]
        frames.append(cases_frame(found, (2.0,)).assign(budget=budget, method=method, seed=seed))
    return overlays_frame([TUMOR, FREE], RUNS, RUNS[1], pd.concat(frames), filed, locate)


def test_rows_by_hand(rows):
    assert list(rows) == list(OVERLAYS.columns)
    assert len(rows) == 4
    failed, tumor, free, also_free = (row for _, row in rows.iterrows())
    # The tumor is 3 x 3 x 3 voxels from (23, 13, 15): the first of three equal slices, its middle.
    for row in (failed, tumor):
        assert (row["slice_z"], row["view_x"], row["view_y"], row["view_mm"]) == (15, 24.0, 14.0, 120.0)
        assert row["diameter_mm"] == 14.0
    assert failed["reason"] == "out of memory"
    assert math.isnan(failed["ball_x"])
    # Most probable voxel of the head; what is outside, or in the tail, is not asked.
    assert (tumor["ball_x"], tumor["ball_y"], tumor["ball_z"], tumor["reason"]) == (24, 14, 17, "")
    # One voxel of the tumor is found; 3 + 2 others are called as well: 2 * 1 / (27 + 6).
    assert tumor["dsc"] == pytest.approx(2 / 33)
    assert tumor["predicted_volume_mm3"] == pytest.approx(6 * 64)
    assert tumor["truth_volume_mm3"] == pytest.approx(27 * 64)
    for row in (free, also_free):
        # No tumor: the slice where most voxels are called, four in the 17th (index 16).
        assert row["slice_z"] == 16
        assert row["view_x"] == pytest.approx((0 + 1 + 2 + 15) / 4)
        assert row["reason"] == "no tumor of known size in the report"


def test_nothing_chosen_is_no_row(filed):
    assert overlays_frame([], [], None, read_cases(filed.layout, [], []), filed, locate).empty


def test_only_the_view_is_kept(rows, filed):
    pictures = list(read_pictures(rows, filed))
    assert [picture.row["case_id"] for picture in pictures] == ["tiny_T1"] * 2 + ["tiny_T2"] * 2
    # 120 mm are 30 voxels: 24.5 - 15 to 24.5 + 15 is 9.5 to 39.5; 14.5 -+ 15 is cut at 0.
    first = pictures[1]
    assert first.ct_hu.shape == (31, 30)
    assert first.corner_mm == (36.0, 0.0)
    assert first.truth.sum() == 9
    assert np.argwhere(first.truth).min(axis=0).tolist() == [23 - 9, 13]
    assert pictures[0].probability is None


def test_window_on_anisotropic_spacing():
    row = pd.Series({"view_x": 50.0, "view_y": 10.0, "view_mm": 40.0})
    # 40 mm are 80 voxels of 0.5 mm and 10 of 4 mm: 10.5 to 90.5, and 5.5 to 15.5.
    assert view_window(row, (0.5, 4.0, 5.0), (200, 200, 9)) == (slice(10, 91), slice(5, 16))
    assert view_window(row, (0.5, 4.0, 5.0), (60, 12, 9)) == (slice(10, 60), slice(5, 12))


def drawn(picture, **cells):
    axis = Figure().subplots()
    picture.row.update(pd.Series(cells, dtype=object))
    _panel(axis, picture)
    return axis


def test_what_is_drawn_where(rows, filed):
    axis = drawn(list(read_pictures(rows, filed))[1])
    # The patient's right, high x, is on the left; the view is 120 mm around (24.5, 14.5) * 4 mm.
    assert axis.get_xlim() == (158.0, 38.0)
    assert axis.get_ylim() == (-2.0, 118.0)
    truth = axis.collections[0].get_paths()[0].vertices
    # Voxels 23 to 25 and 13 to 15: edges at 92 and 104, at 52 and 64 mm.
    assert truth.min(axis=0) == pytest.approx((92, 52))
    assert truth.max(axis=0) == pytest.approx((104, 64))
    assert axis.get_xlabel() == "Dice 0.06, 0.4 mL predicted\nball 8 mm above"


def test_ball_where_it_meets_the_slice(rows, filed):
    axis = drawn(list(read_pictures(rows, filed))[1], ball_z=16.0)
    (circle,) = (patch for patch in axis.patches if isinstance(patch, Circle))
    # One slice of 4 mm above: the 14 mm ball is cut in a circle of radius sqrt(7^2 - 4^2).
    assert circle.center == (98.0, 58.0)
    assert circle.radius == pytest.approx(math.sqrt(33))
    assert axis.get_xlabel() == "Dice 0.06, 0.4 mL predicted"


def test_ball_on_another_slice_is_named_not_drawn(rows, filed):
    for ball_z, words in ((20, "ball 20 mm above"), (10, "ball 20 mm below")):
        axis = drawn(list(read_pictures(rows, filed))[1], ball_z=ball_z)
        assert axis.get_xlabel().endswith(words)
        assert not any(isinstance(patch, Circle) for patch in axis.patches)


def test_same_numbers_same_bytes(rows, filed, cards, tmp_path):
    pictures = list(read_pictures(rows, filed))
    for name in ("a", "b"):
        overlays(pictures, filed.experiment, cards, RUNS[1], tmp_path / name)
    assert same_bytes(tmp_path / "a", tmp_path / "b")
    assert panels(tmp_path / "a.svg") == 4


def test_no_cases_are_one_panel_that_says_so(filed, cards, tmp_path):
    overlays([], filed.experiment, cards, None, tmp_path / "none")
    assert panels(tmp_path / "none.svg") == 1


def test_largest_finding_is_certain_and_sized():
    findings = ReportFindings(
        case_id="c",
        report_sha256="0",
        extractor="hand",
        version="1",
        findings=(
            Finding(organ="kidney", diameters_mm=(40.0,), certain=False),
            Finding(organ="kidney", diameters_mm=(12.0,)),
            Finding(organ="kidney", diameters_mm=(20.0, 10.0)),
            Finding(organ="kidney"),
        ),
    )
    found = largest_finding(findings, "kidney")
    assert found is not None
    assert found.diameters_mm == (20.0, 10.0)
    assert largest_finding(findings, "pancreas") is None
    assert largest_finding(None, "kidney") is None
