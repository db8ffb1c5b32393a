"""What a run may see, the predictions it leaves, and what is counted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rsuper.artifacts import Layout, read_json, read_table, write_json, write_table
from rsuper.data.volumes import read_grid, read_probability
from rsuper.errors import DataError
from rsuper.methods import find
from rsuper.predictions import store_predictions
from rsuper.runs import KEY, claim, run_key, training_totals
from rsuper.schemas import COHORT
from rsuper.task import Prediction, TestVolume

SHAPE = (40, 32, 32)
TARGETS = ("pancreas", "kidney")


def with_findings(collection, **changes):
    """The collection with other findings; None takes a case's away."""
    other = replace(collection)
    found = {**collection.findings, **{f"tiny_{case}": value for case, value in changes.items()}}
    other.__dict__["findings"] = {case: value for case, value in found.items() if value is not None}
    return other


# ------------------------------------------------------------------------------------------------- claim


@pytest.fixture
def workdir(tmp_path):
    """A run's folder with work in it, claimed for seed 1."""
    claim(tmp_path, {"seed": 1, "code": ["a"]})
    for name in ("model", "predictions", "cases", "notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    return tmp_path


def left(folder):
    return {path.name for path in folder.iterdir() if path.is_dir()}


def test_the_same_key_keeps_what_is_there(workdir):
    before = (workdir / KEY).read_bytes()
    claim(workdir, {"code": ["a"], "seed": 1})  # in whatever order
    assert left(workdir) == {"model", "predictions", "cases", "notes"}
    assert (workdir / KEY).read_bytes() == before


@pytest.mark.parametrize("key", [{"seed": 2, "code": ["a"]}, {"seed": 1}, {"seed": 1, "code": ["a", "b"]}])
def test_another_key_clears_the_work(workdir, key):
    claim(workdir, key)
    assert left(workdir) == {"notes"}
    assert {name: value for name, value in read_json(workdir / KEY).items() if name != "digest"} == key
    (workdir / "model").mkdir()
    claim(workdir, key)
    assert left(workdir) == {"notes", "model"}


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"digest": 1}', "{}"])
def test_a_damaged_key_is_no_claim(workdir, damage):
    (workdir / KEY).write_text(damage)
    claim(workdir, {"seed": 1, "code": ["a"]})
    assert left(workdir) == {"notes"}
    assert read_json(workdir / KEY)["seed"] == 1


def test_no_key_is_no_claim(workdir):
    (workdir / KEY).unlink()
    claim(workdir, {"seed": 1, "code": ["a"]})
    assert left(workdir) == {"notes"}


def test_the_key_follows_what_was_trained_before_and_not_its_record(collection, task_for, tmp_path):
    task, config = task_for("segmentation", tmp_path), find("segmentation").config({})
    (stage1,) = task.upstream.values()
    (stage1 / "model").mkdir(parents=True)
    for name in ("model/weights.pt", "model/training.json", "run.json"):
        (stage1 / name).write_text("first")
    key = run_key(collection, task, config, "full")
    (stage1 / "run.json").write_text("the same, recorded again: other seconds")
    assert run_key(collection, task, config, "full") == key
    for name in ("weights.pt", "training.json"):
        (stage1 / "model" / name).write_text("second")
        changed = run_key(collection, task, config, "full")
        assert changed != key
        key = changed


# ------------------------------------------------------------------------------------------------- truth


def box_of(mask):
    """First voxel and one past the last; the mask must fill it."""
    found = np.argwhere(mask)
    low, high = tuple(found.min(axis=0).tolist()), tuple((found.max(axis=0) + 1).tolist())
    assert mask.sum() == np.prod(np.subtract(high, low))
    return low, high


def test_the_truth_is_the_mask_where_there_is_one(collection, boxes):
    truth = collection.truth("tiny_T1")
    assert box_of(truth["pancreas"]) == boxes["pancreatic_lesion"]
    assert not truth["kidney"].any()
    assert box_of(collection.truth("tiny_M2")["kidney"]) == boxes["kidney_lesion"]  # stored as LPS
    # T1's mask stands, whatever its report says.
    silent = with_findings(collection, T1=None)
    assert box_of(silent.truth("tiny_T1")["pancreas"]) == boxes["pancreatic_lesion"]


def test_without_a_mask_the_organ_stands_for_a_stated_tumor(collection, boxes):
    truth = collection.truth("tiny_R1")
    assert set(truth) == {"pancreas"}
    assert box_of(truth["pancreas"]) == boxes["pancreas"]
    truth = collection.truth("tiny_R2")
    assert set(truth) == {"kidney"}
    assert truth["kidney"].sum() == 2 * 6 * 7 * 10  # both kidneys
    assert collection.truth("tiny_R3") == {}


def test_nothing_stands_for_what_the_report_leaves_open(collection):
    assert with_findings(collection, R1=None).truth("tiny_R1") == {}
    findings = collection.findings["tiny_R1"]
    doubtful = tuple(finding.model_copy(update={"certain": False}) for finding in findings.findings)
    unsure = with_findings(collection, R1=findings.model_copy(update={"findings": doubtful}))
    assert unsure.truth("tiny_R1") == {}


# ------------------------------------------------------------------------------------------- predictions


@pytest.fixture
def volumes(collection):
    return collection.test_volumes("internal")  # T1 and T2


def constant(value):
    return np.full(SHAPE, value, np.float32)


