import math

import numpy as np
import pytest

from rsuper.evaluate.cases import CaseInput, TargetInput, cases_frame, nsd_columns, score_case
from rsuper.metrics import overlap, surface
from rsuper.metrics.detection import case_scores
from rsuper.metrics.lesions import lesion_counts
from rsuper.metrics.strata import longest_axial_diameter_mm
from rsuper.schemas import CASES

SHAPE = (12, 12, 12)
SPACING = (2.0, 2.0, 2.0)
TOLERANCES = (2.0, 1.15)
NSD = ("nsd_surfel_2mm", "nsd_surfel_1.15mm", "nsd_voxel_2mm", "nsd_voxel_1.15mm")


def _box(start: int, stop: int) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[start:stop, start:stop, start:stop] = True
    return mask


ORGAN = _box(1, 11)


def _score(size_source: str = "report", **known: object) -> dict[str, object]:
    item = TargetInput(**({"probability": _box(3, 6).astype(np.float32), "organ": ORGAN} | known))
    case = CaseInput("c1", "p1", "internal", SPACING, {"kidney": item})
    return score_case(case, tolerances_mm=TOLERANCES, size_source=size_source)["kidney"]


def test_a_perfect_prediction():
    row = _score(truth=_box(3, 6), reported_diameter_mm=21.0)
    assert (row["truth"], row["truth_source"], row["reason"]) == (True, "mask", "")
    # 27 voxels of 8 mm3 each.
    assert row["truth_volume_mm3"] == row["predicted_volume_mm3"] == 216.0
    assert row["dsc"] == 1.0
    assert [row[name] for name in NSD] == [1.0] * 4
    # A ball of 10 mm (524 mm3) is 65 voxels, of which 27 hold 1: 27/65.
    assert row["score_top_volume_mean"] == pytest.approx(27 / 65)
    assert (row["score_max_probability"], row["score_volume_above"]) == (1.0, 216.0)
    assert (row["largest_diameter_mm"], row["diameter_source"], row["stratum"]) == (21.0, "report", "large")


def test_dice_of_a_shifted_box():
    shifted = np.roll(_box(3, 6), 1, axis=0).astype(np.float32)
    # Two of three layers overlap: 2 * 18 / 54.
    assert _score(truth=_box(3, 6), probability=shifted)["dsc"] == pytest.approx(2 / 3)


def test_which_diameter_decides_the_stratum():
    mask_mm = math.hypot(6, 6)  # corner to corner of 3 x 3 pixels of 2 mm
    both = {"truth": _box(3, 6), "reported_presence": True, "reported_diameter_mm": 25.0}
    assert (_score(**both)["stratum"], _score(**both)["diameter_source"]) == ("large", "report")
    by_mask = _score("mask", **both)
    assert (by_mask["stratum"], by_mask["diameter_source"]) == ("small", "mask")
    assert by_mask["largest_diameter_mm"] == pytest.approx(mask_mm)
    unsized = _score(truth=_box(3, 6))
    assert (unsized["diameter_source"], unsized["stratum"]) == ("mask", "small")
    without_mask = _score("mask", reported_presence=True, reported_diameter_mm=25.0)
    assert (without_mask["diameter_source"], without_mask["stratum"]) == ("report", "large")
    neither = _score(reported_presence=True)
    assert (neither["diameter_source"], neither["stratum"]) == ("", "unknown")
    assert math.isnan(neither["largest_diameter_mm"])


def test_without_a_mask_the_report_is_the_truth():
    row = _score(reported_presence=True)
    assert (row["truth"], row["truth_source"]) == (True, "report")
    assert math.isnan(row["dsc"])
    assert math.isnan(row["nsd_surfel_2mm"])
    assert math.isnan(row["truth_volume_mm3"])
    assert row["predicted_volume_mm3"] == 216.0
    assert not _score(reported_presence=False)["truth"]


