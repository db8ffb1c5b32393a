"""Nothing but the tumor tells a tumor; and every check finds a shortcut that is planted."""

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks import shortcut_checks, shortcut_facts, shortcuts
from benchmarks.shortcut_checks import DISEASED, classifiers, detectors, distractors, facts, normals, twins
from benchmarks.shortcut_facts import KINDS, detector_scores, image_facts, scan_settings
from rsuper.config.phantom import CaseGroup, PhantomSpec
from rsuper.data.phantom.case import TARGETS, make_case
from rsuper.data.phantom.shapes import Grid

SPEC = PhantomSpec()
HOSPITAL = SPEC.hospitals["phantom_reports"]
GRID = Grid(SPEC.grid.shape, SPEC.grid.spacing_mm)
CLIP_HU = (-80.0, 280.0)
# Told by a CT's voxels, some of which a tumor changes: at its edge, or all together.
TOUCHED = {"bytes_ct", "hu_whole", "hu_near_pancreas", "hu_near_kidney"}
TOUCHED |= {"noise_near_pancreas", "noise_near_kidney"}


@pytest.fixture(scope="module")
def measured():
    groups = (CaseGroup(role="report_train", pancreas=3, kidney=3, both=1, normal=2),)
    hospital = HOSPITAL.model_copy(update={"cases": groups})
    spec = SPEC.model_copy(update={"hospitals": {"here": hospital}})
    return pd.DataFrame(shortcuts.measure(spec, 5, CLIP_HU))


@pytest.fixture(scope="module")
def pairs():
    """Ten normal CTs, as generated and as they come back with what a test plants."""
    return [make_case(SPEC, HOSPITAL, "normal", (7, 2, i)) for i in range(10)]


