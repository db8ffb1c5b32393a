"""From the files of a run and of the cohort to the arrays that are scored."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rsuper.artifacts import predictions_table, write_table
from rsuper.data.volumes import read_grid, write_probability
from rsuper.errors import ArtifactError
from rsuper.evaluate.read import PredictedSet
from rsuper.schemas import PREDICTIONS

SHAPE = (40, 32, 32)
ROWS = [
    ("tiny_T1", "pancreas", "t1.nii.gz", ""),
    ("tiny_T1", "kidney", "", "out of memory"),
    ("tiny_M2", "kidney", "m2.nii.gz", ""),
    ("tiny_M2", "pancreas", "small.nii.gz", ""),
]


def ramp():
    """A map that has another value in every voxel, all multiples of 1 / 65535."""
    return (np.arange(np.prod(SHAPE)).reshape(SHAPE) / 65535).astype(np.float32)


@pytest.fixture
def predicted(collection, tmp_path):
    """`predicted(collection)`: a run's predictions; M2's CT is stored as LPS."""
    folder = predictions_table(tmp_path, "internal").parent
    for name, case in (("t1", "T1"), ("m2", "M2")):
        affine = read_grid(Path(collection.row(f"tiny_{case}")["ct"])).file_affine
        write_probability(ramp(), folder / f"{name}.nii.gz", affine)
    write_probability(np.zeros((2, 2, 2), np.float32), folder / "small.nii.gz", np.eye(4))
    frame = pd.DataFrame(ROWS, columns=list(PREDICTIONS.columns))
    write_table(frame, predictions_table(tmp_path, "internal"), PREDICTIONS)
    return lambda other=collection: PredictedSet(other, tmp_path, "internal")


def changed(collection, case, **cells):
    """The collection with other cells in the cohort row of a case."""
    cohort = collection.cohort.copy()
    for column, value in cells.items():
        cohort.loc[cohort["case_id"] == case, column] = value
    other = replace(collection)
    other.__dict__["cohort"] = cohort
    return other


def test_a_case_with_masks_and_a_report(predicted, boxes):
    case = predicted().case("tiny_T1")
    assert (case.case_id, case.patient_id, case.test_set) == ("tiny_T1", "tiny_PT1", "internal")
    assert case.spacing_mm == pytest.approx((4, 4, 4))
    assert list(case.targets) == ["pancreas", "kidney"]
    item = case.targets["pancreas"]
    np.testing.assert_allclose(item.probability, ramp(), atol=1e-7)
    low, high = boxes["pancreatic_lesion"]
    assert item.truth.sum() == item.truth[tuple(map(slice, low, high))].sum() == 27  # 3 x 3 x 3
    assert item.organ.sum() == 14 * 6 * 6
    assert (item.reported_presence, item.reported_diameter_mm, item.reason) == (True, 14.0, "")
    kidney = case.targets["kidney"]
    assert kidney.organ.sum() == 2 * 6 * 7 * 10  # both
    assert not kidney.truth.any()
    assert (kidney.reported_presence, kidney.reported_diameter_mm) == (False, None)


def test_a_failed_prediction_keeps_its_reason(predicted):
    kidney = predicted().case("tiny_T1").targets["kidney"]
    assert (kidney.probability, kidney.reason) == (None, "out of memory")
    second = predicted().case("tiny_T2").targets
    assert (second["pancreas"].probability, second["pancreas"].reason) == (None, "no row in predictions.csv")
    assert (second["kidney"].probability, second["kidney"].reason) == (None, "no row in predictions.csv")
    small = predicted().case("tiny_M2").targets["pancreas"]
    assert small.probability is None
    assert "the map has shape (2, 2, 2), its CT (40, 32, 32)" in small.reason


@pytest.mark.parametrize("damage", ["removed", "cut", "flipped"])
def test_a_map_that_was_lost_since_stops_and_is_no_failed_prediction(predicted, tmp_path, damage):
    path = predictions_table(tmp_path, "internal").with_name("t1.nii.gz")
    case = predicted()
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[:-100])
    if damage == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"t1\.nii\.gz: .*run again after: rm -f .*predictions\.csv"):
        case.case("tiny_T1")


def test_another_order_of_axes_on_disk(predicted, boxes):
    item = predicted().case("tiny_M2").targets["kidney"]
    np.testing.assert_allclose(item.probability, ramp(), atol=1e-7)
    low, high = boxes["kidney_lesion"]
    assert item.truth.sum() == item.truth[tuple(map(slice, low, high))].sum() == 64  # 4 x 4 x 4
    assert (item.reported_presence, item.reported_diameter_mm) == (None, None)  # no report


def test_a_case_with_a_report_alone(predicted):
    targets = predicted().case("tiny_R2").targets
    assert (targets["kidney"].truth, targets["kidney"].reported_presence) == (None, True)
    assert targets["kidney"].reported_diameter_mm == 20.0  # the left one's; the right one has no size
    assert (targets["pancreas"].truth, targets["pancreas"].reported_presence) == (None, False)


def test_a_target_outside_the_field_of_view_is_left_out(predicted, collection):
    left = changed(collection, "tiny_T1", organs="kidney_left")
    case = predicted(left).case("tiny_T1")
    assert list(case.targets) == ["kidney"]
    assert case.targets["kidney"].organ.sum() == 6 * 7 * 10


def test_a_pancreas_that_has_only_segments_is_their_union(predicted, collection):
    parts = changed(collection, "tiny_T1", organs="pancreas_head pancreas_tail")
    assert predicted(parts).case("tiny_T1").targets["pancreas"].organ.sum() == (5 + 4) * 6 * 6
    # The whole organ's own mask wins over its segments'.
    both = changed(collection, "tiny_T1", organs="pancreas pancreas_head")
    assert predicted(both).case("tiny_T1").targets["pancreas"].organ.sum() == 14 * 6 * 6


def test_what_nobody_annotated_has_no_truth_mask(predicted, collection):
    partly = changed(collection, "tiny_T1", annotated="kidney")
    targets = predicted(partly).case("tiny_T1").targets
    assert targets["pancreas"].truth is None
    assert targets["pancreas"].reported_presence is True
    assert targets["kidney"].truth is not None


def test_no_predictions_at_all(collection, tmp_path):
    with pytest.raises(ArtifactError, match=r"predictions\.csv: no such file"):
        PredictedSet(collection, tmp_path, "internal")


def test_two_predictions_of_a_case_are_refused(predicted, tmp_path):
    path = predictions_table(tmp_path, "internal")
    frame = pd.DataFrame([*ROWS, ("tiny_T1", "kidney", "t1.nii.gz", "")], columns=list(PREDICTIONS.columns))
    write_table(frame, path, PREDICTIONS)
    with pytest.raises(ArtifactError, match=r"predictions\.csv: case 'tiny_T1' has two rows for kidney"):
        predicted()