def test_the_mask_wins_over_the_report():
    row = _score(truth=np.zeros(SHAPE, dtype=bool), reported_presence=True, reported_diameter_mm=9.0)
    assert (row["truth"], row["truth_source"], row["stratum"], row["diameter_source"]) == (
        False,
        "mask",
        "",
        "",
    )
    assert math.isnan(row["largest_diameter_mm"])


def test_empty_masks():
    nothing = np.zeros(SHAPE, dtype=np.float32)
    empty = np.zeros(SHAPE, dtype=bool)
    assert _score(truth=empty, probability=nothing)["dsc"] == 1.0
    assert _score(truth=empty, probability=nothing)["nsd_voxel_2mm"] == 1.0
    assert _score(truth=empty)["dsc"] == 0.0
    assert _score(truth=_box(3, 6), probability=nothing)["nsd_surfel_2mm"] == 0.0


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"probability": None, "reason": "out of memory"}, "out of memory"),
        ({"probability": None}, "no prediction"),
        ({"organ": None}, "no organ mask"),
        ({"organ": np.zeros(SHAPE, dtype=bool)}, "the organ mask is empty"),
        ({"organ": np.ones((3, 3, 3), dtype=bool)}, "organ mask has shape (3, 3, 3)"),
        ({"probability": np.zeros((3, 3, 3), dtype=np.float32)}, "the prediction (3, 3, 3)"),
        ({"probability": np.full(SHAPE, np.nan, dtype=np.float32)}, "outside [0, 1]"),
        ({"probability": np.full(SHAPE, 1.5, dtype=np.float32)}, "outside [0, 1]: 1.5 to 1.5"),
    ],
)
def test_failures_are_rows_with_a_reason_and_a_truth(broken, reason):
    row = _score(truth=_box(3, 6), **broken)
    assert reason in row["reason"]
    assert (row["truth"], row["stratum"]) == (True, "small")
    for name in ("score_top_volume_mean", "score_volume_above", "predicted_volume_mm3", "dsc", *NSD):
        assert math.isnan(row[name])


def test_an_unknown_truth_gives_no_row():
    item = TargetInput(probability=np.zeros(SHAPE, dtype=np.float32), organ=ORGAN)
    case = CaseInput("c1", "p1", "internal", SPACING, {"kidney": item})
    assert score_case(case, tolerances_mm=TOLERANCES) == {}


def test_a_wrong_size_source_is_named():
    with pytest.raises(ValueError, match="'volume'"):
        _score("volume", truth=_box(3, 6))


def test_frame_has_every_column_in_order():
    columns = [*CASES.columns, *NSD]
    assert list(cases_frame([], TOLERANCES).columns) == columns
    frame = cases_frame([_score(truth=_box(3, 6)), _score(reported_presence=False)], TOLERANCES)
    assert list(frame.columns) == columns
    from_masks = ["largest_diameter_mm", "truth_volume_mm3", "dsc", "tumors", "tumors_found"]
    assert not frame.drop(columns=[*from_masks, "false_positives", *NSD]).isna().any(axis=None)


def test_lesions():
    # Two tumors of 27 voxels; the prediction covers the first by 3 of 27 (11 %), and marks 9 voxels
    # (72 mm3, above the 65 mm3 of a ball of 5 mm) where there is none.
    truth = _box(1, 4) | _box(6, 9)
    predicted = np.zeros(SHAPE, dtype=np.float32)
    predicted[1, 1, 1:4] = 1
    predicted[11, 0:3, 0:3] = 1
    row = _score(truth=truth, probability=predicted)
    assert (row["tumors"], row["tumors_found"], row["false_positives"]) == (2, 1, 1)
    # A prediction that failed has tumors all the same; without a mask nobody knows of any.
    failed = _score(truth=truth, probability=None)
    assert failed["tumors"] == 2
    assert math.isnan(failed["tumors_found"])
    unannotated = _score(reported_presence=True)
    assert all(math.isnan(unannotated[name]) for name in ("tumors", "tumors_found", "false_positives"))


LARGE = (40, 44, 36)