def made_up(n=240, seed=0, roles=("mask_train",)):
    """Facts and counts that know nothing of disease; half of the CTs are normal."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"data_seed": 1, "role": np.resize(roles, n), "number": range(n), "twin": False})
    frame["kind"] = rng.permutation(np.resize(["pancreas", "normal", "kidney", "normal"], n))
    frame["phase"] = rng.choice(["plain", "arterial", "venous"], n)
    frame["volume_pancreas"] = rng.normal(80, 10, n)
    frame["age"] = rng.integers(18, 90, n)
    frame["scan:noise_hu"] = rng.uniform(6, 11, n)
    for target, kinds in KINDS.items():
        for kind in kinds:
            most = 1 if kind == "dilated_duct" else 3
            frame[f"{target}:{kind}"] = np.minimum(rng.poisson(0.5, n), most)
        frame[f"{target}:covered"] = 0
        frame[f"{target}:raw smooth full bright any"] = rng.normal(0, 1, n)
        frame[f"{target}:spread sd"] = rng.normal(0, 1, n)
    return frame


def verdicts(table, *names):
    return table.groupby(list(names))["verdict"].first().to_dict()


def test_a_case_and_its_normal_twin_differ_in_the_voxels_of_the_tumor_alone(measured):
    table = twins(measured)
    assert (table["verdict"] == "holds").all()
    assert table.groupby("target")["pairs"].first().to_dict() == {"pancreas": 4, "kidney": 4}
    assert set(table.loc[table["differ"] > 0, "fact"]) <= TOUCHED
    assert {"volume_pancreas", "bytes_kidney_left", "distractors_kidney", "hu_liver", "noise_far"} <= set(
        table.loc[table["differ"] == 0, "fact"]
    )
    # 0.1 standard deviations would be an AUC of Phi(0.1 / sqrt(2)) = 0.528.
    assert table["shift_sd"].abs().max() < 0.1


def test_twins_that_differ_are_found(measured):
    for fact, change in (("volume_pancreas", lambda v: v * 1.5), ("scanner", lambda v: "Phantom Nine")):
        planted = measured.copy()
        planted.loc[~planted["twin"], fact] = planted.loc[~planted["twin"], fact].map(change)
        table = twins(planted)
        assert set(table.loc[table["verdict"] == "fails", "fact"]) == {fact}


def test_all_tables_have_verdicts_for_each_seed_and_for_all_together(measured, monkeypatch):
    monkeypatch.setattr(
        shortcuts, "CHECKS", {n: c for n, c in shortcuts.CHECKS.items() if n != "classifiers"}
    )
    measured = measured[[c for c in measured.columns if " mm" not in c]]  # detectors of one scale: many
    tables = shortcuts.all_checks(pd.concat([measured, measured.assign(data_seed=6)], ignore_index=True))
    for table in tables.values():
        assert set(table["seed"]) == {"5", "6", "5+6"}
        assert set(table["verdict"]) <= {"holds", "fails"}
    assert len(shortcuts.shown("facts", tables["facts"])) < len(tables["facts"])
    assert (shortcuts.shown("twins", tables["twins"])["differ"] > 0).all()


def test_the_reported_seed_is_refused(monkeypatch):
    reported = shortcuts.load_experiment(shortcuts.ROOT / "config" / "phantom.yaml").data_seed
    for seeds in (["1", str(reported)], []):
        monkeypatch.setattr(sys, "argv", ["shortcuts.py", *seeds])
        with pytest.raises(SystemExit):
            shortcuts.main()


def test_the_reported_seed_is_checked_on_demand(monkeypatch):
    checked = []
    monkeypatch.setattr(shortcuts, "measure", lambda spec, seed, clip_hu: checked.append(seed) or [])
    monkeypatch.setattr(shortcuts, "all_checks", lambda frame: {})
    monkeypatch.setattr(sys, "argv", ["shortcuts.py", "1", "--reported"])
    shortcuts.main()
    assert checked == [1, shortcuts.load_experiment(shortcuts.ROOT / "config" / "phantom.yaml").data_seed]


@pytest.fixture
def quick(monkeypatch):
    """Fewer folds and shuffles, and logistic regression alone unless a test asks for the other."""
    monkeypatch.setattr(shortcut_checks, "SHUFFLES", 8)
    monkeypatch.setattr(shortcut_checks, "FOLDS", 3)
    models = shortcut_checks.models

    def choose(name="logistic"):
        monkeypatch.setattr(shortcut_checks, "models", lambda: {name: models()[name]})

    choose()
    return choose


@pytest.mark.parametrize("model", ["logistic", "boosting"])
def test_classifiers_find_a_volume_that_grows_with_the_tumor(quick, model):
    quick(model)
    frame = made_up(120)
    ill = frame["kind"] == "pancreas"
    frame.loc[ill, "volume_pancreas"] += 30  # three standard deviations: AUC Phi(3 / sqrt(2)) = 0.983
    table = classifiers(frame).set_index("target")
    assert table.loc["pancreas", ["model", "verdict", "within"]].tolist() == [model, "fails", "no"]
    assert table.loc["pancreas", "auc"] > 0.9


def test_classifiers_find_nothing_where_nothing_is(quick):
    table = classifiers(made_up(160, seed=3))
    assert (table["verdict"] == "holds").all()
    assert (table["trained"] == table["tested"]).all()


def test_a_shortcut_learned_in_training_is_applied_to_the_test(quick):
    frame = made_up(160, roles=("report_train", "test_internal"))
    frame.loc[frame["kind"] == "kidney", "phase"] = "plain"
    table = classifiers(frame)
    table = table[table["trained"] != table["tested"]].set_index("target")
    assert set(table["trained"]) == {"report_train"}
    assert set(table["tested"]) == {"test_internal"}
    assert table.loc["kidney", "verdict"] == "fails"


def test_single_facts_name_the_one_that_leaks():
    frame = made_up()
    assert set(facts(frame)["verdict"]) == {"holds"}
    frame.loc[frame["kind"] == "kidney", "age"] += 15
    table = facts(frame)
    failed = table[table["verdict"] == "fails"]
    assert set(zip(failed["target"], failed["fact"], strict=True)) == {("kidney", "age")}
    assert failed["low"].iloc[0] > 0.5


def test_look_alikes_twice_as_frequent_in_normals_are_found():
    frame = made_up(400)
    assert set(distractors(frame)["verdict"]) == {"holds"}
    frame["pancreas:cyst"] = np.where(frame["kind"] == "pancreas", 1, 2)
    found = verdicts(distractors(frame), "target", "kind")
    assert {key for key, verdict in found.items() if verdict == "fails"} == {("pancreas", "cyst")}


def test_p_of_look_alikes_is_exact():
    # One of two CTs has the tumor; no vessel with it, five without: 2 x (1/2)^5 = 0.0625.
    # Ducts: 0 of 1 against 1 of 1: both tables with these margins are equally likely, p = 1.
    frame = made_up(2)
    frame["kind"] = ["pancreas", "normal"]
    frame["pancreas:vessel"], frame["pancreas:dilated_duct"] = [0, 5], [0, 1]
    frame["kind"] = ["both", "normal"]
    table = distractors(frame).set_index(["target", "kind"])
    assert table.loc[("pancreas", "vessel"), "p"] == pytest.approx(0.0625)
    assert table.loc[("pancreas", "vessel"), ["tumor", "free"]].tolist() == ["0/1", "5/1"]
    assert table.loc[("pancreas", "dilated_duct"), "p"] == pytest.approx(1.0)


def test_normals_from_a_noisier_scanner_or_another_phase_are_found():
    frame = made_up()
    assert set(normals(frame)["verdict"]) == {"holds"}
    free = frame["kind"] == "normal"
    frame.loc[free, "scan:noise_hu"] += 2
    frame.loc[free, "phase"] = frame.loc[free, "phase"].replace("plain", "venous")
    table = normals(frame)
    assert set(table.loc[table["verdict"] == "fails", "fact"]) == {"scan:noise_hu", "phase"}
    assert set(table["test"]) == {"KS", "chi-square"}


def test_a_detector_that_sees_the_tumors_fails_and_noise_does_not():
    frame = made_up()
    assert set(detectors(frame)["verdict"]) == {"holds"}
    ill = frame["kind"].isin(DISEASED["kidney"])
    frame.loc[ill, "kidney:raw smooth full bright any"] += 2  # AUC Phi(2 / sqrt(2)) = 0.921
    table = detectors(frame)
    assert verdicts(table, "target", "family") == {
        ("kidney", "raw smooth"): "fails",
        ("kidney", "spread"): "holds",
        ("pancreas", "raw smooth"): "holds",
        ("pancreas", "spread"): "holds",
    }
    assert table["elsewhere"].isna().all()  # no training role here


def test_detectors_see_a_ball_and_its_polarity(pairs):
    case = pairs[0]
    organ = case.stored_organs["pancreas"]
    plain = np.where(organ, 100, 0).astype(np.int16)
    center = np.argwhere(organ)[organ.sum() // 2]
    gaps = np.stack(np.meshgrid(*[np.arange(n) for n in organ.shape], indexing="ij"), -1) - center
    ball = organ & (np.linalg.norm(gaps, axis=-1) <= 2)  # 16 mm across
    scores = {
        name: detector_scores(replace(case, ct=np.where(ball, hu, plain).astype(np.int16)), SPEC, CLIP_HU)
        for name, hu in (("none", 100), ("bright", 180), ("dark", 20))
    }
    assert scores["none"]["pancreas:spread sd"] == 0
    assert scores["none"]["pancreas:filled smooth full bright any"] == 0
    for seen, other in (("bright", "dark"), ("dark", "bright")):
        response = {
            p: scores[seen][f"pancreas:filled smooth full {p} 4 mm"] for p in ("bright", "dark", "both")
        }
        assert 20 < response[seen] < 80  # blurred by 4 mm, the ball of 80 HU keeps a part
        assert response["both"] == response[seen]
        # Ball and mirror image: the same numbers with bright and dark exchanged.
        mirrored = scores[other][f"pancreas:filled smooth full {other} 4 mm"]
        assert response[seen] == pytest.approx(mirrored, rel=1e-4)


def test_a_flat_ct_has_flat_facts_and_a_place_is_where_it_is_said_to_be(pairs):
    masks = pairs[0].stored_organs
    flat = np.full(GRID.shape, 50, np.int16)
    found = image_facts(flat, masks, GRID, CLIP_HU)
    assert {v for k, v in found.items() if k.startswith("hu_") and k != "hu_fat"} == {50.0}
    assert np.isnan(found["hu_fat"])  # no voxel of -150 to -50 HU
    assert {v for k, v in found.items() if k.startswith("noise_")} == {0.0}
    x, y, z = GRID.axes()
    liver = (x - 54) ** 2 + (y - 6) ** 2 + (z - 46) ** 2 < 20**2
    changed = image_facts(np.where(liver, 57, flat), masks, GRID, CLIP_HU)
    assert (changed["hu_liver"], changed["hu_spine"]) == (57, 50)
    organs = masks["pancreas"] | masks["kidney_left"] | masks["kidney_right"]
    inside = image_facts(np.where(organs, 200, flat), masks, GRID, CLIP_HU)
    same = set(found) - {"hu_whole", "hu_fat"}
    assert {k: inside[k] for k in same} == {k: found[k] for k in same}
    assert inside["hu_whole"] == pytest.approx(50 + 150 * organs.mean(), rel=1e-5)


def test_settings_are_those_of_the_case(pairs):
    for number, case in enumerate(pairs[:3]):
        settings, empty = scan_settings(HOSPITAL, GRID, case.phase, (7, 2, number))
        # The corner is air, in the case as in a scan of nothing: same noise, gain and offset, bit by bit.
        np.testing.assert_array_equal(empty[:2, :2], case.ct[:2, :2])
        assert HOSPITAL.noise_hu[0] <= settings["noise_hu"] <= HOSPITAL.noise_hu[1]
        assert HOSPITAL.gain[0] <= settings["gain"] <= HOSPITAL.gain[1]


def test_settings_drawn_in_another_order_are_refused(monkeypatch):
    def other(layers, table, hospital, grid, rng):
        rng.uniform(*hospital.noise_hu)
        return np.zeros(grid.shape)

    monkeypatch.setattr(shortcut_facts, "render_ct", other)
    with pytest.raises(RuntimeError, match="expected scanner settings"):
        scan_settings(HOSPITAL, GRID, "plain", (7, 2, 0))


def test_labels_count_both_targets():
    frame = pd.DataFrame({"kind": ["pancreas", "kidney", "both", "normal"]})
    found = {target: shortcut_checks.labels_of(frame, target).tolist() for target in TARGETS}
    assert found == {"pancreas": [True, False, True, False], "kidney": [False, True, True, False]}
