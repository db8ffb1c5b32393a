"""The methods that are there: what they see, that rows do equal work, what controls and variants do."""

from dataclasses import replace

import numpy as np
import pytest

from rsuper.errors import ArtifactError, MethodError
from rsuper.methods import METHODS, available, find
from rsuper.runs import training_totals
from tests.methods.contract import log_lines

CARDS = available()
NAMES = [*CARDS, *(f"{name}-{variant}" for name, card in CARDS.items() for variant in card.variants)]


def test_only_the_ceilings_may_see_the_truth():
    assert [name for name, card in CARDS.items() if card.control == "ceiling"] == ["all_masks", "oracle"]


def test_what_is_visible(task_for, tmp_path, collection):
    cohort = task_for("r_super", tmp_path).cohort
    assert [case.case_id for case in cohort.masks] == ["tiny_M1", "tiny_M2", "tiny_M3"]
    assert [case.stored.case_id for case in cohort.reports] == collection.report_ids("full", 0)
    assert {case.case_id for case in cohort.images} == {
        "tiny_M1",
        "tiny_M2",
        "tiny_M3",
        *collection.report_ids("full", 0),
    }


def test_all_methods_are_handed_the_same_cases(task_for, tmp_path):
    """Mask cases, report cases and CTs: where a card declares a kind, it is the same list for all."""
    cohorts = {name: task_for(name, tmp_path).cohort for name in NAMES}
    masks = {tuple(case.case_id for case in c.masks) for c in cohorts.values() if c.card.uses.masks}
    reports = {
        tuple(case.stored.case_id for case in c.report_cases)
        for c in cohorts.values()
        if c.card.uses.reports != "none"
    }
    images = {tuple(case.case_id for case in c.images) for c in cohorts.values() if c.card.uses.all_images}
    assert len(masks) == len(reports) == len(images) == 1
    assert {*masks.pop(), *reports.pop()} == set(images.pop())


# -------------------------------------------------------------------------------------------- equal work


def test_rows_do_equal_work(fitted):
    work = {
        name: training_totals(fitted(name).workdir)
        for name in (
            "segmentation",
            "r_super",
            "r_super-volume_only",
            "r_super-ball_only",
            "rg_pseudo_labels",
            "multi_task",
        )
    }
    for totals in work.values():
        # 2 steps of 2 mask patches.
        assert (totals["steps"], totals["mask_patches"]) == (2, 4)
    assert work["segmentation"]["report_patches"] == 0
    assert work["r_super"]["report_patches"] == 4
    assert work["r_super-volume_only"] == work["r_super-ball_only"] == work["r_super"]
    # Pseudo-masks, or presence, in the place of details.
    assert work["rg_pseudo_labels"] == work["multi_task"] == work["r_super"]
    assert training_totals(fitted("segmentation-stage1").workdir)["steps"] == 2
    # The first of two stages takes the place of the shared one: the same total, masks in the second alone.
    for name in ("models_genesis", "clip_like"):
        totals = training_totals(fitted(name).workdir)
        assert totals == {"steps": 2 + 2, "mask_patches": 4, "report_patches": 0}
    assert training_totals(fitted("silent").workdir) == dict.fromkeys(
        ("steps", "mask_patches", "report_patches"), 0
    )


def test_controls_see_what_they_say(fitted):
    def totals(name):
        work = training_totals(fitted(name).workdir)
        return work["steps"], work["mask_patches"], work["report_patches"]

    # 2 steps of 2 + 2 patches: masks in the place of reports, or reports of another kind.
    assert totals("segmentation-all_patches") == totals("all_masks") == (2, 8, 0)
    assert totals("r_super-shuffled_reports") == totals("r_super-normals_only") == (2, 4, 4)
    for line in log_lines(fitted("r_super-normals_only").workdir):
        assert "count:positive_sized" not in line
        assert line["tumors_assigned"] == 0


def test_the_ceiling_trains_on_masks_that_no_method_may_see(task_for, tmp_path, collection):
    cohort = task_for("all_masks", tmp_path).cohort
    assert [case.case_id for case in cohort.withheld] == collection.report_ids("full", 0)
    by_case = {case.case_id: case for case in cohort.withheld}
    if "tiny_R1" in by_case:
        case = by_case["tiny_R1"]
        assert int((case.tumors((0, 0, 0), case.index.shape) == 1).sum()) == 27
    for name in ("segmentation", "r_super"):
        with pytest.raises(MethodError, match=f"'{name}' asked for .* control: ceiling"):
            _ = task_for(name, tmp_path).cohort.withheld
    # What a method is handed holds no such labels.
    with pytest.raises(ArtifactError, match=r"tumors\.b2nd: no such array"):
        task_for("r_super", tmp_path).cohort.reports[0].stored.tumors((0, 0, 0), (4, 4, 4))
    task = task_for("all_masks", tmp_path)
    without = replace(task, cohort=replace(task.cohort, withheld_cases=()))
    with pytest.raises(MethodError, match="no data set has any: take the row out"):
        find("all_masks").module.fit(without, find("all_masks").config({}))