def _random_item(generator: np.random.Generator, far: bool) -> TargetInput:
    """An organ with a tumor, a map that is wrong by a little, and false pieces near or far."""
    middle = tuple(slice(n // 2 - 6, n // 2 + 6) for n in LARGE)
    organ, truth = np.zeros(LARGE, dtype=bool), np.zeros(LARGE, dtype=bool)
    stored = np.zeros(LARGE, dtype=np.uint16)
    organ[middle] = True
    truth[middle] = generator.random((12, 12, 12)) < 0.05
    stored[middle] = generator.integers(0, 65536, (12, 12, 12)) * truth[middle]
    stored[middle] += generator.integers(0, 9000, (12, 12, 12), dtype=np.uint16)
    corner = tuple(slice(1, 5) if far else slice(n // 2 - 9, n // 2 - 4) for n in LARGE)
    stored[corner] = generator.integers(30000, 65536, stored[corner].shape)
    probability = np.asfortranarray(stored / np.float32(65535))
    return TargetInput(probability, np.asfortranarray(organ), np.asfortranarray(truth))


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("flipped", [False, True])
def test_a_larger_field_of_view_changes_no_number(far, flipped):
    item = _random_item(np.random.default_rng(0), far)

    def padded(array):
        around = np.pad(np.asarray(array), ((30, 20), (15, 25), (11, 9)))
        return np.asfortranarray(around[::-1])[::-1] if flipped else np.asfortranarray(around)

    larger = TargetInput(padded(item.probability), padded(item.organ), padded(item.truth))
    items = {"kidney": item, "pancreas": larger}
    rows = score_case(CaseInput("c1", "p1", "internal", (0.9, 0.9, 1.7), items), tolerances_mm=TOLERANCES)
    assert rows["kidney"].pop("target") != rows["pancreas"].pop("target")
    assert rows["kidney"] == rows["pancreas"]
    assert rows["kidney"]["reason"] == ""
    assert rows["kidney"]["tumors"] > 3


def test_scores_equal_the_metrics_of_whole_arrays():
    item, spacing_mm = _random_item(np.random.default_rng(1), far=True), (1.1, 1.1, 2.0)
    case = CaseInput("c1", "p1", "internal", spacing_mm, {"kidney": item})
    row = score_case(case, tolerances_mm=TOLERANCES)["kidney"]
    predicted = item.probability >= 0.5
    assert row["dsc"] == overlap.dsc(item.truth, predicted)
    assert row["predicted_volume_mm3"] == predicted.sum() * math.prod(spacing_mm)
    assert row["truth_volume_mm3"] == item.truth.sum() * math.prod(spacing_mm)
    assert row["largest_diameter_mm"] == longest_axial_diameter_mm(item.truth, spacing_mm)
    found = lesion_counts(item.truth, predicted, spacing_mm)
    assert (row["tumors"], row["tumors_found"], row["false_positives"]) == (
        found.tumors,
        found.found,
        found.false_positives,
    )
    for name, value in case_scores(item.probability, item.organ, spacing_mm).items():
        assert row[f"score_{name}"] == value
    for (boundary, tolerance_mm), name in nsd_columns(TOLERANCES).items():
        whole = surface.nsd(item.truth, predicted, spacing_mm, tolerance_mm, boundary=boundary)
        assert row[name] == whole


@pytest.mark.parametrize(("bad", "found"), [(np.nan, "nan"), (1.5, "0 to 1.5"), (-0.5, "-0.5 to 0")])
def test_a_bad_value_far_from_the_organ_is_refused(bad, found):
    probability = np.zeros((60, 60, 60), dtype=np.float32)
    probability[59, 0, 59] = bad
    organ = np.zeros(probability.shape, dtype=bool)
    organ[2:4, 50:52, 2:4] = True
    row = _score(truth=np.zeros_like(organ), organ=organ, probability=probability)
    assert "outside [0, 1]" in row["reason"]
    assert found in row["reason"]
    assert math.isnan(row["score_max_probability"])
