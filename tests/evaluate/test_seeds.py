import math

import numpy as np
import pandas as pd
import pytest
from scored_runs import make_experiment, random_run, run_cases

from rsuper.errors import ArtifactError
from rsuper.evaluate.compare import comparisons_frame
from rsuper.evaluate.seeds import ALL_SEEDS, count_seeds, over_seeds, seed_groups
from rsuper.evaluate.summary import metrics_frame
from rsuper.stats.delong import delong_test
from rsuper.stats.permutation import paired_permutation_test

EXPERIMENT = make_experiment()
KEYS = ["test_set", "target", "stratum", "metric", "convention", "rule"]


def three_seeds(method="r_super", shift=1.0):
    return pd.concat([random_run(method, 10 * seed + 7, shift, seed=seed) for seed in range(3)])


def metrics(cases, **evaluation):
    settings = EXPERIMENT.evaluation.model_copy(update=evaluation)
    return metrics_frame(cases, settings, np.random.default_rng(0))


def comparisons(*runs):
    return comparisons_frame(pd.concat(runs), EXPERIMENT, np.random.default_rng(0))


def pooled(groups):
    return next(group for group in groups if group.key.seed == ALL_SEEDS)


def test_rows_of_all_seeds_are_means_with_wider_bounds():
    frame = metrics(three_seeds())
    every = frame[frame["seed"] == ALL_SEEDS].set_index(KEYS)
    single = frame[frame["seed"] != ALL_SEEDS]
    means = single.groupby(KEYS)["value"].mean(skipna=False)
    assert len(every) == len(means)
    for key, row in every.iterrows():
        assert row["value"] == pytest.approx(means[key], nan_ok=True)
        assert math.isnan(row["threshold"])  # each seed has its own
    # Every mask of the made-up runs covers its tumor.
    assert set(every.loc[every["interval"] == "degenerate", "value"]) == {1.0}
    measured = every[every["value"].notna() & (every["interval"] != "degenerate")]
    assert set(measured["interval"]) == {"two_level"}
    # Seeds of one method differ by chance here: the bounds of all hold the mean, and reach beyond the
    # bounds of a mean over cases alone, which would be about the mean width over the root of three.
    assert ((measured["ci_low"] < measured["value"]) & (measured["value"] < measured["ci_high"])).all()
    widths = single.assign(width=single["ci_high"] - single["ci_low"]).groupby(KEYS)["width"].mean()
    ratio = (measured["ci_high"] - measured["ci_low"]) / widths[measured.index]
    assert ratio.mean() > 1 / math.sqrt(3)


def test_rows_of_single_seeds_do_not_depend_on_the_others():
    together = metrics(three_seeds())
    alone = metrics(random_run("r_super", 7, seed=0))
    first = together[together["seed"] == "0"].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, alone)
    assert ALL_SEEDS not in set(alone["seed"])


def test_differences_of_all_seeds():
    runs = three_seeds(shift=2.0), three_seeds("segmentation", 0.5)
    frame = comparisons(*runs)
    every, single = frame[frame["seed"] == ALL_SEEDS], frame[frame["seed"] != ALL_SEEDS]
    means = single.groupby(KEYS)["difference"].mean(skipna=False)
    for key, row in every.set_index(KEYS).iterrows():
        assert row["difference"] == pytest.approx(means[key], nan_ok=True)
    ours, other = (pooled(seed_groups(run, EXPERIMENT.evaluation.score)) for run in runs)
    row = every[(every["metric"] == "auc") & (every["stratum"] == "all")].iloc[0]
    assert row["p_value"] == delong_test(ours.labels, ours.scores, other.scores).p_value
    assert 0 < row["ci_low"] < row["difference"] < row["ci_high"]
    rule = "oracle_test"
    row = every[(every["metric"] == "f1") & (every["stratum"] == "all") & (every["rule"] == rule)].iloc[0]
    tested = paired_permutation_test(ours.labels, ours.calls(rule), other.calls(rule))
    assert row["p_value"] == tested.p_value


def test_lesions_over_seeds():
    labels, scores = [1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1]
    runs = [
        run_cases(labels, scores, dsc, seed=seed) for seed, dsc in enumerate(([1, 1, 1, 0], [1, 0, 0, 0]))
    ]
    frame = metrics(pd.concat(runs))
    every = frame[(frame["seed"] == ALL_SEEDS) & (frame["stratum"] == "all")].set_index("metric")["value"]
    # Two of two and one of two tumors; one and two false pieces in four CTs.
    assert every["lesion_sensitivity"] == pytest.approx((1 + 0.5) / 2)
    assert every["false_positives_per_ct"] == pytest.approx((0.25 + 0.5) / 2)


def test_failures_and_missing_thresholds_name_their_seed():
    labels = [1, 1, 0, 0]
    whole, torn = (
        run_cases(labels, [0.9, low, 0.2, 0.1], seed=seed) for seed, low in enumerate((0.8, math.nan))
    )
    group = pooled(seed_groups(pd.concat([whole, torn]), EXPERIMENT.evaluation.score))
    assert group.failures("all") == "seed 1: 1 of 4 cases failed: called negative, mask empty"
    assert group.threshold("validation").reason.startswith("seed 0: no threshold: 0 tumor and 0 tumor-free")
    frame = metrics(pd.concat([whole, torn]))
    row = frame[(frame["seed"] == ALL_SEEDS) & (frame["rule"] == "validation")].iloc[0]
    assert math.isnan(row["value"])
    assert row["reason"].startswith("seed 0: no threshold")


def test_seeds_with_other_cases_are_refused():
    runs = [random_run("r_super", seed, seed=seed) for seed in (0, 1)]
    with pytest.raises(ArtifactError, match=r"case 'case003' is among .* seed 0, .* not of .* seed 1"):
        metrics(pd.concat([runs[0], runs[1].drop(index=3)]))


def test_printed_rows():
    frame = pd.concat([metrics(three_seeds()), metrics(random_run("segmentation", 1, seed=0))])
    kept = over_seeds(frame)
    assert kept.groupby("method")["seed"].unique().map(list).to_dict() == {
        "r_super": [ALL_SEEDS],
        "segmentation": ["0"],
    }
    assert count_seeds(frame) == {("full", "r_super"): 3, ("full", "segmentation"): 1}
    with pytest.raises(ArtifactError, match="r_super at budget full has several seeds, but no rows"):
        over_seeds(frame[frame["seed"] != ALL_SEEDS])
    assert over_seeds(frame[:0]).empty


def test_bca_bounds_on_request():
    cases = random_run("r_super", 3)
    plain, corrected = metrics(cases), metrics(cases, bootstrap="bca")
    means = plain["metric"].isin(["dsc", "false_positives_per_ct"])
    assert (plain.loc[means, "interval"] == "percentile").all()
    assert (corrected.loc[means, "interval"] == "bca").all()
    assert (plain.loc[means, "value"] == corrected.loc[means, "value"]).all()
    assert not (plain.loc[means, "ci_low"] == corrected.loc[means, "ci_low"]).all()