def test_rows_continue_the_same_first_stage_on_the_same_mask_patches(fitted, collection):
    first = {name: log_lines(fitted(name).workdir)[0] for name in ("segmentation", "r_super")}
    masks = [key for key in first["segmentation"] if key.startswith("mask_")]
    assert masks
    for key in masks:
        # The first step starts from the same weights and sees the same mask patches, in a larger batch.
        assert first["r_super"][key] == pytest.approx(first["segmentation"][key], rel=1e-4, abs=1e-5)


def test_ablations_drop_their_loss(fitted):
    terms = {name: set(log_lines(fitted(name).workdir)[0]) for name in NAMES if name.startswith("r_super")}
    assert {"volume", "ball"} <= terms["r_super"]
    assert "ball" not in terms["r_super-volume_only"]
    assert "volume" not in terms["r_super-ball_only"]


def test_a_variant_for_some_targets_answers_for_these_alone(fitted):
    method = find("r_super-pancreas_only")
    assert method.targets(("pancreas", "kidney")) == ("pancreas",)
    assert find("r_super").targets(("pancreas", "kidney")) == ("pancreas", "kidney")
    with pytest.raises(MethodError, match=r"'r_super-pancreas_only' is for .*'pancreas'.*has \['kidney'\]"):
        method.targets(("kidney",))
    # Per step two report patches, each with three pancreas segments, or with two kidneys besides.
    for name, regions in (("r_super-pancreas_only", 6), ("r_super", 10)):
        (line, _) = log_lines(fitted(name).workdir)
        assert sum(number for key, number in line.items() if key.startswith("count:")) == regions


def test_the_log_says_which_regions_counted_and_what_tumors_found(fitted):
    for line in log_lines(fitted("r_super").workdir):
        counts = {name: number for name, number in line.items() if name.startswith("count:")}
        assert sum(counts.values()) > 0
        assert {"tumors_assigned", "tumors_truncated", "tumors_no_room"} <= set(line)
        assert line["tumors_no_room"] == 0


def on_medformer(task):
    """The same task on the paper's network, at an eighth of its widths."""
    network = {"name": "medformer", "options": {"preset": "eighth"}, "patch": (32, 32, 32)}
    return replace(task, network=task.network.model_copy(update=network))


def test_the_papers_network_trains_in_both_stages_and_predicts(task_for, collection, tmp_path):
    for name in ("segmentation-stage1", "r_super"):
        task = on_medformer(task_for(name, tmp_path))
        find(name).module.fit(task, find(name).config({}))
    assert {"volume", "ball"} <= set(log_lines(task.workdir)[0])
    (first, _) = find("r_super").module.predict(task, collection.test_volumes("internal"))
    assert all(0 <= p.min() < p.max() <= 1 for p in first.probabilities.values())


# nnU-Net plans a network of its own.
ON_MEDFORMER = [name for name, card in CARDS.items() if card.control is None and name != "nnunet"]


@pytest.mark.learning
@pytest.mark.parametrize("name", ON_MEDFORMER)
def test_every_method_trains_on_the_papers_network_for_fifty_steps(name, task_for, collection, tmp_path):
    """25 in each stage: every loss stays finite, and what is trained on masks in the end falls."""
    method, schedule = find(name), {"stage1_steps": 25, "steps": 25}
    for needed in (*method.needs, name):
        task = on_medformer(task_for(needed, tmp_path, **schedule))
        find(needed).module.fit(task, find(needed).config({}))
    assert training_totals(task.workdir)["steps"] in (25, 50)
    lines = log_lines(task.workdir)
    assert all(np.isfinite(list(line.values())).all() for line in lines)
    masks = [line["mask_cross_entropy_final"] for line in lines if "mask_cross_entropy_final" in line]
    assert np.mean(masks[-5:]) < np.mean(masks[:5])
    (first, _) = method.module.predict(task, collection.test_volumes("internal"))
    assert all(0 <= p.min() < p.max() <= 1 for p in first.probabilities.values())


# -------------------------------------------------------------------------------------------- predictions


def test_the_ceiling_is_the_truth_and_the_floor_is_empty(fitted, collection):
    volumes = collection.test_volumes("internal")
    (tumor, normal) = find("oracle").module.predict(fitted("oracle"), volumes)
    assert tumor.probabilities["pancreas"].sum() == 27  # 3 x 3 x 3 voxels
    assert tumor.probabilities["kidney"].sum() == 0
    assert all(p.sum() == 0 for p in normal.probabilities.values())
    for prediction in find("silent").module.predict(fitted("silent"), volumes):
        assert all(p.max() == 0 for p in prediction.probabilities.values())


def test_folders_lie_where_they_are_looked_for():
    assert sorted(path.parent.name for path in METHODS.glob("*/method.py")) == sorted(CARDS)