def test_maps_are_stored_on_the_grid_of_their_ct(collection, tmp_path):
    volume = TestVolume(collection.stored["tiny_M2"], SHAPE)  # its CT is stored as LPS
    probability = np.random.default_rng(0).random(SHAPE, dtype=np.float32)
    maps = {"pancreas": probability, "kidney": constant(1)}
    frame = store_predictions([Prediction("tiny_M2", maps)], [volume], collection, tmp_path, TARGETS)
    assert frame.to_dict("records") == [
        {"case_id": "tiny_M2", "target": target, "file": f"tiny_M2.{target}.nii.gz", "reason": ""}
        for target in TARGETS
    ]
    path = tmp_path / "tiny_M2.pancreas.nii.gz"
    ct = Path(collection.row("tiny_M2")["ct"])
    np.testing.assert_allclose(read_grid(path).file_affine, read_grid(ct).file_affine)
    # Steps of 1 / 65535, rounded.
    assert np.abs(read_probability(path, read_grid(ct)) - probability).max() < 0.51 / 65535


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (None, "the method gave no map for this target"),
        (np.zeros((2, 2, 2), np.float32), "the map has shape (2, 2, 2), its CT (40, 32, 32)"),
        (constant(1.001), "the map has values outside [0, 1]"),
        (constant(-0.001), "the map has values outside [0, 1]"),
        (constant(np.nan), "the map has values outside [0, 1]"),
        (constant(np.inf), "the map has values outside [0, 1]"),
    ],
    ids=["missing", "shape", "above", "below", "nan", "infinite"],
)
def test_a_map_that_cannot_be_used_is_a_row_with_a_reason(collection, volumes, tmp_path, bad, reason):
    maps = {"pancreas": constant(0.5)} | ({} if bad is None else {"kidney": bad})
    frame = store_predictions([Prediction("tiny_T1", maps)], volumes[:1], collection, tmp_path, TARGETS)
    assert frame["file"].tolist() == ["tiny_T1.pancreas.nii.gz", ""]
    assert frame["reason"].tolist() == ["", reason]
    assert [path.name for path in tmp_path.iterdir()] == ["tiny_T1.pancreas.nii.gz"]


def test_a_case_without_prediction_has_its_rows(collection, volumes, tmp_path):
    maps = dict.fromkeys(TARGETS, constant(0))
    frame = store_predictions([Prediction("tiny_T2", maps)], volumes, collection, tmp_path, TARGETS)
    assert frame["case_id"].tolist() == ["tiny_T2", "tiny_T2", "tiny_T1", "tiny_T1"]
    assert frame["target"].tolist() == [*TARGETS, *TARGETS]
    assert frame["reason"].tolist() == ["", "", *["the method gave no prediction"] * 2]
    assert frame["file"].tolist()[2:] == ["", ""]


# ---------------------------------------------------------------------------------------------- counting


def test_supervision_counts(collection):
    # M1 has a pancreatic tumor, M2 one in a kidney, M3 none; R1 and R2 state one of each kind, R3 and R4
    # none, and one of the four is held out. R2 states two kidney tumors and counts once.
    reports = set(collection.report_ids("full", 0))
    assert len(reports) == 3
    assert collection.supervision_counts("full") == {
        "masks": {"pancreas": 1, "kidney": 1},
        "mask_cases": 3,
        "reports": {"pancreas": int("tiny_R1" in reports), "kidney": int("tiny_R2" in reports)},
        "report_cases": 3,
    }


def test_training_totals_add_up_the_stages(tmp_path):
    nothing = {"steps": 0, "mask_patches": 0, "report_patches": 0}
    assert training_totals(tmp_path) == nothing
    first = {"step": 10, "mask_patches": 20, "report_patches": 0, "seconds": 1.5}
    second = {"step": 5, "mask_patches": 10, "report_patches": 15, "seconds": 2.5}
    write_json(first, tmp_path / "model" / "training.json")
    assert training_totals(tmp_path) == {"steps": 10, "mask_patches": 20, "report_patches": 0}
    write_json(second, tmp_path / "model" / "second" / "training.json")
    write_json(second, tmp_path / "elsewhere" / "training.json")
    assert training_totals(tmp_path) == {"steps": 15, "mask_patches": 30, "report_patches": 15}


# ------------------------------------------------------------------------------------------------ cohort


def test_a_patient_who_is_trained_and_tested_on_is_refused(collection, tmp_path):
    other = replace(collection, layout=Layout(tmp_path))
    table = read_table(collection.layout.cohort("tiny"), COHORT)
    table.loc[table["case_id"] == "tiny_T1", "patient_id"] = "tiny_PM1"
    write_table(table, other.layout.cohort("tiny"), COHORT)
    with pytest.raises(DataError, match=r"CTs tiny_M1 \(mask_train\) and tiny_T1 \(test_internal\)"):
        _ = other.cohort
    table.loc[table["case_id"] == "tiny_T1", "reason"] = "no use"
    write_table(table, other.layout.cohort("tiny"), COHORT)
    assert "tiny_T1" not in set(replace(other).cohort["case_id"])


def test_the_hash_follows_the_cohort(collection):
    other = replace(collection)
    assert other.hash() == collection.hash()
    other.__dict__["cohort"] = collection.cohort.assign(role="mask_train")
    assert other.hash() != collection.hash()
