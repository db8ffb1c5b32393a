"""What the benchmark compares must be the same numbers, on masks of the stated size."""

import math

import numpy as np
import pytest
from scipy.ndimage import label

from benchmarks.metrics import monai, ours
from benchmarks.metrics_agreement import agreement_rows
from benchmarks.metrics_scenes import SCENES, predicted_mask, truth_mask
from benchmarks.metrics_tests import kernel_delong, load_delong, scipy_permutation
from benchmarks.timing import in_turn
from rsuper.stats.delong import delong_test
from rsuper.stats.permutation import paired_permutation_test


def test_every_call_is_made_in_turn():
    made = []
    ms = in_turn({"a": lambda: made.append("a"), "b": lambda: made.append("b")}, 3)
    assert made == ["a", "b"] * 3
    assert min(ms.values()) >= 0


def test_contestants_agree_on_a_small_mask():
    truth = np.full((40, 40, 40), False, order="F")
    truth[12:26, 10:28, 10:20] = True
    for kind in ("moved", "rough", "scattered"):
        predicted = predicted_mask(truth, kind, np.random.default_rng(0))
        assert predicted.any()
        assert (predicted != truth).any()
        spacing_mm = (0.7, 0.7, 2.0)
        values = ours(truth, predicted, spacing_mm, hd95=True)
        assert values[:3] == ours(truth, predicted, spacing_mm, hd95=False) == sorted(values[:3])
        assert values[1] == pytest.approx(monai(truth, predicted, spacing_mm), abs=1e-6)


def test_other_tests_give_the_same_p():
    rng = np.random.default_rng(1)
    labels = np.arange(80) % 2
    a, b = rng.integers(0, 9, (2, 80)) + labels
    assert kernel_delong(labels, a, b) == pytest.approx(delong_test(labels, a, b).p_value, abs=1e-12)
    a, b = (rng.random((2, 80)) < 0.3 + 0.4 * labels).astype(int)
    exact = paired_permutation_test(labels, a, b).p_value
    # 9,999 swaps: a standard error of at most 0.005.
    assert scipy_permutation(labels, a, b) == pytest.approx(exact, abs=0.02)


def test_a_published_file_is_loaded_from_where_it_lies(tmp_path):
    path = tmp_path / "file.py"
    path.write_text("import numpy as np\nONE = np.float(1)\n")
    assert load_delong(path).ONE == 1.0
    assert not hasattr(np, "float")


@pytest.mark.real
def test_pairs_of_real_masks_are_compared_number_by_number(real):
    def shifted(truth, predicted, spacing_mm):
        return [each + 0.5 for each in ours(truth, predicted, spacing_mm, hd95=False)[:2]]

    rows = list(agreement_rows(real, lambda *pair: ours(*pair, hd95=False), {"shifted": shifted}))
    assert len(rows) >= 20
    assert len({(row["structure"], row["change"]) for row in rows}) == len(rows)
    assert [row["gap_shifted"] for row in rows] == pytest.approx([0.5] * len(rows))
    assert len({round(row["nsd_2mm"], 6) for row in rows}) > 20


@pytest.mark.real
def test_a_scene_is_one_piece_of_the_stated_volume(real):
    scene = SCENES[0]
    truth = truth_mask(scene, real)
    assert truth.shape == (512, 512, scene.slices)
    assert truth.flags.f_contiguous
    volume_ml = truth.sum() * math.prod(scene.spacing_mm) / 1000
    assert volume_ml == pytest.approx(scene.volume_ml, rel=0.35)  # 5 mm slices are coarse for 5 mL
    assert label(truth)[1] == 1
