"""docs/why.md and docs/tutorial.md: their numbers are the paper's and those of the runs that are kept."""

import re

import pandas as pd
import pytest

from benchmarks.baselines import REFERENCE, means
from rsuper.config.load import load_experiment
from tests.docs.documents import ROOT

KEPT = ROOT / "results" / "reference"
WHY = (ROOT / "docs" / "why.md").read_text(encoding="utf-8")
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
CELLS = [("pancreas", "JHH-Test"), ("pancreas", "UCSF-Test"), ("kidney", "UCSF-Test")]


def table(head):
    """Rows of the table that begins with this head."""
    lines = WHY.split(head + "\n", 1)[1].split("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def kept(experiment):
    return means(pd.read_csv(KEPT / experiment / "table2.csv"))


def test_the_paper_and_the_default_beside_each_other():
    paper = pd.read_csv(ROOT / "rsuper" / "publish" / "paper" / "reported_results.csv")
    paper = paper[(paper["table"].astype(str) == "2") & (paper["metric"] == "auc") & (paper["masks"] > 50)]
    ours = kept("phantom")
    ours = ours[ours["budget"] == "full"].set_index("label")
    rows = table("| row | paper: pancreas, JHH | pancreas, UCSF | kidney, UCSF | here: AUC | tumor DSC |")
    assert len(rows) == 7
    for label, *cells in rows:
        method = ours.loc[label, "method"]
        theirs = paper[paper["method"] == method].set_index(["target", "test_set"])["value"]
        assert [float(cell) for cell in cells[:3]] == [theirs[cell] for cell in CELLS], label
        assert [float(cell) for cell in cells[3:]] == pytest.approx(
            [100 * ours.loc[label, "AUC"], 100 * ours.loc[label, "DSC"]], abs=0.051
        ), label


def test_the_study():
    ours = kept("phantom_seeds").set_index(["budget", "method"])
    rows = table("| row | masks | AUC | tumor DSC |")
    assert len(rows) == 10
    for method, budget, auc, dsc in rows:
        row = ours.loc[(budget, method.strip("`"))]
        assert (float(auc), float(dsc)) == pytest.approx((100 * row["AUC"], 100 * row["DSC"]), abs=0.051)


def test_differences_of_the_baselines():
    ours = means(pd.read_csv(REFERENCE)).set_index(["budget", "method"])
    section = WHY.split("## Models Genesis")[1].split("## RG pseudo-labels")[0]

    def above(budget, method, other, measure):
        return ours.loc[(budget, method), measure] - ours.loc[(budget, other), measure]

    for said, found in {
        ".05 with few": above("few", "models_genesis", "models_genesis-no_pretraining", "DSC"),
        ".03 with many": above("full", "models_genesis", "models_genesis-no_pretraining", "DSC"),
        ".03 above it": above("full", "segmentation", "models_genesis", "DSC"),
        ".01 in AUC": above("few", "clip_like", "clip_like-shuffled_text", "AUC"),
        ".03 in DSC": above("few", "clip_like", "clip_like-shuffled_text", "DSC"),
        ".007 to AUC": above("few", "multi_task", "segmentation", "AUC"),
        ".046 of DSC": -above("few", "multi_task", "segmentation", "DSC"),
        ".031 over": above("few", "multi_task-max_read_out", "segmentation", "AUC"),
    }.items():
        assert said in section
        number = said.split()[0]
        assert float(number) == pytest.approx(found, abs=0.51 * 10 ** -(len(number) - 1)), said


def test_the_tutorial_s_numbers():
    rows = pd.read_csv(KEPT / "phantom" / "table2.csv").set_index(["budget", "method"])
    few = [rows.loc[("few", method)] for method in ("segmentation", "r_super")]

    def both(column):
        return [f"{100 * row[column]:.1f}" for row in few]

    assert "Segmentation has AUC {}, R-Super {}".format(*both("pancreas_internal_auc")) in TUTORIAL
    assert "external, it is {} and {}".format(*both("kidney_external_auc")) in TUTORIAL
    assert "alone: {} and {}".format(*both("pancreas_internal_dsc_tumor")) in TUTORIAL
    assert f"gets {100 * rows.loc[('full', 'silent'), 'pancreas_internal_dsc']:.1f} in DSC" in TUTORIAL
    trained = rows[(rows["status"] == "run") & (rows["block"] != "controls")]
    assert f"{len(trained)} rows are trained" in TUTORIAL


def test_the_tutorial_s_verdicts():
    verdicts = pd.read_csv(KEPT / "phantom" / "hypotheses.csv")
    few = (
        verdicts[verdicts["id"] == "few_masks"]
        .groupby("metric")["verdict"]
        .agg(lambda v: (v == "holds").sum())
    )
    many = verdicts[verdicts["id"] == "many_masks"]["verdict"]
    assert few.to_dict() == {"auc": 1, "dsc_tumor": 4}
    assert (many == "undecided").sum() == len(many) - 1


def test_the_tutorial_s_experiment_is_one(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", TUTORIAL, flags=re.DOTALL)
    (tmp_path / "phantom.yaml").write_text((ROOT / "config" / "phantom.yaml").read_text())
    (tmp_path / "mine.yaml").write_text(text)
    experiment = load_experiment(tmp_path / "mine.yaml")
    assert {name: budget.methods for name, budget in experiment.budgets.items()} == {
        "few": ("segmentation", "r_super")
    }
